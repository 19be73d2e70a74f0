import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemdSockets } from '../../exporter/http/systemd-sockets.ts';
import { type Demo, startDemo } from '../../simulator/demo.ts';
import { VIRTUNE } from '../virtune-process.ts';

let demo: Demo;
beforeAll(async () => {
  demo = await startDemo();
});
afterAll(async () => {
  await demo.stop();
});

/** A listening socket, as systemd opens it before the service starts. */
async function openSocket(): Promise<{
  readonly port: number;
  readonly fd: number;
  readonly server: Server;
}> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as { port: number };
  return { port, fd: (server as unknown as { _handle: { fd: number } })._handle.fd, server };
}

interface Ended {
  readonly code: number | null;
  readonly stderr: string;
}

/** Starts virtune as systemd does: sockets from descriptor 3 on, and LISTEN_PID is its PID, which `exec` keeps. */
function activate(fds: readonly number[]): {
  child: ChildProcess;
  serves: Promise<void>;
  ended: Promise<Ended>;
} {
  const child = spawn(
    'sh',
    [
      '-c',
      `LISTEN_PID=$$ LISTEN_FDS=${fds.length} exec "$@"`,
      'sh',
      ...VIRTUNE,
      'exporter',
      '--connect',
      demo.uri,
      '--web.systemd-socket',
    ],
    { stdio: ['ignore', 'ignore', 'pipe', ...fds] },
  );
  let stderr = '';
  const serves = new Promise<void>((resolve) => {
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      if (stderr.includes('/metrics')) resolve();
    });
  });
  const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, stderr })));
  return { child, serves, ended };
}

test('scrapes are answered on every socket that systemd passed, until the exporter is stopped', async () => {
  const sockets = [await openSocket(), await openSocket()];
  const { child, serves, ended } = activate(sockets.map(({ fd }) => fd));
  // virtune has inherited them; from now on only it accepts connections.
  for (const { server } of sockets) server.close();
  await Promise.race([serves, ended]);
  for (const { port } of sockets) {
    const response = await fetch(`http://127.0.0.1:${port}/metrics`);
    expect(response.status).toBe(200);
    expect(await response.text()).toContain('libvirt_up 1');
  }
  child.kill('SIGTERM');
  const { code, stderr } = await ended;
  expect(code).toBe(0);
  expect(stderr).toContain(`serving http://127.0.0.1:${sockets[0]?.port}/metrics`);
}, 30_000);

test('a start without a socket is refused as wrong usage', async () => {
  const { ended } = activate([]);
  const { code, stderr } = await ended;
  expect(code).toBe(64);
  expect(stderr).toContain('systemd passed no socket');
}, 30_000);

test('sockets are counted from 3 on, and no child process inherits the variables', () => {
  const env = { LISTEN_PID: '7', LISTEN_FDS: '2', LISTEN_FDNAMES: 'a:b', PATH: '/bin' };
  expect(systemdSockets(env, 7)).toEqual([3, 4]);
  expect(env).toEqual({ PATH: '/bin' });
});

test.each([
  [{ LISTEN_PID: '8', LISTEN_FDS: '1' }, /for process 8, and this is 7/],
  [{ LISTEN_FDS: '1' }, /for process \?/],
  [{ LISTEN_PID: '7', LISTEN_FDS: '0' }, /no socket/],
  [{ LISTEN_PID: '7', LISTEN_FDS: 'x' }, /no socket/],
  [{}, /no socket/],
])('%j is not our socket', (env, message) => {
  expect(() => systemdSockets({ ...env }, 7)).toThrow(message);
});
