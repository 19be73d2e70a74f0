/**
 * Every code of virtune's errors, except LIBVIRT_* of libvirt/errors.ts. A code never changes its meaning, since
 * scripts and log searches depend on it. docs/errors.md documents each: meaning, what to do, and exit code.
 */
export type VirtuneErrorCode =
  | 'CONFIG'
  | 'DASHBOARDS_BUILT'
  | 'DASHBOARDS_OUT'
  | 'DEAD_LETTERS_IN_USE'
  | 'DEAD_LETTERS_LEFT'
  | 'DRIFT_RECORD'
  | 'FIGURE'
  | 'HTTP_LISTEN'
  | 'HTTP_LISTEN_ADDRESS'
  | 'KNOB_VALUE'
  | 'MODEL_CPU_SET'
  | 'MODEL_DURATION'
  | 'MODEL_XML'
  | 'OTLP_ANSWER'
  | 'OTLP_BUSY'
  | 'OTLP_CERTIFICATE'
  | 'OTLP_NO_ANSWER'
  | 'OTLP_PERMISSION'
  | 'OTLP_REFUSED'
  | 'OTLP_REJECTED'
  | 'OTLP_UNREACHABLE'
  | 'OTLP_WARNING'
  | 'OUTPUT_CLOSED'
  | 'OUTPUT_FILE'
  | 'OUTPUT_SLOW'
  | 'OUTPUT_WRITE'
  | 'PROMETHEUS_ADDRESS'
  | 'PROMETHEUS_ANSWER'
  | 'PROMETHEUS_CERTIFICATE'
  | 'PROMETHEUS_NO_ANSWER'
  | 'PROMETHEUS_NO_SERIES'
  | 'PROMETHEUS_PERMISSION'
  | 'PROMETHEUS_QUERY'
  | 'PROMETHEUS_UNREACHABLE'
  | 'QUEUE_FOLDER'
  | 'QUEUE_IN_USE'
  | 'QUEUE_UNREADABLE'
  | 'RECORDING'
  | 'SAMPLER_NO_PLACE'
  | 'SCENARIO'
  | 'SCRAPE_TIMEOUT'
  | 'SEARCH_ANSWER'
  | 'SEARCH_BLOCKED'
  | 'SEARCH_BUSY'
  | 'SEARCH_CERTIFICATE'
  | 'SEARCH_NOT_SET_UP'
  | 'SEARCH_NO_ANSWER'
  | 'SEARCH_OUTRANKED'
  | 'SEARCH_PERMISSION'
  | 'SEARCH_REFUSED'
  | 'SEARCH_REJECTED'
  | 'SEARCH_STOPPED'
  | 'SEARCH_TIME_RANGE'
  | 'SEARCH_TLS'
  | 'SEARCH_UNREACHABLE'
  | 'SEARCH_UNSUPPORTED'
  | 'STANDARD_OUTPUT'
  | 'TUNE_ASSIGNMENTS'
  | 'TUNE_CHANGED'
  | 'TUNE_DOMAIN'
  | 'TUNE_FIGURE'
  | 'TUNE_INTERRUPTED'
  | 'TUNE_JOURNAL'
  | 'TUNE_LOCKED'
  | 'TUNE_MEASURE'
  | 'TUNE_PLACEMENT'
  | 'TUNE_PROFILE'
  | 'TUNE_READ_BACK'
  | 'TUNE_RECORD'
  | 'TUNE_REPORT'
  | 'TUNE_RESTART'
  | 'TUNE_STEP'
  | 'TUNE_STOPPED'
  | 'TUNE_USAGE'
  | 'USAGE';

/**
 * Base of all errors that virtune raises on purpose: a stable `code`, and a message that says what failed, on what, and
 * what to do next. libvirt/ is a package without dependencies and has a separate base of the same shape,
 * LibvirtClientError; error handling relies on `code`.
 */
export class VirtuneError extends Error {
  override readonly name: string = 'VirtuneError';
  readonly code: VirtuneErrorCode;
  constructor(code: VirtuneErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * An error as virtune prints and logs it: `MESSAGE [CODE]`, or just the message without a code. Node.js' system error
 * codes are not in docs/errors.md, and are part of the messages already.
 * @param next what virtune does about it: `; virtune retries`
 */
export function textWithCode(
  error: { readonly message: string; readonly code?: unknown },
  next = '',
): string {
  const { message, code } = error;
  return typeof code === 'string' && !('syscall' in error) ? `${message}${next} [${code}]` : message + next;
}
