import { afterEach, expect, test } from 'vitest';
import { connect } from '../../libvirt/client/connect.ts';
import type { Connection } from '../../libvirt/client/connection.ts';
import { SimulatedDaemon } from '../../simulator/daemon.ts';
import { findScenario } from '../../simulator/demo.ts';
import { SimulatedHost } from '../../simulator/host.ts';
import type { AuthMode } from '../../simulator/session.ts';
import { type TemporarySocket, temporarySocket } from '../sampler/temporary-socket.ts';

const account = { username: 'virtune', password: 'sésame, ouvre-toi = 1' };
const sasl = (...mechanisms: string[]): AuthMode => ({ kind: 'sasl', mechanisms, account });

let daemon: SimulatedDaemon;
let socket: TemporarySocket | undefined;
let open: Connection | undefined;

async function overUnix(auth: AuthMode, credentials?: typeof account): Promise<Connection> {
  socket = temporarySocket();
  daemon = new SimulatedDaemon(new SimulatedHost(findScenario('calm')), { auth });
  await daemon.listen({ path: socket.path });
  open = await connect(`qemu:///system?socket=${socket.path}`, { credentials });
  return open;
}

async function overTcp(auth: AuthMode, credentials?: typeof account): Promise<Connection> {
  daemon = new SimulatedDaemon(new SimulatedHost(findScenario('calm')), { auth });
  await daemon.listen({ host: '127.0.0.1', port: 0 });
  open = await connect(`qemu+tcp://127.0.0.1:${daemon.port}/system`, { credentials });
  return open;
}

afterEach(async () => {
  await open?.close();
  open = undefined;
  await daemon.stop();
  socket?.remove();
  socket = undefined;
});

test.each([
  ['SCRAM-SHA-256', sasl('SCRAM-SHA-256')],
  ['PLAIN', sasl('PLAIN')],
  ['the stronger of two', sasl('PLAIN', 'SCRAM-SHA-256')],
  ['polkit', { kind: 'polkit' } as const],
])('%s admits a client with the right password', async (_what, auth) => {
  const connection = await overUnix(auth, account);
  expect((await connection.call('connectGetHostname', undefined)).hostname).toBe('simulated-host');
});

test.each(['SCRAM-SHA-256', 'PLAIN'])(
  '%s with a wrong password is refused, and says what to check',
  async (mechanism) => {
    const wrong = overUnix(sasl(mechanism), { ...account, password: 'wrong' });
    await expect(wrong).rejects.toMatchObject({
      code: 'LIBVIRT_AUTH_FAILED',
      message: expect.stringContaining('password'),
    });
  },
);

test('a daemon whose host does not know the user says which, and what to do', async () => {
  await expect(overUnix({ kind: 'unknown user', uid: 65125 })).rejects.toMatchObject({
    code: 'LIBVIRT_AUTH_UNKNOWN_USER',
    message: expect.stringMatching(/uid '65125'.*libnss-systemd/),
  });
});

test('a password never goes over a clear connection', async () => {
  await expect(overTcp(sasl('PLAIN'), account)).rejects.toMatchObject({ code: 'LIBVIRT_AUTH_INSECURE' });
});

test('without credentials, or with unsupported mechanisms, the error names the mechanisms', async () => {
  await expect(overUnix(sasl('SCRAM-SHA-256'))).rejects.toMatchObject({
    code: 'LIBVIRT_AUTH_NO_CREDENTIALS',
    message: expect.stringMatching(
      /requires SASL \(SCRAM-SHA-256\); .*--sasl-username and --sasl-password-file/,
    ),
  });
  await daemon.stop();
  await expect(overUnix(sasl('GSSAPI'), account)).rejects.toMatchObject({
    code: 'LIBVIRT_AUTH_UNSUPPORTED',
    message: expect.stringContaining('GSSAPI'),
  });
});

test('a daemon that refuses every client is an authentication error', async () => {
  socket = temporarySocket();
  daemon = new SimulatedDaemon(new SimulatedHost(findScenario('calm')), { auth: { kind: 'polkit' } });
  daemon.faults.refuseAuth = true;
  await daemon.listen({ path: socket.path });
  await expect(connect(`qemu:///system?socket=${socket.path}`)).rejects.toMatchObject({
    code: 'LIBVIRT_AUTH_FAILED',
  });
});

test('a daemon that accepts and then says nothing is not waited for', async () => {
  socket = temporarySocket();
  daemon = new SimulatedDaemon(new SimulatedHost(findScenario('calm')));
  daemon.faults.slowMs = 10_000;
  await daemon.listen({ path: socket.path });
  const slow = connect(`qemu:///system?socket=${socket.path}`, { timeoutMs: 100 });
  await expect(slow).rejects.toMatchObject({ code: 'LIBVIRT_CONNECT_TIMEOUT' });
});
