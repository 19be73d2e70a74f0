export type SearchErrorCode =
  /** Nobody answers there, so nothing was taken. */
  | 'SEARCH_UNREACHABLE'
  /** The connection broke or nothing came back in time: what was sent may have been taken. */
  | 'SEARCH_NO_ANSWER'
  /** The answer is none of a search server. */
  | 'SEARCH_ANSWER'
  | 'SEARCH_CERTIFICATE'
  /** 401 or 403. */
  | 'SEARCH_PERMISSION'
  /** It is not a server that virtune supports, or too old. */
  | 'SEARCH_UNSUPPORTED'
  /** The templates are not there. */
  | 'SEARCH_NOT_SET_UP'
  /** It answered a request with an error. */
  | 'SEARCH_REFUSED';

export class SearchError extends Error {
  override readonly name = 'SearchError';
  readonly code: SearchErrorCode;

  constructor(code: SearchErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
