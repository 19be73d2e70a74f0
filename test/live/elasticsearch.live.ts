import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fieldsOf } from '../../exporter/documents/fields.ts';
import { STREAM_NAMES, STREAMS } from '../../exporter/documents/streams.ts';
import { leavesOf } from '../../exporter/elasticsearch/setup/mappings.ts';
import { readRunbooks } from '../docs/runbooks.ts';
import { compare, type Flat, flatten } from '../exporter/elasticsearch/compare.ts';
import { figure, type Series } from '../exposition.ts';
import type { Ended } from '../virtune-process.ts';
import { BOOTED } from './lab/guests.ts';
import { run } from './lab/run.ts';
import { SearchServer } from './search-server/search-server.ts';
import { runnableServers } from './search-server/servers.ts';
import { exporterInto, queueFolder, setUp, sinkFigure, untilEmpty } from './search-server/virtune-into.ts';

const SINCE_PREVIOUS = new Set(['libvirt_host_vcpu_contention_ratio', 'libvirt_host_vcpu_delay_cpus']);

const RUN_MS = Number(process.env['VIRTUNE_SHIP_SECONDS'] ?? 60) * 1_000;
/** Enough that some share a sample with a tick; those of five minutes fill the heap of Node.js. */
const SCRAPES_KEPT = 200;

