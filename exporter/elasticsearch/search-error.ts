import { VirtuneError, type VirtuneErrorCode } from '../../model/virtune-error.ts';
import { oneLine } from '../server-text.ts';

export type SearchErrorCode = Extract<VirtuneErrorCode, `SEARCH_${string}`>;

/** A search server that cannot be reached, cannot be used, or refused a request. */
export class SearchError extends VirtuneError {
  override readonly name = 'SearchError';
  declare readonly code: SearchErrorCode;

  /**
   * @param node URL of the server, without credentials; the message begins with it
   * @param message may contain any bytes from the server: it becomes one line. What failed and what to do, but not
   * whether virtune retries: an exporter does, a command does not
   */
  constructor(code: SearchErrorCode, node: string, message: string, cause?: unknown) {
    super(code, oneLine(`${node}: ${message}`), { cause });
  }
}
