import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Document, Documents } from '../../exporter/documents/documents.ts';
import { fieldsOf } from '../../exporter/documents/fields.ts';
import { bulkItemOf, bulkLines } from '../../exporter/elasticsearch/bulk.ts';
import { DASHBOARDS } from '../../exporter/elasticsearch/kibana/panels.ts';
import { connect } from '../../libvirt/client/connect.ts';
import { DEFAULT_GROUPS } from '../../model/catalogue/catalogue.ts';
import { Sampler } from '../../sampler/sampler.ts';
import { startDemo } from '../../simulator/demo.ts';
import { diskColumns } from '../../tui/columns/disk-columns.ts';
import { vmColumns } from '../../tui/columns/vm-columns.ts';
import { disksOf } from '../../tui/model/devices.ts';
import { HostModel } from '../../tui/model/host-model.ts';
import type { Vm } from '../../tui/model/vm.ts';
import { consoleQueries, esqlQueries, kqlQueries } from '../exporter/elasticsearch/documented-queries.ts';
import { WITH_ESQL } from './search-server/esql.ts';
import { SearchServer } from './search-server/search-server.ts';
import { runnableServers, SERVERS, type ServerKind } from './search-server/servers.ts';
import { setUp } from './search-server/virtune-into.ts';

const INTERVAL_MS = 10_000;
/** The first tick has no rates; the six after it are the last minute. */
const TICKS = 7;
const END_MS = Math.floor(Date.now() / INTERVAL_MS) * INTERVAL_MS;
const HOSTS = ['kvm1', 'kvm2'] as const;

interface Shipped {
  readonly host: string;
  readonly atMs: number;
  readonly documents: readonly Document[];
  /** What `virtune top` shows of the same sample. */
  readonly vms: readonly Vm[];
  readonly contention: number | undefined;
}

/** Samples two hosts with VMs of the same names, as documents and as `virtune top` shows them. */
async function ship(): Promise<Shipped[]> {
  const all: Shipped[] = [];
  for (const [number, host] of HOSTS.entries()) {
    let nowMs = END_MS - TICKS * INTERVAL_MS;
    const scenario = number === 0 ? 'overcommitted' : 'noisy-neighbour';
    const demo = await startDemo({ scenario, hostname: host, now: () => nowMs });
    const sampler = new Sampler({
      open: (signal) => connect(demo.uri, { readOnly: true, signal }),
      now: () => nowMs,
    });
    const model = new HostModel({ name: host, uri: demo.uri, groups: DEFAULT_GROUPS });
    const documents = new Documents({
      groups: DEFAULT_GROUPS,
      agent: { version: '0.1.0', name: host, ephemeralId: host },
      namespace: 'default',
      intervalMs: INTERVAL_MS,
      address: 'qemu:///system',
      hostId: host,
      unknown: (field) => expect.fail(field),
    });
    try {
      for (let tick = 0; tick < TICKS; tick++) {
        nowMs += INTERVAL_MS;
        const sample = await sampler.sample();
        const { vms } = model.ingest(sample);
        const { contention } = sample;
        const demandNs = contention === undefined ? 0 : contention.delayNs + contention.runNs;
        all.push({
          host,
          atMs: nowMs,
          vms,
          documents: [...documents.of(sample, nowMs)],
          contention: contention && demandNs > 0 ? contention.delayNs / demandNs : undefined,
        });
      }
    } finally {
      await sampler.close();
      await demo.stop();
    }
  }
  return all;
}

/** Mean over the last minute of what `virtune top` shows of each VM, or of each of its rows, by path. */
function means<T>(
  shipped: readonly Shipped[],
  rows: (vm: Vm) => readonly { readonly path: string; readonly row: T }[],
  read: (row: T) => unknown,
): ReadonlyMap<string, number> {
  const sums = new Map<string, { sum: number; count: number }>();
  for (const { atMs, vms } of shipped) {
    if (atMs <= END_MS - 60_000) continue;
    for (const { path, row } of vms.flatMap(rows)) {
      const value = read(row);
      if (typeof value !== 'number') continue;
      const sum = sums.get(path) ?? { sum: 0, count: 0 };
      sums.set(path, { sum: sum.sum + value, count: sum.count + 1 });
    }
  }
  return new Map([...sums].map(([path, { sum, count }]) => [path, sum / count]));
}

