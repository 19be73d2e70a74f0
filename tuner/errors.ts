export type TunerErrorCode =
  /** What was asked for makes no sense, whatever the host. */
  | 'TUNE_USAGE'
  /** A profile or assignments file cannot be read, or says something that is no setting. */
  | 'TUNE_PROFILE'
  | 'TUNE_ASSIGNMENTS'
  /** There is no such domain, or it cannot be tuned. */
  | 'TUNE_DOMAIN'
  /** There is no room for what was asked. */
  | 'TUNE_PLACEMENT'
  /** The domain is no longer what the plan was made for. */
  | 'TUNE_CHANGED'
  /** Another run holds the host. */
  | 'TUNE_LOCKED'
  /** The journal cannot be written or read. */
  | 'TUNE_JOURNAL'
  /** An earlier run was cut off, and has to be finished or undone first. */
  | 'TUNE_INTERRUPTED'
  /** The run was told to stop, by Ctrl-C or a signal. */
  | 'TUNE_STOPPED'
  /** A change was refused. */
  | 'TUNE_STEP'
  /** A change was accepted, and is not there when it is read back. */
  | 'TUNE_READ_BACK'
  /** The domain did not stop, did not start, or did not stay up. */
  | 'TUNE_RESTART';

/** What went wrong while tuning: what, on what, and what to do next. */
export class TunerError extends Error {
  override readonly name = 'TunerError';
  readonly code: TunerErrorCode;
  constructor(code: TunerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Why something that a profile asks for cannot be had here; shown beside the setting, and never thrown. */
export interface Problem {
  /** Stable, for scripts: `NO_O_DIRECT`, `LIBVIRT_TOO_OLD`, ... */
  readonly code: string;
  /** Names the thing, its value, and what stands against it. */
  readonly text: string;
  /** What to do about it, where something can be done. */
  readonly next?: string | undefined;
}
