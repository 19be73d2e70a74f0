import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type RunExporterOptions, type RunningExporter, runExporter } from '../../cli/run-exporter.ts';
import { type Demo, startDemo } from '../../simulator/demo.ts';
import { figure, parseExposition } from '../exposition.ts';
import { FakeReceiver } from './otlp/fake-receiver.ts';

let demo: Demo;
let folder: string;
let exporter: RunningExporter | undefined;
/** Written to standard error. */
let said: string[];
beforeEach(async () => {
  demo = await startDemo();
  folder = mkdtempSync(join(tmpdir(), 'virtune-hosts-'));
  said = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => said.push(String(text)) > 0);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await exporter?.close();
  exporter = undefined;
  await demo.stop();
  rmSync(folder, { recursive: true, force: true });
});

const configFile = (): string => join(folder, 'virtune.yaml');
const write = (text: string): void => writeFileSync(configFile(), text);
const hostsText = (hosts: Readonly<Record<string, object>>): string =>
  `local: false\nhosts: ${JSON.stringify(hosts)}\n`;

async function start(options: Partial<RunExporterOptions> = {}): Promise<RunningExporter> {
  exporter = await runExporter({ listen: '127.0.0.1:0', configFile: configFile(), ...options });
  return exporter;
}

const get = (path: string): Promise<Response> => fetch(`${exporter?.url}${path}`);
const PATIENT = { timeout: 20_000, interval: 20 };

