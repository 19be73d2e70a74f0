import { connectionFailure, type FailureKind, type Party } from '../../model/connection-failure.ts';
import { SearchError, type SearchErrorCode } from './search-error.ts';

const SERVER: Party = {
  name: 'the server',
  withCa: 'with --elasticsearch.ca-file (ca_file in the configuration file, or ca_fingerprint)',
  inAddress: '--elasticsearch (nodes in the configuration file)',
};
const CODES: Readonly<Record<FailureKind, SearchErrorCode>> = {
  unreachable: 'SEARCH_UNREACHABLE',
  tls: 'SEARCH_TLS',
  certificate: 'SEARCH_CERTIFICATE',
  'not http': 'SEARCH_ANSWER',
  'no answer': 'SEARCH_NO_ANSWER',
};

/** Classifies a connection failure by its text. @param node URL of the server, without credentials */
export function connectionError(node: string, text: string, cause: unknown): SearchError {
  const { kind, message } = connectionFailure(text, node.startsWith('https:'), SERVER);
  return new SearchError(CODES[kind], node, message, cause);
}
