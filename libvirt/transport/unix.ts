import { existsSync } from 'node:fs';
import { createConnection } from 'node:net';
import { ConnectError } from '../errors.ts';
import type { ConnectionUri } from '../uri.ts';
import { connected } from './connected.ts';
import { streamTransport, type Transport } from './transport.ts';

const SYSTEM_DIR = '/var/run/libvirt';

/** The modular daemon of each driver; libvirtd serves those not named here. */
const MODULAR_DAEMONS: Readonly<Record<string, string>> = {
  qemu: 'virtqemud',
  lxc: 'virtlxcd',
  xen: 'virtxend',
  vbox: 'virtvboxd',
  ch: 'virtchd',
  bhyve: 'virtbhyved',
};

export interface LocalSystem {
  readonly exists: (path: string) => boolean;
  readonly uid: number;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const thisSystem = (): LocalSystem => ({
  exists: existsSync,
  uid: process.getuid?.() ?? 0,
  env: process.env,
});

/**
 * The sockets to try, best first: the modular daemon's before libvirtd's, in the system's folder, or in the
 * user's for a `session` URI of an ordinary user. Root's session is the system daemon, as in libvirt.
 */
export function socketCandidates(uri: ConnectionUri, readOnly: boolean, { uid, env }: LocalSystem): string[] {
  const chosen = uri.params.get('socket');
  if (chosen !== undefined) return [chosen];
  const session = uri.path === '/session' && uid !== 0;
  const dir = session ? `${env['XDG_RUNTIME_DIR'] ?? `/run/user/${uid}`}/libvirt` : SYSTEM_DIR;
  const suffix = readOnly && !session ? '-sock-ro' : '-sock';
  const modular = MODULAR_DAEMONS[uri.driver];
  const mode = uri.params.get('mode') ?? 'auto';
  return [
    ...(mode !== 'legacy' && modular !== undefined ? [modular] : []),
    ...(mode !== 'direct' || modular === undefined ? ['libvirt'] : []),
  ].map((daemon) => `${dir}/${daemon}${suffix}`);
}

/**
 * Connects to the first socket with a listener. A disabled modular daemon leaves its socket behind: if libvirtd
 * runs beside it, libvirtd's socket is used. virsh (12.9) gives up at the first socket file that exists. As
 * there, a socket named in the URI is the only one tried.
 * @throws ConnectError: no socket, not permitted, or no listener.
 */
export async function openUnix(
  uri: ConnectionUri,
  readOnly: boolean,
  signal: AbortSignal,
  system: LocalSystem = thisSystem(),
): Promise<Transport> {
  const candidates = socketCandidates(uri, readOnly, system);
  const paths = candidates.filter(system.exists);
  if (paths.length === 0) {
    throw new ConnectError(
      'LIBVIRT_NOT_FOUND',
      `no libvirt daemon found: no socket ${candidates.join(' or ')}; start the daemon (systemctl start virtqemud.socket or libvirtd), or set another socket with ?socket=`,
    );
  }
  let refused: unknown;
  for (const path of paths) {
    const socket = createConnection({ path });
    const description = `unix socket ${path}`;
    try {
      await connected(socket, 'connect', description, signal);
      return streamTransport(socket, { description, isConfidential: true });
    } catch (error) {
      // The first socket is the preferred one: its error says more than those of the others.
      refused ??= error;
      if (!isDead(error)) break;
    }
  }
  throw refused;
}

/** No listener, or the socket file has just been removed. */
function isDead(error: unknown): boolean {
  return (
    error instanceof ConnectError && (error.code === 'LIBVIRT_REFUSED' || error.code === 'LIBVIRT_NOT_FOUND')
  );
}
