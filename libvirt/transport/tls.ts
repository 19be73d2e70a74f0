import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { ConnectError } from '../errors.ts';
import { type ConnectionUri, isSet } from '../uri.ts';
import { connected, timeoutError } from './connected.ts';
import { FROM_DISK, type Pki, type PkiReader, readPki } from './pki.ts';
import { streamTransport, type Transport } from './transport.ts';

const TLS_PORT = 16_514;

/**
 * TLS from the first byte. libvirtd checks our certificate after the handshake and then sends the single byte 0x01;
 * only then are we admitted.
 * @throws ConnectError LIBVIRT_TLS: a certificate is missing, not trusted, or rejected by the daemon.
 */
export async function openTls(
  uri: ConnectionUri,
  signal: AbortSignal,
  reader: PkiReader = FROM_DISK,
): Promise<Transport> {
  const host = uri.host as string;
  const port = uri.port ?? TLS_PORT;
  const description = `${host}:${port} over TLS`;
  const verify = !isSet(uri, 'no_verify');
  const pki = await inTime(readPki(uri, verify, reader), description, signal);
  const socket = connect({
    host,
    port,
    secureContext: pki.context,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    rejectUnauthorized: verify,
  });
  await connected(socket, 'secureConnect', description, signal, (error) => explain(description, pki, error));
  await awaitAdmission(
    socket,
    description,
    pki.hasCertificate ? pki.files.cert : `${pki.files.cert}, which does not exist`,
    signal,
  );
  return streamTransport(socket, { description, isConfidential: true });
}

/** Stops waiting for certificates when the connection attempt times out before the file system answers. */
async function inTime<T>(work: Promise<T>, description: string, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(timeoutError(description, signal));
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

async function awaitAdmission(
  socket: TLSSocket,
  description: string,
  certificate: string,
  signal: AbortSignal,
): Promise<void> {
  const refused = (error: Error): ConnectError =>
    new ConnectError(
      'LIBVIRT_TLS',
      `${description}: the daemon rejected the client certificate (${certificate}); check that a CA of the daemon signed it, and that its DN is in tls_allowed_dn_list`,
      { cause: error },
    );
  // In paused mode, so that bytes after the first stay in the socket for the next reader.
  let first: Buffer | null = null;
  while (first === null) {
    await connected(socket, 'readable', description, signal, refused);
    first = socket.read(1) as Buffer | null;
    if (first === null && socket.readableEnded) throw refused(new Error('end of file'));
  }
  if (first[0] !== 0x01) {
    socket.destroy();
    throw refused(new Error(`got 0x${first.toString('hex')} instead of 0x01`));
  }
}

/** What to do about a certificate revocation list, by OpenSSL's name of the fault (X509_verify_cert_error_string(3)). */
const ABOUT_CRL: Readonly<Record<string, string>> = {
  CERT_REVOKED:
    'the CA has revoked the certificate of the daemon, or of an intermediate CA: issue a new one for the daemon',
  CRL_HAS_EXPIRED: 'get the current list from the CA',
  CRL_NOT_YET_VALID: 'check the clock of this host',
  UNABLE_TO_GET_CRL: 'add the list of each CA that signed a certificate of the chain, or remove the file',
};

function explain(description: string, { files }: Pki, error: NodeJS.ErrnoException): ConnectError {
  const aboutCrl = ABOUT_CRL[error.code ?? ''];
  const fault =
    aboutCrl === undefined
      ? `${error.message}; check that the daemon listens for TLS, that its certificate names this host, and that a CA of this client signed it`
      : `${error.message} (certificate revocation list ${files.crl}); ${aboutCrl}`;
  return new ConnectError('LIBVIRT_TLS', `cannot connect to ${description}: ${fault}`, { cause: error });
}
