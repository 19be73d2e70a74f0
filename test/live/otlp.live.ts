import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { HostRequests } from '../../exporter/otlp/host-requests.ts';
import { openOtlpClient } from '../../exporter/otlp/otlp-client.ts';
import { receiverSettings } from '../../exporter/otlp/settings.ts';
import { connect } from '../../libvirt/client/connect.ts';
import { type GroupName, groups } from '../../model/catalogue/catalogue.ts';
import type { HostSample } from '../../sampler/host-sample.ts';
import { Sampler } from '../../sampler/sampler.ts';
import { type Demo, startDemo } from '../../simulator/demo.ts';
import { sorted } from '../exporter/otlp/as-series.ts';
import { healthText, sampleText } from '../exporter/sample-text.ts';
import { figure, parseExposition, type Series } from '../exposition.ts';
import { VirtuneProcess } from '../virtune-process.ts';
import { until } from './lab/run.ts';
import { fileConfig, received } from './otlp-receivers/collector-file.ts';
import {
  collectorAt,
  ensureReceivers,
  freePort,
  prometheusAt,
  type Receiver,
  receiversBuilt,
  seriesAt,
  timesOf,
} from './otlp-receivers/receivers.ts';

const GUIDE = readFileSync(join(import.meta.dirname, '../../docs/opentelemetry.md'), 'utf8');
const ALL: ReadonlySet<GroupName> = new Set(groups.map(({ name }) => name));

function renamed(sample: HostSample): HostSample {
  const [first, ...others] = sample.domains;
  if (first === undefined) throw new Error('no VM');
  const domain = { ...first.domain, name: 'a "b"\\c,d="e"\n\u00fc{}' };
  return { ...sample, domains: [{ ...first, domain }, ...others] };
}

/** The guide's configuration that starts with this line, with addresses of this test. */
function documented(firstLine: string, addresses: Readonly<Record<string, string>> = {}): object {
  const [, text] = new RegExp(`\`\`\`yaml\n${firstLine}\n([^]*?)\`\`\``).exec(GUIDE) ?? [];
  let changed = text ?? expect.fail(`the guide has no ${firstLine}`);
  for (const [address, own] of Object.entries(addresses)) {
    expect(changed).toContain(address);
    changed = changed.replaceAll(address, own);
  }
  return parse(changed) as object;
}