/** Real guests, a real libvirtd, virtune as its users run it, a real search server. */
describe.each(runnableServers())('%s', (name) => {
  let server: SearchServer;
  const queue = queueFolder();
  const scrapes: Series[][] = [];
  let ticks: number;
  let domains: number;
  let ended: Ended;

  beforeAll(async () => {
    server = await SearchServer.start(name);
    expect(await setUp(server.url)).toMatchObject({ code: 0, said: expect.stringContaining('8 changed') });
    const virtune = exporterInto(server.url, queue.dir);
    await virtune.url();
    const untilMs = performance.now() + RUN_MS;
    while (performance.now() < untilMs) {
      const scrape = await virtune.scrape();
      if (scrapes.length < SCRAPES_KEPT) scrapes.push(scrape);
    }
    await untilEmpty(virtune);
    domains = figure(scrapes[0] as Series[], 'libvirt_domains') ?? 0;
    expect(await sinkFigure(virtune, 'ticks_total', { outcome: 'failed' })).toBe(0);
    for (const reason of ['queue_full', 'too_old', 'disk', 'damaged']) {
      expect(await sinkFigure(virtune, 'dropped_total', { reason })).toBe(0);
    }
    expect(await sinkFigure(virtune, 'dead_letters_total')).toBe(0);
    // Read last: ticks between this and the end of the process are on the server too.
    ticks = (await sinkFigure(virtune, 'ticks_total', { outcome: 'ok' })) ?? 0;
    ended = await virtune.stop();
  }, 600_000);
  afterAll(async () => {
    await server?.remove();
    queue.remove();
  });

  const search = async <T>(stream: string, body: unknown): Promise<T> =>
    (await server.request('POST', `/metrics-kvm.${stream}-default/_search`, body)).body as unknown as T;

  test('the server is as healthy as the runbook on a delayed queue asks for', () => {
    const asked = readRunbooks().flatMap(({ commands }) =>
      commands.filter(({ text }) => /^curl .*SEARCH/.test(text)),
    );
    expect(asked).toHaveLength(1);
    for (const { text } of asked) {
      expect(run('sh', ['-c', text.replace('https://SEARCH:9200', server.url)])).toMatch(
        /"status" : "(green|yellow)"/,
      );
    }
  });

  test('it ends in order, and with nothing left in the queue', () => {
    expect(ended.code).toBe(0);
  });

  test('there are as many documents as ticks, and ticks times VMs', async () => {
    const hosts = await server.count('metrics-kvm.host-default');
    expect(ticks).toBeGreaterThan(3);
    expect(hosts).toBeGreaterThanOrEqual(ticks);
    expect(hosts).toBeLessThanOrEqual(ticks + 3);
    expect(await server.count('metrics-kvm.vm-default')).toBe(hosts * domains);
    expect(await server.count('metrics-kvm.vm-default', { term: { 'kvm.name': BOOTED } })).toBe(hosts);
  });

  test('figures are those of /metrics of the same sample, each of them', async () => {
    // A scrape and a tick at the same time share a sample: its duration, to the nanosecond, identifies it.
    const { hits } = await search<Hits>('host', { size: 10_000, _source: true });
    const moments = new Map(
      hits.hits.map(({ _source }) => {
        const flat = flatten(_source);
        return [flat.get('virtune_sample_duration_seconds'), flat.get('@timestamp')] as const;
      }),
    );
    const shared = scrapes.flatMap((series) => {
      const moment = moments.get(figure(series, 'virtune_sample_duration_seconds'));
      return moment === undefined ? [] : [{ series, moment }];
    });
    expect(shared.length).toBeGreaterThan(0);
    for (const { series, moment } of shared.slice(0, 5)) {
      const documents = new Map<string, Flat[]>();
      for (const stream of STREAM_NAMES) {
        // A stream does not exist when this host has nothing for it.
        const found = await search<Partial<Hits>>(stream, {
          size: 10_000,
          query: { term: { '@timestamp': moment } },
        });
        documents.set(
          stream,
          (found.hits?.hits ?? []).map(({ _source }) => flatten(_source)),
        );
      }
      const { equal, wrong } = compare(
        series,
        documents,
        // In documents contention is since the previous document, whereas a scrape may follow another sample.
        (figureName, scraped, shipped) => SINCE_PREVIOUS.has(figureName) || scraped === shipped,
      );
      expect(wrong).toEqual([]);
      expect(equal).toBeGreaterThan(domains * 30);
    }
  });

  test('one VM over time, who uses most CPU, and overcommit are a query each', async () => {
    const series = await search<{
      aggregations: { time: { buckets: { doc_count: number; cpu: { value: number } }[] } };
    }>('vm', {
      size: 0,
      query: { term: { 'kvm.name': BOOTED } },
      aggs: {
        time: {
          date_histogram: { field: '@timestamp', fixed_interval: '10s' },
          aggs: { cpu: { max: { field: 'libvirt_domain_info_cpu_time_seconds_total' } } },
        },
      },
    });
    const cpu = series.aggregations.time.buckets
      .filter(({ doc_count }) => doc_count > 0)
      .map((bucket) => bucket.cpu.value);
    expect(cpu.length).toBeGreaterThan(RUN_MS / 20_000);
    expect(cpu).toEqual([...cpu].sort((a, b) => a - b));

    const top = await search<{
      aggregations: { vm: { buckets: { key: string; usage: { value: number } }[] } };
    }>('vcpu', {
      size: 0,
      aggs: {
        vm: {
          terms: { field: 'kvm.name', order: { usage: 'desc' }, size: 3 },
          aggs: { usage: { avg: { field: 'libvirt_domain_vcpu_usage_ratio' } } },
        },
      },
    });
    // Only this guest runs code.
    expect(top.aggregations.vm.buckets[0]?.key).toBe(BOOTED);

    const { hits } = await search<Hits>('host', { size: 1, sort: [{ '@timestamp': 'desc' }] });
    const flat = flatten(hits.hits[0]?._source);
    const last = scrapes.at(-1) as Series[];
    expect(flat.get('libvirt_host_vcpu_overcommit_ratio.running')).toBe(
      figure(last, 'libvirt_host_vcpu_overcommit_ratio', { state: 'running' }),
    );
  });

  test('the mappings have the fields that they were given, and no other', async () => {
    for (const stream of STREAM_NAMES) {
      const { status, body } = await server.request('GET', `/metrics-kvm.${stream}-default/_mapping`);
      if (status === 404) {
        // Nothing of that kind on this host.
        expect(STREAMS[stream].of, stream).not.toMatch(/^(host|vm)$/);
        continue;
      }
      const [index] = Object.values(
        body as Record<string, { mappings: { dynamic: string; properties: unknown } }>,
      );
      expect(index?.mappings.dynamic).toBe('false');
      const wanted = fieldsOf(stream).map(({ name: field, type }) => [field, type]);
      expect(Object.fromEntries(leavesOf(index?.mappings.properties))).toEqual(Object.fromEntries(wanted));
    }
  });

  test('setup has nothing left to change, and says so', async () => {
    expect(await setUp(server.url)).toMatchObject({
      code: 0,
      said: expect.stringContaining('nothing to change'),
    });
    expect(await setUp(server.url, '--dry-run', '--retention', '30')).toMatchObject({ code: 0 });
  });
});

interface Hits {
  readonly hits: { readonly hits: readonly { readonly _source: unknown }[] };
}
