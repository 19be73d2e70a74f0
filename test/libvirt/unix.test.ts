import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Transport } from '../../libvirt/transport/transport.ts';
import { openUnix } from '../../libvirt/transport/unix.ts';
import { parseUri } from '../../libvirt/uri.ts';

let folder: string;
let server: Server | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'virtune-sockets-'));
  mkdirSync(join(folder, 'libvirt'));
});
afterEach(() => {
  server?.close();
  server = undefined;
  rmSync(folder, { recursive: true });
});

const path = (daemon: string): string => join(folder, `libvirt/${daemon}-sock`);

/** A socket file without a listener, as left by a killed daemon. */
function dead(daemon: string): void {
  const listen = `require('net').createServer().listen(${JSON.stringify(path(daemon))}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', listen]);
}

async function live(daemon: string): Promise<void> {
  server = createServer().listen({ path: path(daemon) });
  await new Promise((resolve) => server?.once('listening', resolve));
}

/** Opens as an ordinary user, whose daemons have their sockets in a folder of that user. */
const open = (uri: string): Promise<Transport> =>
  openUnix(parseUri(uri), false, AbortSignal.timeout(5_000), {
    exists: existsSync,
    uid: 1_000,
    env: { XDG_RUNTIME_DIR: folder },
  });

test('a dead socket of virtqemud next to a live libvirtd is skipped', async () => {
  dead('virtqemud');
  await live('libvirt');
  const transport = await open('qemu:///session');
  expect(transport.description).toContain(path('libvirt'));
  transport.destroy();
});

test('if no socket has a listener, the error names the intended one', async () => {
  dead('virtqemud');
  dead('libvirt');
  await expect(open('qemu:///session')).rejects.toThrow(path('virtqemud'));
});

test('a dead socket that the URI asks for is not skipped', async () => {
  dead('virtqemud');
  await live('libvirt');
  await expect(open('qemu:///session?mode=direct')).rejects.toMatchObject({ code: 'LIBVIRT_REFUSED' });
  await expect(open(`qemu:///session?socket=${path('virtqemud')}`)).rejects.toThrow(path('virtqemud'));
});