describe.runIf(receiversBuilt())('OTLP', { timeout: 300_000 }, () => {
  let demo: Demo;
  beforeAll(async () => {
    ensureReceivers();
    demo = await startDemo({ scenario: 'overcommitted', libvirt: '12.9' });
  }, 900_000);
  afterAll(() => demo?.stop());

  /** A sample with all groups, and the one before; the first VM has the most hostile name. */
  async function sampled(): Promise<{ before: HostSample; sample: HostSample; sampler: Sampler }> {
    const sampler = new Sampler({
      open: (signal) => connect(demo.uri, { readOnly: true, signal }),
      openGuestAgent: (signal) => connect(demo.uri, { guestAgentOnly: true, signal }),
      groups: ALL,
    });
    for (let round = 0; round < 2; round++) await sampler.sample();
    return { sampler, before: renamed(await sampler.sample()), sample: renamed(await sampler.sample()) };
  }

  async function post(port: number, atMs: number, of: Awaited<ReturnType<typeof sampled>>): Promise<void> {
    const client = openOtlpClient(await receiverSettings({ endpoint: `http://127.0.0.1:${port}` }), '1.2.3');
    const requests = new HostRequests({
      groups: ALL,
      version: '1.2.3',
      resourceAttributes: {},
      maxBytes: 64 * 1_024,
    });
    const state = { health: of.sampler.health, inMaintenance: false };
    // Contention is since the previous sample that was sent.
    for await (const { body } of requests.of(of.before, state, atMs - 1_000))
      expect(body.length).toBeGreaterThan(0);
    for await (const { body } of requests.of(of.sample, state, atMs)) {
      const { status, body: said } = await client.post(gzipSync(body), AbortSignal.timeout(30_000));
      expect([status, said.toString()]).toEqual([200, expect.any(String)]);
    }
    client.close();
  }

  const scraped = ({ sample, sampler }: Awaited<ReturnType<typeof sampled>>): Series[] =>
    parseExposition(sampleText(sample, 'text', ALL) + healthText(sampler.health, true));

  test('by the documented Collector into the documented Prometheus, each series of a scrape has its name, labels and value', async () => {
    const [collectorPort, prometheusPort] = [await freePort(), await freePort()];
    const prometheus = prometheusAt(prometheusPort, () => documented('# prometheus.yml'));
    const collector = collectorAt(collectorPort, () =>
      documented('# collector.yaml', {
        '0.0.0.0:4318': `127.0.0.1:${collectorPort}`,
        'prometheus:9090': `127.0.0.1:${prometheusPort}`,
      }),
    );
    const of = await sampled();
    try {
      await prometheus.start();
      await collector.start();
      const atMs = Math.floor(Date.now() / 1_000) * 1_000;
      await post(collectorPort, atMs, of);
      const expected = sorted(scraped(of));
      const stored = async (): Promise<Series[]> => {
        const found = await seriesAt(prometheusPort, '{job="virtune",__name__!="target_info"}', atMs);
        return found.map(({ name, value, labels: { job: _job, instance: _instance, ...labels } }) => ({
          name,
          value,
          labels,
        }));
      };
      await until('all series to arrive', 30_000, async () => (await stored()).length >= expected.length);
      // For Prometheus a label with an empty value does not exist.
      const withoutEmpty = sorted(
        scraped(of).map((each) => ({
          ...each,
          labels: Object.fromEntries(Object.entries(each.labels).filter(([, value]) => value !== '')),
        })),
      );
      expect(sorted(await stored())).toEqual(withoutEmpty);
      expect(expected.length).toBeGreaterThan(1_000);
      const [info] = await seriesAt(prometheusPort, 'target_info', atMs);
      expect(info?.labels).toMatchObject({
        job: 'virtune',
        instance: of.sample.identity?.hostname,
        host_name: of.sample.identity?.hostname,
        host_id: of.sample.identity?.uuid,
        service_version: '1.2.3',
      });
      process.stdout.write(`OTLP: ${expected.length} series compared\n`);
    } finally {
      await of.sampler.close();
      await collector.remove();
      await prometheus.remove();
    }
  });

  test('the Collector reads counters as monotonic cumulative sums with a start, and histograms whose buckets add up', async () => {
    const port = await freePort();
    const collector = collectorAt(port, (folder) => fileConfig(port, folder));
    const of = await sampled();
    try {
      await collector.start();
      const atMs = Math.floor(Date.now() / 1_000) * 1_000;
      await post(port, atMs, of);
      await collector.stop();
      const metrics = received(collector);
      const counters = metrics.filter(({ name }) => name.endsWith('_total'));
      expect(counters.length).toBeGreaterThan(20);
      for (const { name, sum } of counters) {
        expect(sum, name).toMatchObject({ aggregationTemporality: 2, isMonotonic: true });
        for (const { startTimeUnixNano, timeUnixNano } of sum?.dataPoints ?? []) {
          expect(BigInt(startTimeUnixNano ?? 0) > 0n, name).toBe(true);
          expect(BigInt(startTimeUnixNano ?? 0) <= BigInt(timeUnixNano), name).toBe(true);
        }
      }
      for (const { name, histogram } of metrics.filter((each) => each.histogram !== undefined)) {
        for (const { count, bucketCounts = [], explicitBounds = [] } of histogram?.dataPoints ?? []) {
          expect(bucketCounts, name).toHaveLength(explicitBounds.length + 1);
          expect(
            bucketCounts.reduce((sum, each) => sum + Number(each), 0),
            name,
          ).toBe(Number(count ?? 0));
        }
      }
      const names = new Set(metrics.filter(({ gauge }) => gauge !== undefined).map(({ name }) => name));
      expect([...names].filter((name) => name.endsWith('_total'))).toEqual([]);
    } finally {
      await of.sampler.close();
      await collector.remove();
    }
  });

  describe.each([
    {
      name: 'a Collector',
      path: '',
      at: (port: number): Receiver => collectorAt(port, (folder) => fileConfig(port, folder)),
      moments: async (receiver: Receiver): Promise<number[]> =>
        received(receiver)
          .filter(({ name }) => name === 'libvirt_up')
          .flatMap(({ gauge }) => gauge?.dataPoints ?? [])
          .map(({ timeUnixNano }) => Number(BigInt(timeUnixNano) / 1_000_000n)),
    },
    {
      name: 'a Prometheus',
      path: '/api/v1/otlp',
      at: (port: number): Receiver => prometheusAt(port, () => documented('# prometheus.yml')),
      moments: (_receiver: Receiver, port: number): Promise<number[]> =>
        timesOf(port, 'libvirt_up{job="virtune"}'),
    },
  ])('into $name', ({ path, at, moments }) => {
    test('after an outage, and a virtune that was killed during it, each sample is there once', async () => {
      const port = await freePort();
      const receiver = at(port);
      const queue = mkdtempSync(join(tmpdir(), 'virtune-otlp-'));
      const start = async (): Promise<VirtuneProcess> => {
        const virtune = new VirtuneProcess(
          ...['exporter', '--connect', demo.uri, '--listen', '127.0.0.1:0', '--otlp.interval', '1s'],
          ...['--otlp.endpoint', `http://127.0.0.1:${port}${path}`, '--otlp.queue-dir', queue],
        );
        await virtune.url();
        return virtune;
      };
      const own = async (virtune: VirtuneProcess, name: string, labels = {}): Promise<number> =>
        figure(await virtune.scrape(), `virtune_otlp_${name}`, labels) ?? 0;
      const untilTicks = (virtune: VirtuneProcess, count: number): Promise<unknown> =>
        until(
          `${count} samples`,
          60_000,
          async () => (await own(virtune, 'ticks_total', { outcome: 'ok' })) >= count,
        );
      let virtune: VirtuneProcess | undefined;
      try {
        await receiver.start();
        virtune = await start();
        await untilTicks(virtune, 4);
        await until(
          'something to arrive',
          30_000,
          async () => (await own(virtune as VirtuneProcess, 'sent_total')) > 0,
        );
        await receiver.stop();
        await untilTicks(virtune, 10);
        const before = await own(virtune, 'ticks_total', { outcome: 'ok' });
        await virtune.stop('SIGKILL');
        virtune = await start();
        await untilTicks(virtune, 5);
        await receiver.start();
        await until(
          'an empty queue',
          90_000,
          async () => (await own(virtune as VirtuneProcess, 'queue_points')) === 0,
        );
        const series = await virtune.scrape();
        expect(figure(series, 'virtune_otlp_dead_letters_total')).toBe(0);
        expect(figure(series, 'virtune_otlp_rejected_total')).toBe(0);
        for (const reason of ['queue_full', 'too_old', 'disk', 'damaged']) {
          expect(figure(series, 'virtune_otlp_dropped_total', { reason })).toBe(0);
        }
        const after = figure(series, 'virtune_otlp_ticks_total', { outcome: 'ok' }) ?? 0;
        await virtune.stop();
        const found = await until('the samples', 30_000, () => moments(receiver, port));
        expect(new Set(found).size).toBe(found.length);
        // When a process ends, a tick may be counted but not yet queued, or follow the count.
        expect(found.length).toBeGreaterThanOrEqual(before + after - 2);
        expect(found.length).toBeLessThanOrEqual(before + after + 4);
        process.stdout.write(`OTLP: ${before + after} samples made, ${found.length} stored\n`);
      } finally {
        await virtune?.stop('SIGKILL');
        await receiver.remove();
        rmSync(queue, { recursive: true, force: true });
      }
    });
  });
});
