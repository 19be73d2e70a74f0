import { ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import { isObject } from '../../model/is-object.ts';
import { parseRetryAfter } from '../queue/backoff.ts';
import { serverText } from '../server-text.ts';
import { describeWebPage, isWebPage, proxyAdvice, redirectTarget } from '../web-page.ts';
import type { OtlpAnswer } from './otlp-client.ts';
import { OtlpError, type OtlpErrorCode } from './otlp-error.ts';

/** Why a request is sent again. */
export type FailedOutcome = 'busy' | 'refused' | 'error' | 'unreachable';

/** Result of a request: https://opentelemetry.io/docs/specs/otlp/#otlphttp-response */
export type Attempt =
  /** `rejectedPoints`: of a partial success, which must not be sent again. */
  | { readonly kind: 'accepted'; readonly rejectedPoints: number; readonly warning: string }
  /** It will never be accepted. */
  | { readonly kind: 'rejected'; readonly status: number; readonly reason: string }
  | FailedAttempt;

export interface FailedAttempt {
  readonly kind: 'again';
  readonly outcome: FailedOutcome;
  readonly error: Error;
  readonly retryAfterMs?: number | undefined;
  /** The receiver itself failed on this request, and may do so on every retry. */
  readonly hasFailedOnIt?: boolean | undefined;
}

const REASON_MAX = 500;
const BUSY = new Set([408, 429, 502, 503, 504]);
const REJECTED = new Set([400, 413, 422]);

/** @param address of the receiver, as in OtlpError */
export function readAnswer(answer: OtlpAnswer, address: string, nowMs: number): Attempt {
  const again = (outcome: FailedOutcome, code: OtlpErrorCode, message: string): FailedAttempt => {
    return { kind: 'again', outcome, error: new OtlpError(code, address, message) };
  };
  const { status, headers } = answer;
  const reason = reasonOf(answer);
  if (status >= 200 && status < 300) {
    return isPage(answer)
      ? again('error', 'OTLP_ANSWER', `got ${status} with ${reason}; ${PROXY}`)
      : readSuccess(answer);
  }
  if (status >= 300 && status < 400) {
    const to = redirectTarget(headers.location);
    return again('error', 'OTLP_ANSWER', `got a redirect to ${to} (${status}); ${PROXY}`);
  }
  if (REJECTED.has(status)) {
    return isPage(answer)
      ? again('error', 'OTLP_ANSWER', `got ${status} with ${reason}; ${PROXY}`)
      : { kind: 'rejected', status, reason };
  }
  if (status === 401 || status === 403 || status === 407) {
    return again(
      'refused',
      'OTLP_PERMISSION',
      `the receiver denies access (${status}: ${reason}); check the headers file and the client certificate`,
    );
  }
  if (BUSY.has(status)) {
    return {
      ...again(
        'busy',
        'OTLP_BUSY',
        `the receiver is busy or unavailable (${status}: ${reason}); check its load and log`,
      ),
      retryAfterMs: parseRetryAfter(headers['retry-after'], nowMs),
    };
  }
  const next =
    status >= 500
      ? "check the receiver's log"
      : 'check the endpoint and that the receiver accepts OTLP over HTTP: for Prometheus --web.enable-otlp-receiver and /api/v1/otlp';
  return {
    ...again('error', 'OTLP_REFUSED', `the receiver answered ${status}: ${reason}; ${next}`),
    hasFailedOnIt: status >= 500,
  };
}

const PROXY = proxyAdvice('the receiver');

function readSuccess({ body, headers }: OtlpAnswer): Attempt {
  const nothing = { kind: 'accepted', rejectedPoints: 0, warning: '' } as const;
  if (body.length === 0) return nothing;
  try {
    const isJson = /json/i.test(headers['content-type'] ?? '');
    const { partialSuccess } = isJson
      ? (JSON.parse(body.toString()) as ReturnType<typeof ProtobufMetricsSerializer.deserializeResponse>)
      : ProtobufMetricsSerializer.deserializeResponse(body);
    if (!isObject(partialSuccess)) return nothing;
    const { rejectedDataPoints, errorMessage } = partialSuccess as Readonly<Record<string, unknown>>;
    const rejected = Number(serverText(rejectedDataPoints, 20));
    // JSON encodes a 64-bit number as text.
    return {
      ...nothing,
      rejectedPoints: Number.isSafeInteger(rejected) && rejected > 0 ? rejected : 0,
      warning: serverText(errorMessage, REASON_MAX),
    };
  } catch {
    // Some receivers answer with a text, such as "ok"; the status counts.
    return nothing;
  }
}

function isPage({ headers, body }: OtlpAnswer): boolean {
  return /html/i.test(headers['content-type'] ?? '') || isWebPage(body.toString('latin1', 0, 64));
}

/** The receiver's reason, truncated: from text, JSON, or the printable parts of a google.rpc.Status. */
function reasonOf(answer: OtlpAnswer): string {
  const text = answer.body.toString('utf8', 0, 4 * REASON_MAX);
  if (isPage(answer)) return describeWebPage(text);
  const readable = text.replaceAll(/[^\x20-\x7e\u00a0-\uffff]+/g, ' ').trim();
  return readable === '' ? 'no reason given' : readable.slice(0, REASON_MAX);
}
