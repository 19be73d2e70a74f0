import type { VirtuneErrorCode } from '../../../model/virtune-error.ts';
import { Backoff } from '../../queue/backoff.ts';
import type { Attempt } from '../attempt.ts';
import { bytesOf, type SendItem } from '../bulk.ts';
import type { BulkClient } from '../bulk-client.ts';
import { troubleOf } from '../trouble.ts';
import { itemOf, type Letter } from './letter.ts';

export interface ResendParts {
  readonly client: Pick<BulkClient, 'send'>;
  readonly batchBytes: number;
  readonly signal: AbortSignal;
  readonly random: () => number;
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Called before waiting for a retry. */
  readonly onRetry?: ((error: Error, waitMs: number) => void) | undefined;
}

export interface Resent {
  readonly sent: number;
  readonly duplicates: number;
  /** Rejected again, with the new reason, or not accepted now. */
  readonly left: readonly Letter[];
  /** The first reason. */
  readonly reason: string | undefined;
  /** Letters not sent or not judged because the server accepts no requests; `error` is the reason. */
  readonly untried: readonly Letter[];
  readonly error: Error | undefined;
}

/** Maximum attempts per batch, by error code; 1 for any other error. */
const TRIES_MAX: Readonly<Partial<Record<VirtuneErrorCode, number>>> = {
  SEARCH_BUSY: 5,
  SEARCH_NO_ANSWER: 5,
  // Each node of a small cluster.
  SEARCH_UNREACHABLE: 3,
};

/**
 * Sends letters again. A document that is already stored, because it arrived after all or is sent for the second time,
 * is not duplicated: it has an id.
 */
export async function resend(letters: readonly Letter[], parts: ResendParts): Promise<Resent> {
  let sent = 0;
  let duplicates = 0;
  let reason: string | undefined;
  const left: Letter[] = [];
  const leave = (letter: Letter, why: string): void => {
    reason ??= why;
    left.push(letter);
  };
  let limitBytes = parts.batchBytes;
  const pairs = letters.map((letter) => ({ letter, item: itemOf(letter) }));
  let error: Error | undefined;
  let from = 0;
  while (from < pairs.length) {
    const batch = pairs.slice(from, from + countOf(pairs, from, limitBytes));
    const attempt = await tryToSend(
      batch.map(({ item }) => item),
      parts,
    );
    if (attempt.kind === 'again') {
      error = attempt.error;
      break;
    }
    const [first] = batch;
    if (attempt.kind !== 'judged') {
      if (batch.length > 1) {
        limitBytes = batch.reduce((sum, { item }) => sum + bytesOf(item), 0) / 2;
        continue;
      }
      const { status, reason: why } = attempt;
      if (first !== undefined) leave({ ...first.letter, status, reason: why }, why);
      from++;
      continue;
    }
    limitBytes = parts.batchBytes;
    for (const [place, { letter }] of batch.entries()) {
      const verdict = attempt.verdicts[place];
      if (verdict?.kind === 'delivered') sent++;
      else if (verdict?.kind === 'duplicate' || verdict?.kind === 'conflict') duplicates++;
      else if (verdict?.kind === 'rejected') {
        const { status, reason: why } = verdict;
        leave({ ...letter, status, reason: why }, why);
      } else if (verdict !== undefined)
        leave(letter, troubleOf(attempt.node, letter.index, verdict).error.message);
    }
    from += batch.length;
  }
  return { sent, duplicates, left, reason, untried: letters.slice(from), error };
}

function countOf(pairs: readonly { readonly item: SendItem }[], from: number, limitBytes: number): number {
  let bytes = 0;
  let count = 0;
  for (let at = from; at < pairs.length; at++) {
    bytes += bytesOf((pairs[at] as { readonly item: SendItem }).item);
    if (count > 0 && bytes > limitBytes) break;
    count++;
  }
  return count;
}

/** Result of the last attempt. */
async function tryToSend(
  items: readonly SendItem[],
  { client, signal, random, wait, onRetry }: ResendParts,
): Promise<Attempt> {
  const backoff = new Backoff(random);
  for (let tries = 1; ; tries++) {
    const attempt = await client.send(items, signal);
    if (attempt.kind !== 'again' || signal.aborted) return attempt;
    const { code } = attempt.error as Error & { readonly code?: VirtuneErrorCode };
    if (tries >= ((code && TRIES_MAX[code]) ?? 1)) return attempt;
    const waitMs = backoff.next(attempt.retryAfterMs);
    onRetry?.(attempt.error, waitMs);
    await wait(waitMs, signal);
    if (signal.aborted) return attempt;
  }
}
