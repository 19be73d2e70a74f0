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
 * The sockets to try, best first: the modular daemon's before libvirtd's, in the system's folder, or for a
 * `session` URI of an ordinary user in the user's own. Root's session is the system daemon, as in libvirt.
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

/** @throws ConnectError: no socket there, not permitted, or nobody listens. */
export async function openUnix(
  uri: ConnectionUri,
  readOnly: boolean,
  signal: AbortSignal,
  system: LocalSystem = thisSystem(),
): Promise<Transport> {
  const candidates = socketCandidates(uri, readOnly, system);
  const path = candidates.find(system.exists);
  if (path === undefined) {
    throw new ConnectError(
      'LIBVIRT_NOT_FOUND',
      `no libvirt daemon here: there is no ${candidates.join(' nor ')}. Start it (systemctl start virtqemud.socket or libvirtd), or name another with ?socket=`,
    );
  }
  const socket = createConnection({ path });
  const description = `unix socket ${path}`;
  await connected(socket, 'connect', description, signal);
  return streamTransport(socket, { description, private: true });
}
