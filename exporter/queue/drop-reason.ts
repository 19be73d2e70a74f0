/** Why documents were dropped that were in a queue. */
export type DropReason =
  /** The queue had grown to its limit. */
  | 'queue_full'
  /** The documents were older than the queue keeps them. */
  | 'too_old'
  /** The disk took nothing, and memory was full of what it did not take. */
  | 'disk'
  /** What was on the disk is not what was written. */
  | 'damaged'
  /** A file failed to be read for minutes, and was put aside. */
  | 'unreadable'
  /** The server rejected them, and the disk did not take them as dead letters. */
  | 'unsaved';

/** A counter for each reason: those that never happened are exported, too. */
export const noDrops = (): Record<DropReason, number> => ({
  queue_full: 0,
  too_old: 0,
  disk: 0,
  damaged: 0,
  unreadable: 0,
  unsaved: 0,
});
