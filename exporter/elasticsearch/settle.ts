import type { BulkItem } from './bulk.ts';
import type { DeadLetter } from './dead-letters/letter.ts';
import { type Trouble, troubleOf } from './trouble.ts';
import { isStored, type Verdict } from './verdict.ts';
import { isReadOnlyIndex } from './write-block.ts';

/** The result of one request, by document and by stream. */
export interface Settled {
  /** The node that answered, as in SearchError. */
  readonly node: string;
  readonly delivered: readonly BulkItem[];
  readonly duplicates: readonly BulkItem[];
  readonly conflicts: readonly BulkItem[];
  readonly rejected: readonly DeadLetter[];
  /** To be retried, in order. */
  readonly left: readonly BulkItem[];
  /** Those of them that are later than their stream accepts now. */
  readonly early: readonly BulkItem[];
  /** Streams with documents that a read-only index refused. */
  readonly readOnly: ReadonlySet<string>;
  /** Streams that now have at least one of the documents. */
  readonly open: ReadonlySet<string>;
  /** Streams that accepted none of theirs, and why. */
  readonly stuck: ReadonlyMap<string, Trouble>;
  /** The first reason for a document in `left`. */
  readonly trouble: Trouble | undefined;
}

/**
 * Sorts documents by verdict, and marks those on which the server failed. A document refused by a read-only index is
 * rejected once its stream has accepted a newer one, so that it does not block the others.
 * @param acceptedMs by stream that accepted a document sent ahead just before: when that one was sampled
 */
export function settle(
  node: string,
  sent: readonly BulkItem[],
  verdicts: readonly Verdict[],
  acceptedMs: ReadonlyMap<string, number> = new Map(),
): Settled {
  const delivered: BulkItem[] = [];
  const duplicates: BulkItem[] = [];
  const conflicts: BulkItem[] = [];
  const rejected: DeadLetter[] = [];
  const left: BulkItem[] = [];
  const early: BulkItem[] = [];
  const readOnly = new Set<string>();
  const open = new Set<string>(acceptedMs.keys());
  const newestMs = newestAccepted(sent, verdicts, acceptedMs);
  const stuck = new Map<string, Trouble>();
  for (const [place, item] of sent.entries()) {
    const verdict = verdicts[place] as Verdict;
    switch (verdict.kind) {
      case 'delivered':
        delivered.push(item);
        open.add(item.index);
        break;
      case 'duplicate':
        duplicates.push(item);
        open.add(item.index);
        break;
      case 'conflict':
        conflicts.push(item);
        open.add(item.index);
        break;
      case 'rejected':
        rejected.push({ item, status: verdict.status, reason: verdict.reason });
        break;
      default:
        if (verdict.kind === 'blocked' && isReadOnlyIndex(verdict.reason)) {
          readOnly.add(item.index);
          if (item.atMs < (newestMs.get(item.index) ?? Number.NEGATIVE_INFINITY)) {
            const reason = `${verdict.reason}; its stream accepts newer documents`;
            rejected.push({ item, status: verdict.status, reason });
            break;
          }
        }
        if (verdict.kind === 'failed') item.hasFailed = true;
        if (verdict.kind === 'early') early.push(item);
        left.push(item);
        if (!stuck.has(item.index)) stuck.set(item.index, troubleOf(node, item.index, verdict));
    }
  }
  const [trouble] = stuck.values();
  for (const index of open) stuck.delete(index);
  return { node, delivered, duplicates, conflicts, rejected, left, early, readOnly, open, stuck, trouble };
}

/** By stream: when its newest accepted document was sampled. */
function newestAccepted(
  sent: readonly BulkItem[],
  verdicts: readonly Verdict[],
  acceptedMs: ReadonlyMap<string, number>,
): Map<string, number> {
  const newest = new Map(acceptedMs);
  for (const [place, { index, atMs }] of sent.entries()) {
    if (isStored(verdicts[place] as Verdict)) newest.set(index, Math.max(newest.get(index) ?? atMs, atMs));
  }
  return newest;
}
