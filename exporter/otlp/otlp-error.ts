import { VirtuneError, type VirtuneErrorCode } from '../../model/virtune-error.ts';

export type OtlpErrorCode = Extract<VirtuneErrorCode, `OTLP_${string}`>;

/** An OTLP receiver that cannot be reached, or did not accept a request. */
export class OtlpError extends VirtuneError {
  override readonly name = 'OtlpError';
  declare readonly code: OtlpErrorCode;

  constructor(code: OtlpErrorCode, message: string, cause?: unknown) {
    super(code, message, { cause });
  }
}
