import { SearchError, type SearchErrorCode } from './search-error.ts';

interface Kind {
  readonly pattern: RegExp;
  readonly code: SearchErrorCode;
  /** What is wrong and what to do; `match` is that of the pattern. */
  readonly message: (match: RegExpExecArray) => string;
}

const CA_FLAG = 'with --elasticsearch.ca-file (ca_file in the configuration file, or ca_fingerprint)';

/**
 * Texts of Node.js (lib/tls.js, deps/ncrypto), undici and OpenSSL for a TLS connection that was not established: the
 * client keeps no code, only the text.
 */
const TLS_KINDS: readonly Kind[] = [
  {
    pattern: /wrong version number|packet length too long|http request/i,
    code: 'SEARCH_TLS',
    message: () =>
      'the server does not use TLS on this port; use http:// in the address, or its port for TLS',
  },
  {
    pattern: /does not match certificate's altnames: (.*)/i,
    code: 'SEARCH_CERTIFICATE',
    message: ([, names = '']) =>
      `the server's certificate is for other names (${names}); use one of the certificate's names in --elasticsearch (nodes in the configuration file), or issue a certificate for this name`,
  },
  {
    pattern: /certificate has expired|certificate is not yet valid/i,
    code: 'SEARCH_CERTIFICATE',
    message: ([what]) =>
      `the server's ${what}; renew it on the server, or set its new CA ${CA_FLAG} if that is what expired; if the certificate is valid, correct the clock of this host`,
  },
  {
    pattern: /self[- ]signed certificate(?! in)/i,
    code: 'SEARCH_CERTIFICATE',
    message: () =>
      `the server's certificate is self-signed, so no CA vouches for it; if it is the right server, set its certificate ${CA_FLAG}`,
  },
  {
    pattern: /self[- ]signed certificate in|unable to (get|verify)|certificate signature failure/i,
    code: 'SEARCH_CERTIFICATE',
    message: () =>
      `the server's certificate is not signed by a CA that virtune trusts; set its CA ${CA_FLAG}`,
  },
  {
    pattern: /SSL routines:[^:]*:([^:]*)|before secure TLS connection/i,
    code: 'SEARCH_TLS',
    message: ([, reason = 'the server closed the connection']) =>
      `the TLS handshake failed (${reason}); check that this port of the server uses TLS 1.2 or newer and needs no client certificate`,
  },
  {
    pattern: /certificate|fingerprint/i,
    code: 'SEARCH_CERTIFICATE',
    message: ({ input }) => `the server's certificate is not trusted (${input}); set its CA ${CA_FLAG}`,
  },
];

const KINDS: readonly Kind[] = [
  {
    pattern: /\b(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)\b/,
    code: 'SEARCH_UNREACHABLE',
    message: ({ input }) =>
      `the server cannot be reached (${input}); check the address, the network and the server`,
  },
  {
    pattern: /does not match the HTTP\/1\.1 protocol|\bHPE_/,
    code: 'SEARCH_ANSWER',
    message: () => 'what answers on this port does not speak HTTP; check the port in the address',
  },
];

/**
 * The error for a connection that failed, by its text. What is not known by it is taken for the worst: that the server
 * may have got what was sent.
 * @param node URL of the server, without credentials
 */
export function connectionError(node: string, text: string, cause: unknown): SearchError {
  // The client adds both ends of the connection.
  const line = text.replace(/ - Local: .*$/s, '').trim();
  const isTls = node.startsWith('https:');
  for (const { pattern, code, message } of isTls ? [...TLS_KINDS, ...KINDS] : KINDS) {
    const match = pattern.exec(line);
    if (match !== null) return new SearchError(code, node, message(match), cause);
  }
  const isClosed = /other side closed|socket hang up|ECONNRESET/.test(line);
  const next =
    isClosed && !isTls
      ? 'use https:// in the address if the server uses TLS, else check its log'
      : "check the server's log";
  return new SearchError('SEARCH_NO_ANSWER', node, `the server did not answer (${line}); ${next}`, cause);
}
