import { VirtuneError, type VirtuneErrorCode } from '../../model/virtune-error.ts';
import { oneLine } from '../server-text.ts';

export type OtlpErrorCode = Extract<VirtuneErrorCode, `OTLP_${string}`>;

/** An OTLP receiver that cannot be reached, or did not accept a request. */
export class OtlpError extends VirtuneError {
  override readonly name = 'OtlpError';
  declare readonly code: OtlpErrorCode;

  /** @param address of the receiver, as `shownUrl` gives it; the message begins with it */
  constructor(code: OtlpErrorCode, address: string, message: string, cause?: unknown) {
    super(code, oneLine(`${address}: ${message}`), { cause });
  }
}
