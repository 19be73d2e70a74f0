import type { RequestOutcome } from './sink-meter.ts';
import { isStored, type Verdict } from './verdict.ts';

/** The result of one request as a whole. `node` as in SearchError. */
export type Attempt =
  | { readonly kind: 'judged'; readonly node: string; readonly verdicts: readonly Verdict[] }
  /** The request was too large or could not be parsed, because of one of its documents. */
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

/** The outcome in `virtune_elasticsearch_requests_total`. */
export function outcomeOf(attempt: Attempt): RequestOutcome {
  switch (attempt.kind) {
    case 'judged': {
      if (isWithheld(attempt)) return 'refused';
      return attempt.verdicts.every(isStored) ? 'ok' : 'partial';
    }
    case 'too-large':
      return 'too_large';
    case 'unreadable':
      return 'refused';
    case 'again':
      return attempt.outcome;
  }
}

/** Whether all documents were withheld for lack of templates, so that no bulk request was sent. */
export function isWithheld(attempt: Attempt): boolean {
  if (attempt.kind !== 'judged') return false;
  const { verdicts } = attempt;
  return verdicts.length > 0 && verdicts.every(({ kind }) => kind === 'withheld');
}
