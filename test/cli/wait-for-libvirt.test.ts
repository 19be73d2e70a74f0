import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startDemo } from '../../simulator/demo.ts';
import { figure } from '../exposition.ts';
import { runVirtune, VirtuneProcess } from '../virtune-process.ts';

const WAITING = ['exporter', '--listen', '127.0.0.1:0', '--wait-for-libvirt'];

test('an exporter that waits for libvirt serves without one, is not ready, and connects when it comes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'virtune-wait-'));
  const socket = join(folder, 'libvirt-sock-ro');
  const demo = await startDemo();
  const exporter = new VirtuneProcess(...WAITING, '-c', `qemu:///system?socket=${socket}`);
  try {
    const url = await exporter.url();
    await exporter.says(
      /cannot be sampled: .*\[LIBVIRT_NOT_FOUND\]\n(.*\n)*virtune: waiting for qemu:.*, serving/,
    );
    expect(figure(await exporter.scrape(), 'libvirt_up')).toBe(0);
    const status = async (path: string): Promise<number> => (await fetch(`${url}${path}`)).status;
    expect([await status('/-/healthy'), await status('/-/ready')]).toEqual([200, 503]);
    symlinkSync(new URL(demo.uri).searchParams.get('socket') as string, socket);
    const isUp = async (): Promise<number | undefined> => figure(await exporter.scrape(), 'libvirt_up');
    await expect.poll(isUp, { timeout: 30_000 }).toBe(1);
    expect(await status('/-/ready')).toBe(200);
    expect((await exporter.stop()).code).toBe(0);
  } finally {
    await exporter.stop('SIGKILL');
    await demo.stop();
    rmSync(folder, { recursive: true });
  }
}, 60_000);

test('it also waits for a daemon at a port where nothing listens', async () => {
  const exporter = new VirtuneProcess(...WAITING, '-c', 'qemu+tcp://127.0.0.1:1/system');
  try {
    expect(figure(await exporter.scrape(), 'libvirt_up')).toBe(0);
    await exporter.says(/\[LIBVIRT_REFUSED\]/);
  } finally {
    await exporter.stop();
  }
});

test('a wrong URI, and a server that is not libvirt, are errors at the start also where libvirt is waited for', async () => {
  expect(await runVirtune(...WAITING, '-c', 'not a uri')).toMatchObject({ code: 64 });
  const server = createServer((socket: Socket) => {
    socket.on('error', () => undefined).write('HTTP/1.1 400 Bad Request\r\n\r\n');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    const { code, stderr } = await runVirtune(...WAITING, '-c', `qemu+tcp://127.0.0.1:${port}/system`);
    expect({ code, stderr }).toEqual({ code: 69, stderr: expect.stringContaining('[LIBVIRT_PROTOCOL]') });
  } finally {
    server.close();
  }
}, 60_000);
