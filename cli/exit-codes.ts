import { AuthError, ConnectError, LibvirtClientError, RemoteError, UriError } from '../libvirt/errors.ts';

import { TunerError, type TunerErrorCode } from '../tuner/errors.ts';

/** From 64 on after BSD's sysexits.h, so that a unit file or a script can distinguish them. */
export const ExitCode = {
  ok: 0,
  /** `virtune top --fail-on`: a VM was over it. */
  threshold: 1,
  /** A change failed, and everything is as it was. */
  undone: 1,
  /** Something differs from its profile. */
  drift: 2,
  /** A change failed, and not all of it could be put back. */
  incomplete: 3,
  /** The question was answered with no. */
  notConfirmed: 4,
  usage: 64,
  /** There is no room for what was asked. */
  refused: 65,
  unavailable: 69,
  software: 70,
  /** The journal cannot be written. */
  cannotCreate: 73,
  /** Something is in the way that may be gone soon. */
  tryAgain: 75,
  notPermitted: 77,
} as const;

const TUNER_EXIT_CODES: Readonly<Record<TunerErrorCode, number>> = {
  TUNE_USAGE: ExitCode.usage,
  TUNE_PROFILE: ExitCode.usage,
  TUNE_ASSIGNMENTS: ExitCode.usage,
  TUNE_DOMAIN: ExitCode.usage,
  TUNE_PLACEMENT: ExitCode.refused,
  TUNE_CHANGED: ExitCode.tryAgain,
  TUNE_LOCKED: ExitCode.tryAgain,
  TUNE_INTERRUPTED: ExitCode.tryAgain,
  TUNE_JOURNAL: ExitCode.cannotCreate,
  TUNE_STEP: ExitCode.undone,
  TUNE_READ_BACK: ExitCode.undone,
  TUNE_RESTART: ExitCode.undone,
  TUNE_STOPPED: ExitCode.undone,
};

export function exitCodeFor(error: unknown): number {
  if (error instanceof TunerError) return TUNER_EXIT_CODES[error.code];
  if (error instanceof UriError) return ExitCode.usage;
  if (error instanceof AuthError) return ExitCode.notPermitted;
  if (error instanceof ConnectError) {
    return error.code === 'LIBVIRT_PERMISSION' ? ExitCode.notPermitted : ExitCode.unavailable;
  }
  if (error instanceof RemoteError || error instanceof LibvirtClientError) return ExitCode.unavailable;
  const code = (error as { code?: unknown } | undefined)?.code;
  if (code === 'SEARCH_PERMISSION') return ExitCode.notPermitted;
  if (typeof code === 'string' && code.startsWith('SEARCH_')) return ExitCode.unavailable;
  if (code === 'QUEUE_IN_USE') return ExitCode.unavailable;
  if (code === 'HTTP_LISTEN') return ExitCode.unavailable;
  if (
    code === 'HTTP_LISTEN_ADDRESS' ||
    code === 'CONFIG' ||
    code === 'USAGE' ||
    code === 'SCENARIO' ||
    code === 'RECORDING' ||
    code === 'QUEUE_FOLDER'
  )
    return ExitCode.usage;
  if (code === 'DASHBOARDS_OUT') return ExitCode.cannotCreate;
  return ExitCode.software;
}