const topOf = (shipped: readonly Shipped[], id: string): ReadonlyMap<string, number> => {
  const column = vmColumns.find((each) => each.id === id);
  return means(
    shipped,
    (vm) => [{ path: `${vm.host}/${vm.name}`, row: vm }],
    (vm) => column?.read(vm),
  );
};

const diskTop = (shipped: readonly Shipped[], id: string): ReadonlyMap<string, number> => {
  const column = diskColumns.find((each) => each.id === id);
  return means(
    shipped,
    (vm) => disksOf(vm).map((row) => ({ path: `${vm.host}/${vm.name}/${row.target}`, row })),
    (row) => column?.read(row),
  );
};

const highest = (values: ReadonlyMap<string, number>, count: number): [string, number][] =>
  [...values].sort(([, a], [, b]) => b - a).slice(0, count);

/** Documents have six digits of a rate. */
function expectNear(found: unknown, wanted: number, what: string): void {
  expect(typeof found, what).toBe('number');
  expect(Math.abs((found as number) - wanted), `${what}: ${found} and ${wanted}`).toBeLessThanOrEqual(
    Math.abs(wanted) * 1e-5,
  );
}

function expectSame(found: ReadonlyMap<string, number>, wanted: ReadonlyMap<string, number>): void {
  expect([...found.keys()].sort()).toEqual([...wanted.keys()].sort());
  for (const [path, value] of wanted) expectNear(found.get(path), value, path);
}

const kinds: readonly ServerKind[] = runnableServers().map((name) =>
  name === 'elasticsearch-8' ? WITH_ESQL : SERVERS[name],
);
let shipped: readonly Shipped[];
beforeAll(async () => {
  shipped = await ship();
});

