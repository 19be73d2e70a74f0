import type { LibvirtErrorCode } from '../libvirt/errors.ts';
import type { VirtuneErrorCode } from '../model/virtune-error.ts';

/** 64 and above follow BSD's sysexits.h, so that a unit file or a script can distinguish them. */
export const ExitCode = {
  ok: 0,
  /** `virtune top --fail-on`: a VM exceeded a threshold. */
  threshold: 1,
  /** A change failed, and everything was restored. */
  undone: 1,
  /** Something differs from its profile. */
  drift: 2,
  /** A change failed, and not all of it could be undone. */
  incomplete: 3,
  /** The question was answered with no. */
  notConfirmed: 4,
  usage: 64,
  /** Not enough room on the host for the request. */
  refused: 65,
  unavailable: 69,
  software: 70,
  /** The journal cannot be written. */
  cannotCreate: 73,
  /** The work was done, but its output could not be written. */
  outputLost: 74,
  /** A condition that may clear up soon blocks the command. */
  tryAgain: 75,
  notPermitted: 77,
} as const;

/** By the error's `code`; an error without one, or with another, is a bug: `software`. docs/errors.md shows this table. */
export const EXIT_CODES: Readonly<Record<VirtuneErrorCode | LibvirtErrorCode, number>> = {
  USAGE: ExitCode.usage,
  CONFIG: ExitCode.usage,
  SCENARIO: ExitCode.usage,
  RECORDING: ExitCode.usage,
  STANDARD_OUTPUT: ExitCode.outputLost,
  DASHBOARDS_OUT: ExitCode.cannotCreate,
  DASHBOARDS_BUILT: ExitCode.software,

  HTTP_LISTEN_ADDRESS: ExitCode.usage,
  HTTP_LISTEN: ExitCode.unavailable,
  OUTPUT_FILE: ExitCode.usage,
  OTLP_UNREACHABLE: ExitCode.unavailable,
  OTLP_NO_ANSWER: ExitCode.unavailable,
  OTLP_ANSWER: ExitCode.unavailable,
  OTLP_CERTIFICATE: ExitCode.unavailable,
  OTLP_PERMISSION: ExitCode.notPermitted,
  OTLP_REFUSED: ExitCode.unavailable,
  OTLP_BUSY: ExitCode.unavailable,
  OTLP_REJECTED: ExitCode.unavailable,
  OTLP_WARNING: ExitCode.unavailable,
  OUTPUT_CLOSED: ExitCode.unavailable,
  QUEUE_FOLDER: ExitCode.usage,
  QUEUE_IN_USE: ExitCode.unavailable,
  QUEUE_UNREADABLE: ExitCode.unavailable,
  DEAD_LETTERS_IN_USE: ExitCode.tryAgain,
  DEAD_LETTERS_LEFT: ExitCode.tryAgain,
  SEARCH_UNREACHABLE: ExitCode.unavailable,
  SEARCH_NO_ANSWER: ExitCode.unavailable,
  SEARCH_ANSWER: ExitCode.unavailable,
  SEARCH_CERTIFICATE: ExitCode.unavailable,
  SEARCH_PERMISSION: ExitCode.notPermitted,
  SEARCH_UNSUPPORTED: ExitCode.unavailable,
  SEARCH_NOT_SET_UP: ExitCode.unavailable,
  SEARCH_OUTRANKED: ExitCode.unavailable,
  SEARCH_REFUSED: ExitCode.unavailable,
  SEARCH_REJECTED: ExitCode.unavailable,
  SEARCH_BUSY: ExitCode.unavailable,
  SEARCH_BLOCKED: ExitCode.unavailable,
  SEARCH_STOPPED: ExitCode.tryAgain,
  SEARCH_TIME_RANGE: ExitCode.unavailable,
  SEARCH_TLS: ExitCode.unavailable,

  PROMETHEUS_ADDRESS: ExitCode.usage,
  PROMETHEUS_UNREACHABLE: ExitCode.unavailable,
  PROMETHEUS_CERTIFICATE: ExitCode.unavailable,
  PROMETHEUS_PERMISSION: ExitCode.notPermitted,
  PROMETHEUS_NO_ANSWER: ExitCode.unavailable,
  PROMETHEUS_ANSWER: ExitCode.unavailable,
  PROMETHEUS_QUERY: ExitCode.unavailable,
  PROMETHEUS_NO_SERIES: ExitCode.unavailable,

  TUNE_USAGE: ExitCode.usage,
  TUNE_PROFILE: ExitCode.usage,
  TUNE_ASSIGNMENTS: ExitCode.usage,
  TUNE_DOMAIN: ExitCode.usage,
  TUNE_PLACEMENT: ExitCode.refused,
  TUNE_CHANGED: ExitCode.tryAgain,
  TUNE_LOCKED: ExitCode.tryAgain,
  TUNE_INTERRUPTED: ExitCode.tryAgain,
  TUNE_JOURNAL: ExitCode.cannotCreate,
  TUNE_RECORD: ExitCode.cannotCreate,
  TUNE_REPORT: ExitCode.cannotCreate,
  TUNE_MEASURE: ExitCode.undone,
  TUNE_FIGURE: ExitCode.unavailable,
  TUNE_STEP: ExitCode.undone,
  TUNE_READ_BACK: ExitCode.undone,
  TUNE_RESTART: ExitCode.undone,
  TUNE_STOPPED: ExitCode.undone,

  LIBVIRT_URI: ExitCode.usage,
  LIBVIRT_NOT_FOUND: ExitCode.unavailable,
  LIBVIRT_PERMISSION: ExitCode.notPermitted,
  LIBVIRT_REFUSED: ExitCode.unavailable,
  LIBVIRT_TLS: ExitCode.unavailable,
  LIBVIRT_SSH: ExitCode.unavailable,
  LIBVIRT_CONNECT_TIMEOUT: ExitCode.unavailable,
  LIBVIRT_UNREACHABLE: ExitCode.unavailable,
  LIBVIRT_AUTH_FAILED: ExitCode.notPermitted,
  LIBVIRT_AUTH_UNSUPPORTED: ExitCode.notPermitted,
  LIBVIRT_AUTH_INSECURE: ExitCode.notPermitted,
  LIBVIRT_AUTH_NO_CREDENTIALS: ExitCode.notPermitted,
  LIBVIRT_AUTH_UNKNOWN_USER: ExitCode.notPermitted,
  LIBVIRT_AUTH_SERVER_UNPROVEN: ExitCode.notPermitted,
  LIBVIRT_REMOTE: ExitCode.unavailable,
  LIBVIRT_CLOSED: ExitCode.unavailable,
  LIBVIRT_CALL_TIMEOUT: ExitCode.unavailable,
  LIBVIRT_CALL_ABORTED: ExitCode.unavailable,
  LIBVIRT_PROTOCOL: ExitCode.unavailable,
  LIBVIRT_ENCODE: ExitCode.unavailable,
  LIBVIRT_READ_ONLY: ExitCode.unavailable,
  LIBVIRT_CALL_NOT_ALLOWED: ExitCode.unavailable,

  // Handled where they arise: if one ends the process, that is a bug.
  MODEL_CPU_SET: ExitCode.software,
  MODEL_DURATION: ExitCode.software,
  MODEL_XML: ExitCode.software,
  FIGURE: ExitCode.software,
  KNOB_VALUE: ExitCode.software,
  SAMPLER_NO_PLACE: ExitCode.software,
  SCRAPE_TIMEOUT: ExitCode.software,
  OUTPUT_WRITE: ExitCode.software,
  OUTPUT_SLOW: ExitCode.software,
  DRIFT_RECORD: ExitCode.software,
};

