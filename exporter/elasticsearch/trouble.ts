import { serverText } from '../server-text.ts';
import { clusterFaultOf } from './cluster-fault.ts';
import { SearchError, type SearchErrorCode } from './search-error.ts';
import type { RequestOutcome } from './sink-meter.ts';
import type { Verdict } from './verdict.ts';
import { isBlock, UNBLOCK } from './write-block.ts';

/** For the log; a dead letter has the full reason. */
export const REASON_MAX = 500;

/** Why a stream did not accept documents. */
export interface Trouble {
  readonly outcome: RequestOutcome;
  readonly error: SearchError;
  /** The whole server is overloaded (429): it refused this stream by chance. */
  readonly isOverload: boolean;
}

/** Verdicts after which a document is retried. */
export type Refusal = Extract<Verdict, { kind: 'busy' | 'early' | 'failed' | 'blocked' | 'withheld' }>;

/** Error with the server's reason and what to do. @param node of the server, as in SearchError */
export function troubleOf(node: string, stream: string, refusal: Refusal): Trouble {
  if (refusal.kind === 'withheld') return { outcome: 'refused', error: refusal.error, isOverload: false };
  const { code, outcome, next } = kindOf(refusal);
  const message = `${stream} does not accept documents (${serverText(refusal.reason, REASON_MAX)}); ${next}`;
  const isOverload = code === 'SEARCH_BUSY' && refusal.kind === 'busy' && refusal.status === 429;
  return { outcome, error: new SearchError(code, node, message), isOverload };
}

interface TroubleKind {
  readonly code: SearchErrorCode;
  readonly outcome: RequestOutcome;
  readonly next: string;
}

function kindOf(refusal: Exclude<Refusal, { kind: 'withheld' }>): TroubleKind {
  switch (refusal.kind) {
    case 'early':
      return {
        code: 'SEARCH_TIME_RANGE',
        outcome: 'busy',
        next: 'the server extends the time range of its newest index every few minutes; if this lasts longer, compare the clocks of this host and of the server',
      };
    case 'busy':
      if (isBlock(refusal.reason)) return { code: 'SEARCH_BLOCKED', outcome: 'busy', next: UNBLOCK };
      return {
        code: 'SEARCH_BUSY',
        outcome: 'busy',
        next: 'check the health of the index and the load of the server',
      };
    case 'failed':
      return {
        code: 'SEARCH_REFUSED',
        outcome: 'error',
        next: 'check the log of the server',
      };
    case 'blocked':
      return blocked(refusal);
  }
}

function blocked({ status, reason }: Extract<Refusal, { kind: 'blocked' }>): TroubleKind {
  if (isBlock(reason)) {
    return { code: 'SEARCH_BLOCKED', outcome: 'refused', next: UNBLOCK };
  }
  const fault = status === 400 ? clusterFaultOf(reason) : undefined;
  if (fault !== undefined) return { code: 'SEARCH_REFUSED', outcome: 'refused', next: fault.next };
  if (status === 404) {
    const next =
      'run virtune elasticsearch setup, and allow action.auto_create_index for metrics-kvm.* on the server';
    return { code: 'SEARCH_REFUSED', outcome: 'refused', next };
  }
  const next = 'check the API key or user and its privileges';
  return { code: 'SEARCH_PERMISSION', outcome: 'refused', next };
}
