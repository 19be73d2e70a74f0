import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { connect, type TLSSocket } from 'node:tls';
import { ConnectError } from '../errors.ts';
import { type ConnectionUri, isSet } from '../uri.ts';
import { certificateFault } from './certificate-fault.ts';
import { connected } from './connected.ts';
import { streamTransport, type Transport } from './transport.ts';

const TLS_PORT = 16_514;

export interface PkiFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Where libvirt's own clients look: `pkipath=`, then an ordinary user's ~/.pki/libvirt, then the system's. */
export function pkiFiles(
  uri: ConnectionUri,
  { home, uid, exists }: { home: string; uid: number; exists: (path: string) => boolean },
): PkiFiles {
  const inFolder = (dir: string): PkiFiles => ({
    ca: `${dir}/cacert.pem`,
    cert: `${dir}/clientcert.pem`,
    key: `${dir}/clientkey.pem`,
  });
  const chosen = uri.params.get('pkipath');
  if (chosen !== undefined) return inFolder(chosen);
  const users = inFolder(`${home}/.pki/libvirt`);
  if (uid !== 0 && Object.values(users).every(exists)) return users;
  return {
    ca: '/etc/pki/CA/cacert.pem',
    cert: '/etc/pki/libvirt/clientcert.pem',
    key: '/etc/pki/libvirt/private/clientkey.pem',
  };
}

/**
 * TLS from the first byte. libvirtd judges our certificate after the handshake and then sends the one byte
 * 0x01; until it comes we are not let in.
 * @throws ConnectError LIBVIRT_TLS: a certificate is missing, not trusted, or refused by the daemon.
 */
export async function openTls(uri: ConnectionUri, signal: AbortSignal): Promise<Transport> {
  const host = uri.host as string;
  const port = uri.port ?? TLS_PORT;
  const description = `${host}:${port} over TLS`;
  const files = pkiFiles(uri, { home: homedir(), uid: process.getuid?.() ?? 0, exists: existsSync });
  const verify = !isSet(uri, 'no_verify');
  const socket = connect({
    host,
    port,
    minVersion: 'TLSv1.2',
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(verify || existsSync(files.ca) ? { ca: readCa(files.ca, verify) } : {}),
    // A daemon may do without client certificates; where it wants one it says so by closing.
    ...(existsSync(files.cert)
      ? { cert: read(files.cert, 'client certificate'), key: read(files.key, 'client key') }
      : {}),
    rejectUnauthorized: verify,
  });
  await connected(socket, 'secureConnect', description, signal, (error) => explain(description, error));
  await letIn(socket, description, files, signal);
  return streamTransport(socket, { description, private: true });
}

async function letIn(
  socket: TLSSocket,
  description: string,
  files: PkiFiles,
  signal: AbortSignal,
): Promise<void> {
  const refused = (error: Error): ConnectError =>
    new ConnectError(
      'LIBVIRT_TLS',
      `${description}: the daemon rejected the client certificate (${files.cert}${existsSync(files.cert) ? '' : ', which does not exist'}); check that a CA of the daemon signed it, and that its DN is in tls_allowed_dn_list`,
      { cause: error },
    );
  // Paused, so that bytes behind the first stay in the socket for the next reader.
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

function read(path: string, what: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new ConnectError(
      'LIBVIRT_TLS',
      `the ${what} ${path} cannot be read; create it, or set its folder with ?pkipath=`,
      { cause: error },
    );
  }
}

function readCa(path: string, verify: boolean): Buffer {
  const bytes = read(path, 'CA certificate');
  const fault = verify ? certificateFault(bytes.toString('latin1')) : undefined;
  if (fault !== undefined) throw new ConnectError('LIBVIRT_TLS', `the CA certificate ${path} ${fault}`);
  return bytes;
}
