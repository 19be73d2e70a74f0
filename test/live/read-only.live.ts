import { rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CallName, calls } from '../../libvirt/calls/all.ts';
import { GUEST_AGENT_CALLS } from '../../libvirt/client/guest-agent.ts';
import { READ_ONLY_CALLS } from '../../libvirt/client/read-only.ts';
import { ConnectFlag } from '../../libvirt/constants.ts';
import { FrameSplitter } from '../../libvirt/wire/frame.ts';
import { XdrReader } from '../../libvirt/wire/xdr.ts';
import { groups } from '../../model/catalogue/catalogue.ts';
import { figure } from '../exposition.ts';
import { VirtuneProcess } from '../virtune-process.ts';
import { LAB_DIR, PREFIX } from './lab/paths.ts';
import { virsh } from './lab/virsh.ts';
import { LAB_GUESTS } from './setup-lab.ts';

const SOCKET = '/tmp/virtune-recording-proxy.sock';
const PROGRAM = 0x2000_8086;

/** The calls that were made on one connection, and whether it was opened read-only. */
interface Recorded {
  readonly asked: Set<number>;
  readOnly: boolean;
}

const recorded: Recorded[] = [];
let proxy: Server;
beforeAll(async () => {
  rmSync(SOCKET, { force: true });
  // Forwards everything, and records the procedure of each call that the client makes.
  proxy = createServer((client) => {
    // The writable socket: only the client decides which calls are not made.
    const daemon = connect('/run/libvirt/libvirt-sock');
    const frames = new FrameSplitter();
    const record: Recorded = { asked: new Set(), readOnly: false };
    recorded.push(record);
    client.on('data', (chunk) => {
      frames.push(chunk as Buffer, ({ header, payload }) => {
        if (header.program !== PROGRAM) return;
        record.asked.add(header.procedure);
        if (header.procedure !== calls.connectOpen.proc) return;
        const { flags } = calls.connectOpen.args.read(new XdrReader(payload));
        record.readOnly = (flags & ConnectFlag.readOnly) !== 0;
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

const procedures = (names: ReadonlySet<CallName>): Map<number, CallName> =>
  new Map([...names].map((name) => [calls[name].proc as number, name]));
const READING = procedures(READ_ONLY_CALLS);
const ASKING_GUESTS = procedures(GUEST_AGENT_CALLS);

/** Scrapes with these groups enabled, and returns what passed through the proxy. */
async function recordRun(collect: readonly string[]): Promise<Recorded[]> {
  recorded.length = 0;
  const virtune = new VirtuneProcess(
    'exporter',
    '--listen',
    '127.0.0.1:0',
    '--connect',
    `qemu:///system?socket=${SOCKET}`,
    '--local',
    ...collect.map((name) => `--collect.${name}`),
  );
  for (let scrape = 0; scrape < 7; scrape++) {
    expect(figure(await virtune.scrape(), 'libvirt_domains')).toBeGreaterThan(LAB_GUESTS);
  }
  await virtune.stop();
  return [...recorded];
}

test('over a full run with every group but the guest agents on, no call outside the allow list is sent', async () => {
  const names = groups.map(({ name }) => name).filter((name) => !name.startsWith('agent'));
  const run = await recordRun(names);
  expect(run.every(({ readOnly }) => readOnly)).toBe(true);
  const asked = new Set(run.flatMap((each) => [...each.asked]));
  expect([...asked].filter((procedure) => !READING.has(procedure))).toEqual([]);
  // Proves that the proxy saw the calls at all.
  expect([...asked].map((procedure) => READING.get(procedure))).toEqual(
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

test('guest agents are asked over a separate connection, which sends nothing else; without agents there is none', async () => {
  expect((await recordRun(['agent'])).every(({ readOnly }) => readOnly)).toBe(true);
  const name = `${PREFIX}channel`;
  const file = join(LAB_DIR, 'channel.xml');
  writeFileSync(
    file,
    `<domain type='qemu'><name>${name}</name><memory unit='MiB'>24</memory>
     <os><type arch='x86_64' machine='pc'>hvm</type></os><devices>
     <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel></devices></domain>`,
  );
  // It runs without an agent on its channel: until libvirt has reported this, the agent may be called.
  virsh('create', file);
  try {
    const run = await recordRun(['agent', 'agentinfo']);
    for (const { readOnly, asked } of run) {
      const allowed = readOnly ? READING : ASKING_GUESTS;
      expect([...asked].filter((procedure) => !allowed.has(procedure))).toEqual([]);
    }
  } finally {
    virsh('destroy', name);
  }
});
