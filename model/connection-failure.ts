export type FailureKind = 'unreachable' | 'tls' | 'certificate' | 'not http' | 'no answer';

/** How messages name the peer, and where its settings are. */
export interface Party {
  /** `the server` */
  readonly name: string;
  /** `with --elasticsearch.ca-file`: how to set a CA. */
  readonly withCa: string;
  /** `--elasticsearch`: where its address is set. */
  readonly inAddress: string;
}

interface Kind {
  readonly pattern: RegExp;
  readonly kind: FailureKind;
  /** What is wrong and what to do; `match` is the match of `pattern`. */
  readonly message: (match: RegExpExecArray, party: Party) => string;
}

/**
 * Texts of Node.js (lib/tls.js, deps/ncrypto), undici and OpenSSL for a failed TLS handshake: the search client keeps
 * only the text, not the error code.
 */
const TLS_KINDS: readonly Kind[] = [
  {
    pattern: /wrong version number|packet length too long|http request/i,
    kind: 'tls',
    message: (_, { name }) =>
      `${name} does not use TLS on this port; use http:// in the address, or its port for TLS`,
  },
  {
    pattern: /does not match certificate's altnames: (.*)/i,
    kind: 'certificate',
    message: ([, names = ''], { name, inAddress }) =>
      `${name}'s certificate is for other names (${names}); use one of the certificate's names in ${inAddress}, or issue a certificate for this name`,
  },
  {
    pattern: /certificate has expired|certificate is not yet valid/i,
    kind: 'certificate',
    message: ([what], { name, withCa }) =>
      `${name}'s ${what}; renew it there, or set its new CA ${withCa} if that is what expired; if the certificate is valid, correct the clock of this host`,
  },
  {
    pattern: /self[- ]signed certificate(?! in)/i,
    kind: 'certificate',
    message: (_, { name, withCa }) =>
      `${name}'s certificate is self-signed, so no CA vouches for it; if it is the right one, set its certificate ${withCa}`,
  },
  {
    pattern: /self[- ]signed certificate in|unable to (get|verify)|certificate signature failure/i,
    kind: 'certificate',
    message: (_, { name, withCa }) =>
      `${name}'s certificate is not signed by a CA that virtune trusts; set its CA ${withCa}`,
  },
  {
    pattern: /SSL routines:[^:]*:([^:]*)|before secure TLS connection/i,
    kind: 'tls',
    message: ([, reason], { name }) =>
      `the TLS handshake failed (${reason ?? `${name} closed the connection`}); check that its port uses TLS 1.2 or newer, and whether it needs a client certificate`,
  },
  {
    pattern: /certificate|fingerprint/i,
    kind: 'certificate',
    message: ({ input }, { name, withCa }) =>
      `${name}'s certificate is not trusted (${input}); set its CA ${withCa}`,
  },
];

const KINDS: readonly Kind[] = [
  {
    pattern: /\b(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)\b/,
    kind: 'unreachable',
    message: ({ input }, { name }) =>
      `${name} cannot be reached (${input}); check the address, the network and whether it runs`,
  },
  {
    pattern:
      /bigger than the maximum allowed|response is too long|cannot be unpacked|Headers Overflow|HPE_HEADER_OVERFLOW|call stack size/,
    kind: 'not http',
    message: ({ input }, { name }) =>
      `the server at this address is not ${name} (${input}); check the address and any proxy in between`,
  },
  {
    pattern: /does not match the HTTP\/1\.1 protocol|\bHPE_/,
    kind: 'not http',
    message: () => 'the server on this port does not speak HTTP; check the port in the address',
  },
];

/**
 * Explains a failed connection by its error text. An unknown text counts as `no answer`, the worst case: the peer may
 * have received the request.
 */
export function connectionFailure(
  text: string,
  isTls: boolean,
  party: Party,
): { readonly kind: FailureKind; readonly message: string } {
  // The search client adds both ends of the connection.
  const line = text.replace(/ - Local: .*$/s, '').trim();
  for (const { pattern, kind, message } of isTls ? [...TLS_KINDS, ...KINDS] : KINDS) {
    const match = pattern.exec(line);
    if (match !== null) return { kind, message: message(match, party) };
  }
  const { name } = party;
  const isClosed = /other side closed|socket hang up|ECONNRESET/.test(line);
  const next =
    isClosed && !isTls ? 'use https:// in the address if it uses TLS, else check its log' : 'check its log';
  return { kind: 'no answer', message: `${name} did not answer (${line}); ${next}` };
}
