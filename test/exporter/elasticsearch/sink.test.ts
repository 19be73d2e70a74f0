import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { type RunningExporter, runExporter } from '../../../cli/run-exporter.ts';
import { type Demo, startDemo } from '../../../simulator/demo.ts';
import { figure, find, parseExposition, type Series } from '../../exposition.ts';
import { startBulkServer } from './bulk-server.ts';

let demo: Demo;
const folder = mkdtempSync(join(tmpdir(), 'virtune-sink-'));
let exporter: RunningExporter | undefined;
beforeAll(async () => {
  demo = await startDemo();
});
afterEach(async () => {
  await exporter?.close();
  exporter = undefined;
});
afterAll(async () => {
  await demo.stop();
  rmSync(folder, { recursive: true, force: true });
});

const scrape = async (): Promise<Series[]> =>
  parseExposition(await (await fetch(`${exporter?.url}/metrics`)).text());

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  await vi.waitFor(async () => expect(await what()).toBe(true), { timeout: 20_000, interval: 20 });
}

test('samples become documents on the server, and the scrape counts what was sent', async () => {
  const server = await startBulkServer();
  exporter = await runExporter({
    uri: demo.uri,
    listen: '127.0.0.1:0',
    elasticsearch: () => ({ nodes: [server.url], interval: 1, queue_dir: join(folder, 'a') }),
  });
  await until(() => server.documents.some((body) => body.includes('"kvm.vm"')));
  await until(async () => (figure(await scrape(), 'virtune_elasticsearch_sent_total') ?? 0) > 0);
  const series = await scrape();
  expect(figure(series, 'virtune_elasticsearch_up')).toBe(1);
  expect(figure(series, 'virtune_elasticsearch_dropped_total', { reason: 'queue_full' })).toBe(0);
  const vm = server.documents.filter((body) => body.includes('"event.dataset":"kvm.vm"'));
  expect(vm.length % demo.scenario.vms.length).toBe(0);
  await exporter.close();
  exporter = undefined;
  server.stop();
});

test('a server that hangs delays no scrape: all are answered', async () => {
  const server = await startBulkServer();
  server.hang = true;
  exporter = await runExporter({
    uri: demo.uri,
    listen: '127.0.0.1:0',
    elasticsearch: () => ({ nodes: [server.url], interval: 1, queue_dir: join(folder, 'b') }),
  });
  await until(() => server.asked > 0);
  for (let scrapes = 0; scrapes < 10; scrapes++) {
    expect(figure(await scrape(), 'libvirt_up')).toBe(1);
  }
  expect(server.asked, 'still the first request').toBe(1);
  expect(figure(await scrape(), 'virtune_elasticsearch_queue_documents')).toBeGreaterThan(0);
  server.stop();
});

test('the sink starts, changes and stops with the configuration, and an unchanged one continues', async () => {
  const server = await startBulkServer();
  const file = join(folder, 'virtune.yaml');
  const write = (more: string): void =>
    writeFileSync(
      file,
      more === '' ? '{}' : `elasticsearch: { nodes: ["${server.url}"], queue_dir: c, ${more} }`,
    );
  write('');
  exporter = await runExporter({ uri: demo.uri, listen: '127.0.0.1:0', configFile: file });
  expect(find(await scrape(), 'virtune_elasticsearch_queue_bytes')).toEqual([]);
  write('interval: 1');
  await exporter.reload();
  await until(async () => (figure(await scrape(), 'virtune_elasticsearch_sent_total') ?? 0) > 0);
  await exporter.reload();
  expect(figure(await scrape(), 'virtune_elasticsearch_sent_total')).toBeGreaterThan(0);
  write('interval: 0');
  await expect(exporter.reload()).rejects.toMatchObject({ code: 'CONFIG' });
  expect(find(await scrape(), 'virtune_elasticsearch_queue_bytes')).toHaveLength(1);
  write('');
  await exporter.reload();
  expect(find(await scrape(), 'virtune_elasticsearch_queue_bytes')).toEqual([]);
  server.stop();
});

test('without a local libvirt the hosts of the file are sent, and the process exports its own metrics', async () => {
  const server = await startBulkServer();
  const file = join(folder, 'hosts.yaml');
  writeFileSync(
    file,
    `local: false\nhosts: { kvm1: { uri: "${demo.uri}" } }\nelasticsearch: { nodes: ["${server.url}"], queue_dir: d, interval: 1 }`,
  );
  exporter = await runExporter({ listen: '127.0.0.1:0', configFile: file });
  await until(() => server.documents.length > 0);
  await until(async () => (figure(await scrape(), 'virtune_elasticsearch_sent_total') ?? 0) > 0);
  expect(figure(await scrape(), 'process_cpu_seconds_total')).toBeGreaterThan(0);
  server.stop();
});
