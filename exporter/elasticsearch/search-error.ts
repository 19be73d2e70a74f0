import { VirtuneError, type VirtuneErrorCode } from '../../model/virtune-error.ts';

export type SearchErrorCode = Extract<VirtuneErrorCode, `SEARCH_${string}`>;

/** A search server that cannot be reached, cannot be used, or refused a request. */
export class SearchError extends VirtuneError {
  override readonly name = 'SearchError';
  declare readonly code: SearchErrorCode;

  constructor(code: SearchErrorCode, message: string, cause?: unknown) {
    super(code, message, { cause });
  }
}
