import { isIP } from 'node:net';
import { connect, type DetailedPeerCertificate } from 'node:tls';
import { connectionError } from './connection-error.ts';
import { SearchError } from './search-error.ts';

/** SHA-256 of a certificate: 64 hexadecimal digits, after colons are removed. */
const DIGITS = /^[0-9a-f]{64}$/;

/** Lower-case hex digits without colons; undefined if not a SHA-256 fingerprint. */
export function parseFingerprint(text: string): string | undefined {
  const digits = text.replaceAll(/[:\s]/g, '').toLowerCase();
  return DIGITS.test(digits) ? digits : undefined;
}

/**
 * The PEM certificate with this fingerprint, as presented by the servers. It becomes the only CA of later connections,
 * which then verify signatures and the server's name. The client's own `caFingerprint` requires verification to be off,
 * and then accepts any certificate that names this CA as its issuer, signed by any key (Node.js links the chain by
 * names). This only performs a TLS handshake.
 * @param nodes addresses; those without TLS are skipped
 * @param fingerprint from parseFingerprint
 * @throws SearchError when no server can be reached or none presents the certificate
 */
export async function findCa(
  nodes: readonly string[],
  fingerprint: string,
  timeoutMs: number,
): Promise<string> {
  let failure: SearchError | undefined;
  for (const node of nodes) {
    const { protocol, hostname, port } = new URL(node);
    if (protocol !== 'https:') continue;
    try {
      const chain = await chainOf(hostname.replace(/^\[|\]$/g, ''), Number(port || 443), timeoutMs);
      const found = chain.find(({ fingerprint256 }) => parseFingerprint(fingerprint256) === fingerprint);
      if (found !== undefined) return pemOf(found.raw);
      failure = new SearchError(
        'SEARCH_CERTIFICATE',
        node,
        `no certificate of the server has the fingerprint in ca_fingerprint (it presents ${chain.map(describe).join('; ')}); set the fingerprint of its CA, or ca_file`,
      );
    } catch (error) {
      failure ??= connectionError(node, (error as Error).message, error);
    }
  }
  throw (
    failure ??
    new SearchError('SEARCH_CERTIFICATE', nodes.join(', '), 'ca_fingerprint needs a node with https://')
  );
}

/** The certificate chain that a server presents, leaf first. Not verified. */
function chainOf(host: string, port: number, timeoutMs: number): Promise<DetailedPeerCertificate[]> {
  return new Promise((resolve, reject) => {
    const name = isIP(host) === 0 ? { servername: host } : {};
    const socket = connect({ host, port, rejectUnauthorized: false, ...name });
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error('no TLS handshake in time')));
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      const chain: DetailedPeerCertificate[] = [];
      let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
      // A self-signed certificate is its own issuer.
      while (next?.raw !== undefined && !chain.includes(next)) {
        chain.push(next);
        next = next.issuerCertificate;
      }
      socket.destroy();
      resolve(chain);
    });
  });
}

function describe({ subject, fingerprint256 }: DetailedPeerCertificate): string {
  return `${[subject.CN].flat().join(', ')} ${parseFingerprint(fingerprint256) ?? ''}`;
}

function pemOf(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
