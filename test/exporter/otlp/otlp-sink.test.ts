import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { type RunningExporter, runExporter } from '../../../cli/run-exporter.ts';
import type { OtlpOptions } from '../../../exporter/otlp/settings.ts';
import { type Demo, startDemo } from '../../../simulator/demo.ts';
import { figure, find, parseExposition, type Series } from '../../exposition.ts';
import { FakeReceiver } from './fake-receiver.ts';

const TLS = join(import.meta.dirname, '../../fixtures/tls');
const pem = (name: string): Buffer => readFileSync(join(TLS, name));

let demo: Demo;
const folder = mkdtempSync(join(tmpdir(), 'virtune-otlp-'));
let exporter: RunningExporter | undefined;
let receiver: FakeReceiver;
beforeAll(async () => {
  demo = await startDemo();
});
afterEach(async () => {
  await exporter?.close();
  exporter = undefined;
  await receiver.stop();
});
afterAll(async () => {
  await demo.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function exportTo(queue: string, options: OtlpOptions = {}): Promise<void> {
  exporter = await runExporter({
    uri: demo.uri,
    listen: '127.0.0.1:0',
    otlp: () => ({ endpoint: receiver.url, interval: 1, queue_dir: join(folder, queue), ...options }),
  });
}

async function openReceiver(...args: ConstructorParameters<typeof FakeReceiver>): Promise<void> {
  receiver = new FakeReceiver(...args);
  await receiver.start();
}

const scrape = async (): Promise<Series[]> =>
  parseExposition(await (await fetch(`${exporter?.url}/metrics`)).text());
const own = async (name: string, labels = {}): Promise<number> =>
  figure(await scrape(), `virtune_otlp_${name}`, labels) ?? Number.NaN;

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  await vi.waitFor(async () => expect(await what()).toBe(true), { timeout: 20_000, interval: 20 });
}

test('two hosts of the file that call themselves the same are two instances, by their names in the file', async () => {
  await openReceiver();
  const file = join(folder, 'twins.yaml');
  const hosts = { 'site-a': { uri: demo.uri }, 'site-b': { uri: demo.uri, host_id: 'machine-b' } };
  writeFileSync(file, `local: false\nhosts: ${JSON.stringify(hosts)}\n`);
  exporter = await runExporter({
    listen: '127.0.0.1:0',
    configFile: file,
    otlp: () => ({ endpoint: receiver.url, interval: 1, queue_dir: join(folder, 'twins') }),
  });
  const resources = (): Map<string | undefined, Readonly<Record<string, string>>> =>
    new Map(
      receiver.accepted
        .flatMap((request) => request.resources)
        .map(({ attributes }) => [attributes['service.instance.id'], attributes]),
    );
  await until(() => resources().size > 1);
  expect([...resources().keys()].sort()).toEqual(['site-a', 'site-b']);
  for (const each of resources().values()) expect(each['host.name']).toBe('simulated-host');
  expect(resources().get('site-a')?.['host.id']).toBe(demo.daemon.host.uuid);
  expect(resources().get('site-b')?.['host.id']).toBe('machine-b');
});

const timesOf = (name: string): bigint[] =>
  receiver.accepted
    .flatMap(({ resources }) => resources)
    .flatMap(({ metrics }) => metrics.filter((metric) => metric.name === name))
    .flatMap(({ points }) => points.map(({ timeNs }) => timeNs));

test('samples arrive at the receiver: one resource per host, VMs as attributes, at whole seconds', async () => {
  await openReceiver();
  await exportTo('a', { resource_attributes: { 'deployment.environment.name': 'lab' } });
  await until(() => find(receiver.series, 'libvirt_domain_vcpu_delay_seconds_total').length > 0);
  const { path, headers, resources } = receiver.accepted[0] as (typeof receiver.accepted)[number];
  expect(path).toBe('/v1/metrics');
  expect(headers).toMatchObject({
    'content-type': 'application/x-protobuf',
    'content-encoding': 'gzip',
    'user-agent': expect.stringMatching(/^virtune\//),
  });
  expect(resources.map(({ attributes }) => attributes)).toEqual([
    {
      'service.name': 'virtune',
      'service.version': expect.any(String),
      'service.instance.id': 'simulated-host',
      'host.id': expect.stringMatching(/^[0-9a-f-]{36}$/),
      'host.name': 'simulated-host',
      'deployment.environment.name': 'lab',
    },
  ]);
  const [first] = timesOf('libvirt_up');
  expect((first as bigint) % 1_000_000_000n).toBe(0n);
  const names = new Set(
    find(receiver.series, 'libvirt_domain_info_state').map(({ labels }) => labels['domain']),
  );
  expect([...names].sort()).toEqual(demo.scenario.vms.map(({ name }) => name).sort());
  await until(async () => (await own('sent_total')) > 0);
  expect(await own('up')).toBe(1);
  expect(await own('dropped_total', { reason: 'queue_full' })).toBe(0);
});

test('every series of a scrape is sent, but for those of the process and of the senders', async () => {
  await openReceiver();
  await exportTo('b');
  // Scrapes and the sender each need two samples for it.
  const contention = 'libvirt_host_vcpu_contention_ratio';
  await until(() => timesOf(contention).length >= 1);
  const sent = new Set(receiver.series.map(({ name }) => name));
  let scraped = new Set<string>();
  await until(async () => {
    scraped = new Set((await scrape()).map(({ name }) => name));
    return scraped.has(contention);
  });
  const ofProcess = /^(process_|nodejs_|virtune_(otlp|scrape|libvirt_call|build|config|scrapes))/;
  expect([...scraped].filter((name) => !sent.has(name) && !ofProcess.test(name))).toEqual([]);
  expect([...sent].filter((name) => !scraped.has(name))).toEqual([]);
});

test('while the receiver is away nothing is lost, and nothing arrives twice', async () => {
  await openReceiver();
  await exportTo('c');
  await until(() => timesOf('libvirt_up').length >= 2);
  await receiver.stop();
  await until(async () => (await own('requests_total', { outcome: 'unreachable' })) >= 1);
  await until(async () => (await own('ticks_total', { outcome: 'ok' })) >= 5);
  // One process ends and another one starts while the receiver is away.
  const queued = await own('queue_points');
  expect(queued).toBeGreaterThan(0);
  await exporter?.close();
  await exportTo('c');
  await until(async () => (await own('ticks_total', { outcome: 'ok' })) >= 1);
  await receiver.start();
  await until(async () => (await own('queue_points')) === 0);
  const points = receiver.accepted
    .flatMap(({ resources }) => resources)
    .flatMap(({ metrics }) => metrics)
    .flatMap(({ name, points }) =>
      points.map(({ attributes, timeNs }) => `${name} ${JSON.stringify(attributes)} ${timeNs}`),
    );
  expect(new Set(points).size).toBe(points.length);
  const times = timesOf('libvirt_up');
  expect(times.length).toBeGreaterThanOrEqual(6);
  expect(times).toEqual([...times].sort());
  expect(await own('dead_letters_total')).toBe(0);
});

test('a receiver that hangs delays no scrape', async () => {
  await openReceiver();
  receiver.answer = () => 'hang';
  await exportTo('d');
  await until(() => receiver.asked > 0);
  for (let scrapes = 0; scrapes < 10; scrapes++) expect(figure(await scrape(), 'libvirt_up')).toBe(1);
  expect(receiver.asked, 'still the first request').toBe(1);
});

test('requests carry the headers of a file and a client certificate, and both are read again after a refusal', async () => {
  await openReceiver({
    key: pem('server.key'),
    cert: pem('server.pem'),
    ca: pem('ca.pem'),
    requestCert: true,
    rejectUnauthorized: true,
  });
  receiver.answer = ({ headers }) => ({ status: headers['authorization'] === 'Bearer right' ? 200 : 401 });
  const headers = join(folder, 'headers');
  writeFileSync(headers, '# of the vendor\nAuthorization: Bearer wrong\nX-Scope-OrgID: ops\n');
  await exportTo('e', {
    headers_file: headers,
    ca_file: join(TLS, 'ca.pem'),
    cert_file: join(TLS, 'client.pem'),
    key_file: join(TLS, 'client.key'),
  });
  await until(async () => (await own('requests_total', { outcome: 'refused' })) > 0);
  writeFileSync(headers, 'Authorization: Bearer right\nX-Scope-OrgID: ops\n');
  await until(() => receiver.accepted.length > 0);
  expect(receiver.accepted[0]?.headers).toMatchObject({ 'x-scope-orgid': 'ops' });
});

test('a host that cannot be asked is down at the receiver, and its VMs have no points', async () => {
  await openReceiver();
  const host = await startDemo();
  exporter = await runExporter({
    uri: host.uri,
    listen: '127.0.0.1:0',
    otlp: () => ({ endpoint: receiver.url, interval: 1, queue_dir: join(folder, 'f') }),
  });
  await until(() => timesOf('libvirt_up').length > 0);
  await host.stop();
  await until(() => find(receiver.series, 'libvirt_up').some(({ value }) => value === 0));
  const last = receiver.accepted.at(-1)?.resources[0];
  expect(last?.attributes['host.name']).toBe('simulated-host');
  expect(last?.metrics.filter(({ name }) => name.startsWith('libvirt_domain'))).toEqual([]);
});

test('sending starts, changes and stops with the configuration, and an unchanged one goes on', async () => {
  await openReceiver();
  const file = join(folder, 'virtune.yaml');
  const write = (more: string): void =>
    writeFileSync(file, more === '' ? '{}' : `otlp: { endpoint: "${receiver.url}", queue_dir: g, ${more} }`);
  write('');
  exporter = await runExporter({ uri: demo.uri, listen: '127.0.0.1:0', configFile: file });
  expect(find(await scrape(), 'virtune_otlp_queue_bytes')).toEqual([]);
  write('interval: 1');
  await exporter.reload();
  await until(async () => (await own('sent_total')) > 0);
  await exporter.reload();
  expect(await own('sent_total')).toBeGreaterThan(0);
  write('interval: 0');
  await expect(exporter.reload()).rejects.toMatchObject({ code: 'CONFIG' });
  expect(find(await scrape(), 'virtune_otlp_queue_bytes')).toHaveLength(1);
  write('');
  await exporter.reload();
  expect(find(await scrape(), 'virtune_otlp_queue_bytes')).toEqual([]);
});

test('two exporters do not share a queue', async () => {
  await openReceiver();
  await exportTo('h');
  await expect(
    runExporter({
      uri: demo.uri,
      listen: '127.0.0.1:0',
      otlp: () => ({ endpoint: receiver.url, queue_dir: join(folder, 'h') }),
    }),
  ).rejects.toMatchObject({ code: 'QUEUE_IN_USE' });
});
