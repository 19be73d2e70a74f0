import { rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { calls } from '../../libvirt/calls/all.ts';
import { READ_ONLY_CALLS } from '../../libvirt/client/read-only.ts';
import { FrameSplitter } from '../../libvirt/wire/frame.ts';
import { groups } from '../../model/catalogue/catalogue.ts';
import { figure } from '../exposition.ts';
import { VirtuneProcess } from '../virtune-process.ts';

const SOCKET = '/tmp/virtune-recording-proxy.sock';
const PROGRAM = 0x2000_8086;

const asked = new Set<number>();
let proxy: Server;
beforeAll(async () => {
  rmSync(SOCKET, { force: true });
  // Hands everything on, and writes down the procedure of each call that the client makes.
  proxy = createServer((client) => {
    const daemon = connect('/run/libvirt/libvirt-sock-ro');
    const frames = new FrameSplitter();
    client.on('data', (chunk) => {
      frames.push(chunk as Buffer, ({ header }) => {
        if (header.program === PROGRAM) asked.add(header.procedure);
      });
      daemon.write(chunk);
    });
    daemon.on('data', (chunk) => client.write(chunk));
    for (const [one, other] of [
      [client, daemon],
      [daemon, client],
    ] as const) {
      one.on('close', () => other.destroy());
      one.on('error', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => proxy.listen(SOCKET, resolve));
});
afterAll(() => {
  proxy.close();
  rmSync(SOCKET, { force: true });
});

test('over a full run with every group on, no call outside the allow list is sent', async () => {
  const virtune = new VirtuneProcess(
    'exporter',
    '--listen',
    '127.0.0.1:0',
    '--connect',
    `qemu:///system?socket=${SOCKET}`,
    '--local',
    ...groups.map((group) => `--collect.${group.name}`),
  );
  for (let scrape = 0; scrape < 7; scrape++) {
    expect(figure(await virtune.scrape(), 'libvirt_domains')).toBeGreaterThan(60);
  }
  await virtune.stop();
  const allowed = new Map([...READ_ONLY_CALLS].map((name) => [calls[name].proc as number, name]));
  expect([...asked].filter((procedure) => !allowed.has(procedure))).toEqual([]);
  // That the proxy saw them at all.
  const names = [...asked].map((procedure) => allowed.get(procedure));
  expect(names).toEqual(
    expect.arrayContaining([
      'connectOpen',
      'connectListAllDomains',
      'connectGetAllDomainStats',
      'domainGetCpuStats',
      'domainGetXmlDesc',
      'connectGetCapabilities',
      'nodeGetMemoryStats',
      'domainGetVcpus',
      'domainGetJobStats',
      'connectClose',
    ]),
  );
});
