/** Why queued documents were dropped. */
export type DropReason =
  /** The queue reached its size limit. */
  | 'queue_full'
  /** The documents exceeded the queue's maximum age. */
  | 'too_old'
  /** Writes to disk failed, and the in-memory spill buffer was full. */
  | 'disk'
  /** A record on disk was torn or corrupt. */
  | 'damaged'
  /** A file could not be read for minutes, and was set aside. */
  | 'unreadable'
  /** The server rejected them, and they could not be written as dead letters. */
  | 'unsaved';

/** A counter per reason, initially 0, so that reasons that never occurred are exported too. */
export const noDrops = (): Record<DropReason, number> => ({
  queue_full: 0,
  too_old: 0,
  disk: 0,
  damaged: 0,
  unreadable: 0,
  unsaved: 0,
});