/**
 * Error codes of a full file system, one remounted read-only after a fault or not responding, and a host short of
 * memory or descriptors: the same file may be readable a minute later.
 */
const TRANSIENT = new Set([
  'EAGAIN',
  'EDQUOT',
  'EIO',
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'ENOSPC',
  'ENOTCONN',
  'EROFS',
  'ESTALE',
  'ETIMEDOUT',
]);

/**
 * Exit code by the error's code. Invalid flags and files stay invalid, so a service manager does not restart after
 * `usage`; when the underlying system error is temporary, the code is `tryAgain`.
 */
export function exitCodeFor(error: unknown): number {
  const { code, cause } = (error ?? {}) as { readonly code?: unknown; readonly cause?: unknown };
  if (typeof code !== 'string' || !Object.hasOwn(EXIT_CODES, code)) return ExitCode.software;
  const exitCode = EXIT_CODES[code as keyof typeof EXIT_CODES];
  return exitCode === ExitCode.usage && isTransient(cause) ? ExitCode.tryAgain : exitCode;
}

function isTransient(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  const { code, syscall } = cause as NodeJS.ErrnoException;
  return syscall === undefined ? isTransient(cause.cause) : TRANSIENT.has(code ?? '');
}

/** The exit code of a command that did several things: a change left incomplete outranks all others. */
export function worstExitCode(codes: readonly number[]): number {
  return codes.includes(ExitCode.incomplete) ? ExitCode.incomplete : Math.max(ExitCode.ok, ...codes);
}
