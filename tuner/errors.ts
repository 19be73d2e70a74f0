import { VirtuneError, type VirtuneErrorCode } from '../model/virtune-error.ts';

export type TunerErrorCode = Extract<VirtuneErrorCode, `TUNE_${string}`>;

/** What went wrong while tuning: what, on what, and what to do next. */
export class TunerError extends VirtuneError {
  override readonly name = 'TunerError';
  declare readonly code: TunerErrorCode;
  constructor(code: TunerErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
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
