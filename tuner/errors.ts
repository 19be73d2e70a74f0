import { VirtuneError, type VirtuneErrorCode } from '../model/virtune-error.ts';

export type TunerErrorCode = Extract<VirtuneErrorCode, `TUNE_${string}`>;

/** An error while tuning: what failed, on what, and what to do next. */
export class TunerError extends VirtuneError {
  override readonly name = 'TunerError';
  declare readonly code: TunerErrorCode;
  constructor(code: TunerErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** Why something that a profile asks for is not possible here; shown beside the setting, never thrown. */
export interface Problem {
  /** Stable, for scripts: `NO_O_DIRECT`, `LIBVIRT_TOO_OLD`, ... */
  readonly code: string;
  /** Names the object, its value, and what prevents it. */
  readonly text: string;
  /** What to do about it, if anything can be done. */
  readonly next?: string | undefined;
}