describe.each(kinds)('$name $version: documented queries', (kind) => {
  let server: SearchServer;
  beforeAll(async () => {
    server = await SearchServer.startKind(kind);
    expect(await setUp(server.url)).toMatchObject({ code: 0 });
    expect(await send((body) => body)).toEqual(new Set([201]));
  }, 600_000);
  afterAll(() => server?.remove());

  /** Sends all documents, each changed first; the statuses of the response. */
  const send = async (change: (body: string) => string): Promise<ReadonlySet<number>> => {
    const items = shipped.flatMap(({ host, atMs, documents }) =>
      documents.map((each) =>
        bulkItemOf({ host, at: atMs, namespace: 'default' }, { ...each, body: change(each.body) }, false),
      ),
    );
    const answer = await fetch(`${server.url}/_bulk?refresh=true`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: bulkLines(items, { kind: kind.main === 'ElasticsearchMain' ? 'elasticsearch' : 'opensearch' }),
    });
    const { items: answers } = (await answer.json()) as { items: { create: { status: number } }[] };
    return new Set(answers.map(({ create }) => create.status));
  };

  test('a second sender of the same hosts adds nothing: each of its documents is there already', async () => {
    const other = (body: string): string =>
      body
        .replace(/"agent\.name":"[^"]*"/, '"agent.name":"container"')
        .replace(/"event\.start":"[^"]*"/, `"event.start":"${new Date(END_MS + 7).toISOString()}"`);
    expect(await send(other)).toEqual(new Set([409]));
  });

  /** Runs the query with the time of the last sample as now. */
  const ask = async (title: string): Promise<Answer> => {
    const query = consoleQueries.find((each) => each.title.startsWith(title));
    const at = new Date(END_MS).toISOString();
    const body = JSON.parse((query?.body ?? '').replaceAll(/"now-(\w+)"/g, `"${at}||-$1"`)) as unknown;
    const { status, body: answer } = await server.request('POST', `/${query?.path}`, body);
    expect(status, JSON.stringify(answer)).toBe(200);
    return answer as unknown as Answer;
  };

  test('the VMs with the highest steal are those of top, by its values', async () => {
    const { aggregations } = await ask('The ten VMs with the highest CPU steal');
    const found = aggregations['vm']?.buckets.map(
      ({ key, steal }) => [key, (steal?.value ?? 0) * 100] as const,
    );
    const wanted = highest(topOf(shipped, 'steal_percent'), 10);
    expect(found?.map(([path]) => path)).toEqual(wanted.map(([path]) => path));
    for (const [index, [path, steal]] of wanted.entries()) {
      expectNear(found?.[index]?.[1], steal, path);
    }
    expect(wanted[0]?.[1]).toBeGreaterThan(1);
  });

  test('CPUs over time are those of top, with a line for each VM of each host', async () => {
    const { aggregations } = await ask('CPUs that each VM used');
    const wanted = topOf(shipped, 'cpu_percent');
    const buckets = aggregations['vm']?.buckets ?? [];
    expect(buckets.map(({ key }) => key).sort()).toEqual(
      expect.arrayContaining([...wanted.keys()].sort() as string[]),
    );
    for (const { key, time } of buckets) {
      const values = time?.buckets.flatMap(({ doc_count, cpus }) =>
        cpus?.value == null ? [] : [{ doc_count, value: cpus.value }],
      );
      // The interval covers up to two minutes, each averaged over its own documents.
      for (const { value } of values ?? [])
        expect(value * 100).toBeLessThan((wanted.get(key) ?? 0) * 3 + 100);
      expect((values ?? []).length).toBeLessThanOrEqual(2);
    }
  });

  test('IOPS of a host are the sum of those that top shows of its VMs', async () => {
    const { aggregations } = await ask('IOPS of each host');
    const wanted = topOf(shipped, 'disk_requests_per_second');
    for (const host of HOSTS) {
      const sum = [...wanted].reduce(
        (all, [path, iops]) => all + (path.startsWith(`${host}/`) ? iops : 0),
        0,
      );
      const found = aggregations['host']?.buckets.find(({ key }) => key === host);
      expectNear(found?.iops?.value, sum, host);
    }
  });

  test.each(kqlQueries)('KQL finds documents: %s', async (query) => {
    // Kibana translates this query; query_string supports the part of the syntax that these lines use.
    const text = query
      .replaceAll(/ (>=|<=|>|<) (\S+)/g, ':$1$2')
      .replaceAll(' : ', ':')
      .replaceAll(/ and not /g, ' AND NOT ')
      .replaceAll(' and ', ' AND ');
    const found = await server.count('metrics-kvm.*-default', { query_string: { query: text } });
    expect(found, text).toBeGreaterThan(0);
    expect(found).toBeLessThan(shipped.reduce((sum, { documents }) => sum + documents.length, 0) / 2);
  });

  test.each(DASHBOARDS.flatMap(({ panels }) => panels))(
    'panel $id has lines of both hosts',
    async (panel) => {
      for (const { field } of panel.lines) {
        const { body } = await server.request('POST', `/metrics-kvm.${panel.stream}-default/_search`, {
          size: 0,
          aggs: {
            by: {
              terms: { field: panel.by, size: 1_000, order: { avg: 'desc' } },
              aggs: { avg: { avg: { field } } },
            },
          },
        });
        const found = body as unknown as Answer;
        const carried = new Set(
          shipped.flatMap(({ host, documents }) =>
            documents.some((each) => each.stream === panel.stream && each.body.includes(`"${field}":`))
              ? [host]
              : [],
          ),
        );
        const lines = (found.aggregations['by']?.buckets ?? []).filter(({ avg }) => avg?.value != null);
        expect(new Set(lines.map(({ key }) => key.split('/')[0])), field).toEqual(carried);
      }
    },
  );

  describe.runIf(kind.modules !== undefined)('ES|QL', () => {
    const esql = async (title: string): Promise<(string | number | null)[][]> => {
      const query = esqlQueries.find((each) => each.title.startsWith(title));
      const at = new Date(END_MS).toISOString();
      const text = query?.text.replaceAll('NOW()', `TO_DATETIME("${at}")`);
      const { status, body } = await server.request('POST', '/_query', { query: text });
      expect(status, JSON.stringify(body)).toBe(200);
      return (body as unknown as { values: (string | number | null)[][] }).values;
    };
    const byPath = (rows: readonly (readonly (string | number | null)[])[], place: number) =>
      new Map(
        rows.flatMap((row) => {
          const value = row[place];
          return typeof value === 'number' ? [[String(row.at(-1)), value] as const] : [];
        }),
      );

    test('the VMs with the highest steal are those of top, by its values', async () => {
      const rows = await esql('The ten VMs with the highest CPU steal');
      const wanted = highest(topOf(shipped, 'steal_percent'), 10);
      const stealOf = new Map(highest(topOf(shipped, 'steal_percent'), Number.POSITIVE_INFINITY));
      expect(rows).toHaveLength(wanted.length);
      // Two VMs whose steal differs only by rounding may be swapped.
      for (const [index, [, steal]] of wanted.entries()) {
        const [value, host, name] = rows[index] ?? [];
        expectNear(value, steal, `place ${index + 1}`);
        expectNear(value, stealOf.get(`${host}/${name}`) as number, `${host}/${name}`);
      }
    });

    test('contention of each host is the mean of its samples', async () => {
      const rows = await esql('CPU contention, in percent');
      for (const host of HOSTS) {
        const values = shipped.flatMap(({ host: of, atMs, contention }) =>
          of === host && atMs > END_MS - 60_000 && contention !== undefined ? [contention * 100] : [],
        );
        const row = rows.find((each) => each.at(-1) === host);
        expectNear(row?.[0], values.reduce((a, b) => a + b, 0) / values.length, host);
        expect(row?.[1]).toBeGreaterThan(0);
      }
    });

    test('request latencies of disks are those of top', async () => {
      const rows = await esql('Request latency of each disk');
      expectSame(byPath(rows, 0), diskTop(shipped, 'read_latency_milliseconds'));
      expectSame(byPath(rows, 1), diskTop(shipped, 'write_latency_milliseconds'));
    });

    test('memory that guests use is that of top', async () => {
      expectSame(byPath(await esql('Memory that guests use'), 0), topOf(shipped, 'memory_used_percent'));
    });

    test.each(['host', 'cell', 'vm', 'vcpu', 'block', 'net'] as const)(
      'every field of %s is taken without quotes, as a column and in an expression',
      async (stream) => {
        const names = fieldsOf(stream).map(({ name }) => name);
        for (const query of [
          `FROM metrics-kvm.${stream}-* | KEEP ${names.join(', ')} | LIMIT 1`,
          `FROM metrics-kvm.${stream}-* | WHERE ${names.map((name) => `${name} IS NOT NULL`).join(' OR ')} | LIMIT 1`,
        ]) {
          const { status, body } = await server.request('POST', '/_query', { query });
          expect(status, JSON.stringify(body).slice(0, 1_000)).toBe(200);
        }
      },
    );

    test('VMs without memory figures are counted once each, by reason', async () => {
      const rows = await esql('VMs without memory figures');
      const wanted = new Map<string, Set<string>>();
      for (const { host, documents } of shipped) {
        for (const { body } of documents) {
          const document = JSON.parse(body) as { 'kvm.uuid'?: string; virtune_domain_missing?: string[] };
          for (const word of document.virtune_domain_missing ?? []) {
            if (!word.startsWith('balloon:')) continue;
            wanted.set(word, (wanted.get(word) ?? new Set()).add(`${host} ${document['kvm.uuid']}`));
          }
        }
      }
      const uuids = (word: string): number =>
        new Set([...(wanted.get(word) ?? [])].map((each) => each.split(' ')[1])).size;
      expect(new Map(rows.map(([count, word]) => [word, count]))).toEqual(
        new Map([...wanted.keys()].map((word) => [word, uuids(word)])),
      );
    });
  });
});

interface Answer {
  readonly aggregations: Readonly<Record<string, { readonly buckets: readonly Bucket[] }>>;
}

interface Value {
  readonly value: number | null;
}

interface Bucket {
  readonly key: string;
  readonly doc_count: number;
  readonly steal?: Value;
  readonly iops?: Value;
  readonly avg?: Value;
  readonly cpus?: Value;
  readonly time?: { readonly buckets: readonly Bucket[] };
}