/** A daemon that accepts connections and never answers. */
async function startSilent(): Promise<{ uri: string; connections: Socket[]; server: Server }> {
  const path = join(folder, 'silent-sock');
  const connections: Socket[] = [];
  const server = createServer((socket) => {
    connections.push(socket);
    socket.on('error', () => undefined);
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return { uri: `qemu:///system?socket=${path}`, connections, server };
}

test('an exporter of configured hosts alone has its own metrics, and they say when a reload failed', async () => {
  write(hostsText({ kvm1: { uri: demo.uri } }));
  const { reload } = await start();
  const taken = async (): Promise<number | undefined> => {
    const answer = await get('/metrics');
    expect(answer.status).toBe(200);
    return figure(parseExposition(await answer.text()), 'virtune_config_last_reload_successful');
  };
  expect(await taken()).toBe(1);
  write('local: false\nhosts: { kvm1: { url: 1 } }\n');
  await expect(reload()).rejects.toThrow('kvm1');
  expect(await taken()).toBe(0);
});

test('hosts that do not answer keep no place that the scrape of another host or a probe of the process needs', async () => {
  const silent = await startSilent();
  const hung = Array.from({ length: 60 }, (_, number) => [`hung${number}`, { uri: silent.uri }] as const);
  write(hostsText({ ...Object.fromEntries(hung), healthy: { uri: demo.uri } }));
  await start();
  const probes = hung.map(([name]) => get(`/probe?target=${name}`));
  await vi.waitFor(() => expect(silent.connections.length).toBeGreaterThanOrEqual(60), PATIENT);
  const healthy = await get('/probe?target=healthy');
  expect(healthy.status).toBe(200);
  expect(figure(parseExposition(await healthy.text()), 'libvirt_up')).toBe(1);
  for (const path of ['/-/healthy', '/-/ready', '/sd', '/metrics'])
    expect([path, (await get(path)).status]).toEqual([path, 200]);
  for (const socket of silent.connections) socket.destroy();
  expect((await Promise.all(probes)).map(({ status }) => status)).toEqual(hung.map(() => 200));
  silent.server.close();
});

test('more requests for one host than it has places are asked to come again', async () => {
  const silent = await startSilent();
  write(hostsText({ kvm1: { uri: silent.uri, scrape_deadline: '60s' } }));
  await start();
  const answered: Response[] = [];
  const probes = Array.from({ length: 12 }, async () => answered.push(await get('/probe?target=kvm1')));
  await vi.waitFor(() => expect(answered).toHaveLength(4), PATIENT);
  const busy = [...answered];
  expect(busy.map(({ status }) => status)).toEqual([503, 503, 503, 503]);
  expect(busy[0]?.headers.get('retry-after')).toBe('5');
  expect(await busy[0]?.text()).toBe('More than 8 requests for this host at once; try again.\n');
  for (const socket of silent.connections) socket.destroy();
  await Promise.all(probes);
  expect(answered.slice(4).map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
  silent.server.close();
});

/** Parsed documents of the output. */
const documents = (file: string): Record<string, unknown>[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    // The last line may be incomplete.
    .slice(0, -1)
    .map((line) => JSON.parse(line));

test('a host that a reload removes or changes in the middle of a sample is not reported as down', async () => {
  const file = join(folder, 'documents.ndjson');
  // Long enough that no sample fails on a busy machine.
  const host = { uri: demo.uri, scrape_deadline: '60s' };
  write(hostsText({ kvm1: host, kvm2: host }));
  demo.daemon.faults.slowMs = 150;
  const { reload } = await start({ output: { file, intervalMs: 1_000, namespace: 'default' } });
  const up = (value: number): Record<string, unknown>[] =>
    documents(file).filter((each) => each['libvirt_up'] === value);
  await vi.waitFor(() => expect(up(1).length).toBeGreaterThan(1), PATIENT);
  // Soon after the start of a sample, which takes most of a second.
  await sleep(1_200 - (Date.now() % 1_000));
  write(hostsText({ kvm2: { ...host, domain_deadline: '9s' } }));
  await reload();
  const before = up(1).length;
  await vi.waitFor(() => expect(up(1).length).toBeGreaterThan(before), PATIENT);
  expect(up(0)).toEqual([]);
});

test('a scrape of a host that a reload removes in the middle of it is answered in full', async () => {
  write(hostsText({ kvm1: { uri: demo.uri }, kvm2: { uri: demo.uri } }));
  const { reload } = await start();
  expect((await get('/probe?target=kvm1')).status).toBe(200);
  demo.daemon.faults.slowMs = 200;
  const scraped = get('/probe?target=kvm1');
  await sleep(100);
  write(hostsText({ kvm2: { uri: demo.uri } }));
  await reload();
  expect(figure(parseExposition(await (await scraped).text()), 'libvirt_up')).toBe(1);
  expect((await get('/probe?target=kvm1')).status).toBe(404);
});

test('a host id in the file is that of its documents, and another UUID of the same host is reported once', async () => {
  const file = join(folder, 'documents.ndjson');
  write(hostsText({ kvm1: { uri: demo.uri }, kvm2: { uri: demo.uri, host_id: 'machine-2' } }));
  await start({ output: { file, intervalMs: 1_000, namespace: 'default' } });
  const first = demo.daemon.host.uuid;
  const ids = (): Set<unknown> => new Set(documents(file).map((each) => each['host.id']));
  await vi.waitFor(() => expect(ids()).toEqual(new Set([first, 'machine-2'])), PATIENT);
  const second = first.replace(/^./, (digit) => (digit === '1' ? '2' : '1'));
  await demo.daemon.stop();
  Object.assign(demo.daemon.host, { uuid: second });
  await demo.daemon.restart();
  await vi.waitFor(() => expect(ids()).toEqual(new Set([first, 'machine-2', second])), PATIENT);
  const lines = said.filter((line) => line.includes('host.id'));
  expect(lines).toEqual([
    expect.stringMatching(
      new RegExp(
        `^virtune: libvirt reported ${first} as the UUID of kvm1, and now ${second}: .*host_uuid_source`,
      ),
    ),
  ]);
});

test('two hosts with one UUID are named once, and not once host_id sets them apart', async () => {
  const other = await startDemo({ hostname: 'other-host' });
  const receiver = new FakeReceiver();
  await receiver.start();
  try {
    const { uuid } = demo.daemon.host;
    Object.assign(other.daemon.host, { uuid });
    const file = join(folder, 'documents.ndjson');
    const hosts = { kvm1: { uri: demo.uri }, kvm2: { uri: other.uri } };
    write(hostsText(hosts));
    const { reload } = await start({
      output: { file, intervalMs: 1_000, namespace: 'default' },
      otlp: () => ({ endpoint: receiver.url, interval: 1, queue_dir: join(folder, 'otlp') }),
    });
    const ticks = (host: string, id: string): number =>
      documents(file).filter(
        (each) =>
          each['event.dataset'] === 'kvm.host' && each['host.name'] === host && each['host.id'] === id,
      ).length;
    const sent = (): Set<string | undefined> =>
      new Set(
        receiver.accepted
          .flatMap(({ resources }) => resources)
          .map(({ attributes }) => attributes['service.instance.id']),
      );
    await vi.waitFor(() => {
      for (const host of ['simulated-host', 'other-host']) expect(ticks(host, uuid)).toBeGreaterThan(2);
      expect(sent()).toEqual(new Set(['kvm1', 'kvm2']));
    }, PATIENT);
    const lines = (): string[] => said.filter((line) => line.includes('same host.id'));
    expect(lines()).toEqual([
      expect.stringMatching(
        new RegExp(
          `^virtune: kvm[12] and kvm[12] have the same host\\.id, ${uuid}, and [^:]*: [^:]*host, its NUMA cells and pools of only one [^:]*host_id[^:]*$`,
        ),
      ),
    ]);
    expect(lines()[0]).toMatch(/kvm1 and kvm2|kvm2 and kvm1/);
    write(hostsText({ ...hosts, kvm2: { uri: other.uri, host_id: 'machine-2' } }));
    await reload();
    await vi.waitFor(() => expect(ticks('other-host', 'machine-2')).toBeGreaterThan(1), PATIENT);
    // The same host of the file again, with another connection: not a second one.
    write(hostsText({ ...hosts, kvm2: { uri: other.uri, host_id: 'machine-2', domain_deadline: '3s' } }));
    await reload();
    const before = ticks('other-host', 'machine-2');
    await vi.waitFor(() => expect(ticks('other-host', 'machine-2')).toBeGreaterThan(before + 1), PATIENT);
    expect(lines()).toHaveLength(1);
  } finally {
    await exporter?.close();
    exporter = undefined;
    await receiver.stop();
    await other.stop();
  }
});

test('a default of the environment is for where the file names no local libvirt', async () => {
  write(hostsText({ kvm1: { uri: demo.uri } }));
  expect((await start({ defaultUri: demo.uri })).local).toBeUndefined();
  await exporter?.close();
  write(`local: "${demo.uri}"\n`);
  expect((await start({ defaultUri: 'qemu:///system?socket=/no/such' })).local).toBe(demo.uri);
  await exporter?.close();
  write('collect: {}\n');
  expect((await start({ defaultUri: demo.uri })).local).toBe(demo.uri);
});
