import { homedir } from 'node:os';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { ConnectError } from '../errors.ts';
import type { FileTimeout } from '../file-turn.ts';
import { pathExists, readSmallFile } from '../small-file.ts';
import type { ConnectionUri } from '../uri.ts';
import { certificateFault } from './certificate-fault.ts';

export interface PkiFiles {
  readonly ca: string;
  /** Certificates that the CA has revoked; used where it exists. */
  readonly crl: string;
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

export const FROM_DISK: PkiReader = {
  read: (path) => readSmallFile(path, { withinMs: FILE_MS }),
  exists: (path) => pathExists(path, FILE_MS),
};

/**
 * Where libvirt's own clients look: `pkipath=`, then an ordinary user's ~/.pki/libvirt, then the system's files. The CA,
 * its revocation list, and the pair of certificate and key are looked up separately (src/rpc/virnettlsconfig.c,
 * virNetTLSConfigUserCreds).
 */
export async function pkiFiles(
  uri: ConnectionUri,
  { home, uid, exists }: { home: string; uid: number; exists: PkiReader['exists'] },
): Promise<PkiFiles> {
  const inFolder = (dir: string): PkiFiles => ({
    ca: `${dir}/cacert.pem`,
    crl: `${dir}/cacrl.pem`,
    cert: `${dir}/clientcert.pem`,
    key: `${dir}/clientkey.pem`,
  });
  const chosen = uri.params.get('pkipath');
  if (chosen !== undefined) return inFolder(chosen);
  const system: PkiFiles = {
    ca: '/etc/pki/CA/cacert.pem',
    crl: '/etc/pki/CA/cacrl.pem',
    cert: '/etc/pki/libvirt/clientcert.pem',
    key: '/etc/pki/libvirt/private/clientkey.pem',
  };
  if (uid === 0) return system;
  const users = inFolder(`${home}/.pki/libvirt`);
  const { ca } = (await exists(users.ca)) ? users : system;
  const { crl } = (await exists(users.crl)) ? users : system;
  const { cert, key } = (await exists(users.cert)) && (await exists(users.key)) ? users : system;
  return { ca, crl, cert, key };
}

const CRL = 'certificate revocation list';
const CHECK_ALL = 'check the files of CA, certificate and key';

/** What a connection over TLS is made with. */
export interface Pki {
  readonly files: PkiFiles;
  readonly context: SecureContext;
  /** A daemon may not require client certificates. */
  readonly hasCertificate: boolean;
}

/** @throws ConnectError LIBVIRT_TLS: names the file that cannot be read or used, and what to do */
export async function readPki(uri: ConnectionUri, verify: boolean, reader: PkiReader): Promise<Pki> {
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
  const crl = verify && (await exists(files.crl)) ? await read(files.crl, CRL) : undefined;
  if (crl !== undefined)
    usable({ crl }, `the ${CRL} ${files.crl} is not in PEM format`, 'get it again from the CA');
  // A daemon that does require one closes the connection.
  const hasCertificate = await exists(files.cert);
  const cert = hasCertificate ? await read(files.cert, 'client certificate') : undefined;
  const key = hasCertificate ? await read(files.key, 'client key') : undefined;
  if (cert !== undefined) {
    usable(
      { cert },
      `the client certificate ${files.cert} is damaged, or not in PEM format`,
      'copy it again, or convert it',
    );
    usable(
      { cert, key },
      `the client key ${files.key} is damaged, encrypted, or not that of the certificate ${files.cert}`,
      'copy both again, as PEM without a passphrase',
    );
  }
  return {
    files,
    context: usable({ ca, crl, cert, key }, 'TLS cannot be set up', CHECK_ALL),
    hasCertificate,
  };
}

/** @throws ConnectError LIBVIRT_TLS: OpenSSL names neither the file nor what it is */
function usable(parts: SecureContextOptions, fault: string, next: string): SecureContext {
  try {
    return createSecureContext({ minVersion: 'TLSv1.2', ...parts });
  } catch (error) {
    const cause = error as Error;
    throw new ConnectError('LIBVIRT_TLS', `${fault} (${cause.message}); ${next}`, { cause });
  }
}

function unreadable(path: string, what: string, error: NodeJS.ErrnoException): ConnectError {
  const { blockedBy = [] }: Partial<FileTimeout> = error;
  const [why, next] =
    error.code === 'EACCES'
      ? [': permission denied', "make it readable by virtune's user"]
      : error.code !== 'ETIMEDOUT'
        ? ['', 'create it, or set its folder with ?pkipath=']
        : blockedBy.length === 0
          ? [': its file system does not answer', 'check the file system that it is on']
          : [
              ': blocked by other file systems that do not answer',
              `check the file systems of ${blockedBy.join(', ')}`,
            ];
  return new ConnectError('LIBVIRT_TLS', `the ${what} ${path} cannot be read${why}; ${next}`, {
    cause: error,
  });
}
