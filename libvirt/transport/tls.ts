import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { connect, type TLSSocket } from 'node:tls';
import { ConnectError } from '../errors.ts';
import type { FileTimeout } from '../file-turn.ts';
import { isThere, readSmallFile } from '../small-file.ts';
import { type ConnectionUri, isSet } from '../uri.ts';
import { certificateFault } from './certificate-fault.ts';
import { connected, timeoutError } from './connected.ts';
import { streamTransport, type Transport } from './transport.ts';

const TLS_PORT = 16_514;

export interface PkiFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** How certificates and keys are read. Default: each time from their file system, which has 5 s to answer. */
export interface PkiReader {
  /** @throws the system's error */
  readonly read: (path: string) => Promise<Buffer>;
  /** @throws where that cannot be determined */
  readonly exists: (path: string) => Promise<boolean>;
}

/** Half the time of a connection attempt, so that the error names the file. */
const FILE_MS = 5_000;

const FROM_DISK: PkiReader = {
  read: (path) => readSmallFile(path, { withinMs: FILE_MS }),
  exists: (path) => isThere(path, FILE_MS),
};

/**
 * Where libvirt's own clients look: `pkipath=`, then an ordinary user's ~/.pki/libvirt, then the system's files. The CA
 * is looked up separately from certificate and key, which belong together (src/rpc/virnettlsconfig.c,
 * virNetTLSConfigUserCreds).
 */
export async function pkiFiles(
  uri: ConnectionUri,
  { home, uid, exists }: { home: string; uid: number; exists: PkiReader['exists'] },
): Promise<PkiFiles> {
  const inFolder = (dir: string): PkiFiles => ({
    ca: `${dir}/cacert.pem`,
    cert: `${dir}/clientcert.pem`,
    key: `${dir}/clientkey.pem`,
  });
  const chosen = uri.params.get('pkipath');
  if (chosen !== undefined) return inFolder(chosen);
  const system: PkiFiles = {
    ca: '/etc/pki/CA/cacert.pem',
    cert: '/etc/pki/libvirt/clientcert.pem',
    key: '/etc/pki/libvirt/private/clientkey.pem',
  };
  if (uid === 0) return system;
  const users = inFolder(`${home}/.pki/libvirt`);
  const { ca } = (await exists(users.ca)) ? users : system;
  const { cert, key } = (await exists(users.cert)) && (await exists(users.key)) ? users : system;
  return { ca, cert, key };
}

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
  const { files, ca, cert, key } = await inTime(readPki(uri, verify, reader), description, signal);
  const socket = connect({
    host,
    port,
    minVersion: 'TLSv1.2',
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert, key }),
    rejectUnauthorized: verify,
  });
  await connected(socket, 'secureConnect', description, signal, (error) => explain(description, error));
  await letIn(
    socket,
    description,
    cert === undefined ? `${files.cert}, which does not exist` : files.cert,
    signal,
  );
  return streamTransport(socket, { description, private: true });
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

async function letIn(
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

function explain(description: string, error: Error): ConnectError {
  return new ConnectError(
    'LIBVIRT_TLS',
    `cannot connect to ${description}: ${error.message}; check that the daemon listens for TLS, that its certificate names this host, and that a CA of this client signed it`,
    { cause: error },
  );
}

interface Pki {
  readonly files: PkiFiles;
  readonly ca: Buffer | undefined;
  readonly cert: Buffer | undefined;
  readonly key: Buffer | undefined;
}

/** @throws ConnectError LIBVIRT_TLS */
async function readPki(uri: ConnectionUri, verify: boolean, reader: PkiReader): Promise<Pki> {
  const exists = (path: string): Promise<boolean> =>
    reader.exists(path).catch((error) => {
      throw unreadable(path, 'file', error);
    });
  const read = (path: string, what: string): Promise<Buffer> =>
    reader.read(path).catch((error) => {
      throw unreadable(path, what, error);
    });
  const files = await pkiFiles(uri, { home: homedir(), uid: process.getuid?.() ?? 0, exists });
  const ca = verify || (await exists(files.ca)) ? await read(files.ca, 'CA certificate') : undefined;
  const fault = verify && ca !== undefined ? certificateFault(ca.toString('latin1')) : undefined;
  if (fault !== undefined) throw new ConnectError('LIBVIRT_TLS', `the CA certificate ${files.ca} ${fault}`);
  // A daemon may not require client certificates; one that does closes the connection.
  if (!(await exists(files.cert))) return { files, ca, cert: undefined, key: undefined };
  return {
    files,
    ca,
    cert: await read(files.cert, 'client certificate'),
    key: await read(files.key, 'client key'),
  };
}

function unreadable(path: string, what: string, error: NodeJS.ErrnoException): ConnectError {
  const { behind = [] }: Partial<FileTimeout> = error;
  const [why, next] =
    error.code !== 'ETIMEDOUT'
      ? ['', 'create it, or set its folder with ?pkipath=']
      : behind.length === 0
        ? [': its file system does not answer', 'check the file system that it is on']
        : [': others do not answer', `check the file systems of ${behind.join(', ')}`];
  return new ConnectError('LIBVIRT_TLS', `the ${what} ${path} cannot be read${why}; ${next}`, {
    cause: error,
  });
}
