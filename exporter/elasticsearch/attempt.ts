import type { RequestOutcome } from './sink-meter.ts';
import { isTaken, type Verdict } from './verdict.ts';

/** The result of one request as a whole. `node` is the node of the server, as for SearchError. */
export type Attempt =
  | { readonly kind: 'judged'; readonly node: string; readonly verdicts: readonly Verdict[] }
  /** The request itself was too large, or was not understood, for which one of its documents is to blame. */
  | {
      readonly kind: 'too-large' | 'unreadable';
      readonly node: string;
      readonly status: number;
      readonly reason: string;
    }
  | FailedAttempt;

export interface FailedAttempt {
  readonly kind: 'again';
  readonly outcome: RequestOutcome;
  readonly error: Error;
  readonly retryAfterMs?: number | undefined;
}

/** As `virtune_elasticsearch_requests_total` counts it. */
export function outcomeOf(attempt: Attempt): RequestOutcome {
  switch (attempt.kind) {
    case 'judged': {
      if (isWithheld(attempt)) return 'refused';
      return attempt.verdicts.every(isTaken) ? 'ok' : 'partial';
    }
    case 'too-large':
      return 'too_large';
    case 'unreadable':
      return 'refused';
    case 'again':
      return attempt.outcome;
  }
}

/** Whether all of its documents were held back for lack of templates, so that no bulk request was made. */
export function isWithheld(attempt: Attempt): boolean {
  if (attempt.kind !== 'judged') return false;
  const { verdicts } = attempt;
  return verdicts.length > 0 && verdicts.every(({ kind }) => kind === 'withheld');
}
