import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type Document, Documents } from '../../exporter/documents/documents.ts';
import { STREAM_NAMES } from '../../exporter/documents/streams.ts';
import { bulkItemOf, bulkLines } from '../../exporter/elasticsearch/bulk.ts';
import { openClient } from '../../exporter/elasticsearch/client.ts';
import { pack } from '../../exporter/elasticsearch/pack.ts';
import { serverSettings } from '../../exporter/elasticsearch/settings.ts';
import { applySetup, planSetup } from '../../exporter/elasticsearch/setup/setup.ts';
import { DiskQueue } from '../../exporter/queue/queue.ts';
import { connect } from '../../libvirt/client/connect.ts';
import { DEFAULT_GROUPS } from '../../model/catalogue/catalogue.ts';
import { Sampler } from '../../sampler/sampler.ts';
import { startDemo } from '../../simulator/demo.ts';
import { OWN_TEMPLATES } from '../exporter/elasticsearch/own-templates.ts';
import { figure } from '../exposition.ts';
import { SearchServer } from '../live/search-server/search-server.ts';
import { SERVERS, type ServerName } from '../live/search-server/servers.ts';
import { temporarySocket } from '../sampler/temporary-socket.ts';
import { VirtuneProcess } from '../virtune-process.ts';
import { simulate } from './scale.ts';
import { fixed, median, table } from './table.ts';

/** One of each kind; versions differ less than runs do. */
const BENCHED = ['elasticsearch-8', 'opensearch-2'] as const;
const MIB = 1_024 ** 2;
const HOUR_MS = 3_600_000;
const TICK_MS = 10_000;

const temporary = (): { readonly dir: string; remove(): void } => {
  const dir = mkdtempSync(join(tmpdir(), 'virtune-bench-'));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
};

const openQueue = (dir: string): Promise<DiskQueue> =>
  DiskQueue.open({
    dir,
    kind: 'elasticsearch',
    maxBytes: 4e9,
    maxAgeMs: 1e12,
    now: Date.now,
    onDrop: () => undefined,
    onTrouble: (error) => console.error(error),
  });

/** Ticks of simulated VMs as documents, ten seconds apart; the last one is now. */
async function* ticks(vms: number, count: number): AsyncGenerator<{ atMs: number; documents: Document[] }> {
  let nowMs = Date.now() - count * TICK_MS;
  const demo = await startDemo({ scenario: 'calm', vms, now: () => nowMs });
  const sampler = new Sampler({
    open: (signal) => connect(demo.uri, { readOnly: true, signal }),
    now: () => nowMs,
    domainDeadlineMs: 60_000,
    tickDeadlineMs: 600_000,
  });
  const documents = new Documents({
    groups: DEFAULT_GROUPS,
    address: 'qemu:///system',
    agent: { version: '0.1.0', name: 'kvm1', ephemeralId: randomUUID() },
    namespace: 'default',
    intervalMs: TICK_MS,
    unknown: () => undefined,
  });
  try {
    for (let tick = 0; tick < count; tick++) {
      nowMs += TICK_MS;
      yield { atMs: nowMs, documents: [...documents.of(await sampler.sample(), nowMs)] };
    }
  } finally {
    await sampler.close();
    await demo.stop();
  }
}

/** Accepts every bulk request and stores nothing. */
async function swallower(): Promise<{
  url: string;
  hang: (on: boolean) => void;
  documents: () => number;
  stop(): void;
}> {
  let hangs = false;
  let documents = 0;
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const send = (body: unknown): void => {
        response.writeHead(200, { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' });
        response.end(JSON.stringify(body));
      };
      if (request.url === '/') return send({ version: { number: '9.1.0' } });
      if (request.method === 'GET') return send({ index_templates: OWN_TEMPLATES });
      if (hangs) return;
      const raw = Buffer.concat(chunks);
      const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw;
      let lines = 0;
      for (let at = body.indexOf(10); at >= 0; at = body.indexOf(10, at + 1)) lines++;
      documents += lines / 2;
      send({ items: Array.from({ length: lines / 2 }, () => ({ create: { status: 201 } })) });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    hang: (on) => {
      hangs = on;
    },
    documents: () => documents,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Numbers in a document that are not figures of its VM or host. */
const ABOUT = new Set(['kvm.id', 'metricset.period', 'event.duration']);

/** Figures of a document. */
function numbersIn(body: string): number {
  const values = Object.entries(JSON.parse(body) as Record<string, unknown>);
  return values.filter(([name, value]) => typeof value === 'number' && !ABOUT.has(name)).length;
}

/** Cost of a VM: documents and bytes per tick and per day, in transit and in the queue. */
async function sizes(): Promise<string> {
  const rows: string[][] = [];
  for await (const { atMs, documents } of ticks(100, 2)) {
    let packed = 0;
    for await (const record of pack({ host: 'h', at: atMs, namespace: 'default' }, documents))
      packed += record.payload.length;
    const text = documents.reduce((sum, { body }) => sum + Buffer.byteLength(body), 0);
    rows.length = 0;
    const day = 86_400_000 / TICK_MS;
    rows.push(['documents', fixed(documents.length / 100), fixed((documents.length / 100) * day, 0)]);
    rows.push(['JSON, bytes', fixed(text / 100, 0), fixed((text / 100) * day, 0)]);
    rows.push(['in the queue, bytes', fixed(packed / 100, 0), fixed((packed / 100) * day, 0)]);
  }
  return `### What a simulated VM costs (100 VMs, 10 s interval, default groups)\n\n${table(['per VM', 'per tick', 'per day'], rows)}`;
}

const RECORDS = 2_000;

async function queueRates(): Promise<string> {
  const folder = temporary();
  const records: { payload: Buffer; documents: number; atMs: number }[] = [];
  for await (const { atMs, documents } of ticks(100, 20)) {
    for await (const record of pack({ host: 'h', at: atMs, namespace: 'default' }, documents)) {
      records.push({ ...record, atMs });
    }
  }
  const queue = await openQueue(folder.dir);
  let bytes = 0;
  let documents = 0;
  let startedMs = performance.now();
  for (let i = 0; i < RECORDS; i++) {
    const { payload, documents: count, atMs } = records[i % records.length] as (typeof records)[number];
    await queue.append(payload, count, atMs);
    bytes += payload.length;
    documents += count;
  }
  const appendMs = performance.now() - startedMs;
  startedMs = performance.now();
  for (let taken = 0; (await queue.take()) !== undefined; taken++) if (taken % 8 === 7) await queue.commit();
  const readMs = performance.now() - startedMs;
  await queue.close();
  folder.remove();
  const row = (what: string, ms: number): string[] => [
    what,
    fixed(RECORDS / (ms / 1_000), 0),
    fixed(documents / (ms / 1_000), 0),
    fixed(bytes / MIB / (ms / 1_000)),
  ];
  return `### The queue (${RECORDS} records of ${fixed(bytes / RECORDS / 1_024, 0)} KiB; each synced to the disk before it counts)\n\n${table(['', 'records/s', 'documents/s', 'MiB/s'], [row('append', appendMs), row('read and settle', readMs)])}`;
}

const BACKLOG_TICKS = 120;

async function fillBacklog(dir: string): Promise<number> {
  const queue = await openQueue(dir);
  let documents = 0;
  for await (const { atMs, documents: made } of ticks(100, BACKLOG_TICKS)) {
    for await (const { payload, documents: count } of pack(
      { host: 'h', at: atMs, namespace: 'default' },
      made,
    )) {
      await queue.append(payload, count, atMs);
      documents += count;
    }
  }
  await queue.close();
  return documents;
}

/** Sends a prefilled queue with the real virtune into a server. */
async function drain(url: string, dir: string, documents: number): Promise<string[]> {
  const socket = temporarySocket();
  const simulator = await simulate(socket.path, 1);
  const virtune = new VirtuneProcess(
    'exporter',
    '--listen',
    '127.0.0.1:0',
    '--connect',
    `qemu:///system?socket=${socket.path}`,
    '--elasticsearch',
    url,
    '--elasticsearch.queue-dir',
    dir,
    '--elasticsearch.interval',
    '3600',
  );
  try {
    const startedMs = performance.now();
    let rss = 0;
    let cpu = 0;
    for (;;) {
      const series = await virtune.scrape();
      rss = Math.max(rss, virtune.rssKiB);
      cpu = figure(series, 'process_cpu_seconds_total') ?? 0;
      if ((figure(series, 'virtune_elasticsearch_queue_documents') ?? 1) === 0) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const seconds = (performance.now() - startedMs) / 1_000;
    return [fixed(documents / seconds, 0), fixed((cpu * 1e6) / documents, 0), fixed(rss / 1_024, 0)];
  } finally {
    await virtune.stop();
    simulator.kill();
    socket.remove();
  }
}

async function prepare(url: string): Promise<void> {
  const client = await openClient(await serverSettings({ nodes: [url] }), 'bench');
  const plan = await planSetup(client, {
    retentionDays: 90,
    downsampleAfterDays: 7,
    metricbeatCompat: false,
  });
  await applySetup(plan, () => undefined);
  await client.close();
}

async function throughput(): Promise<string> {
  const rows: string[][] = [];
  const run = async (what: string, url: string): Promise<void> => {
    const folder = temporary();
    const documents = await fillBacklog(folder.dir);
    rows.push([what, String(documents), ...(await drain(url, folder.dir, documents))]);
    folder.remove();
  };
  const nothing = await swallower();
  await run('a server that swallows', nothing.url);
  nothing.stop();
  for (const name of BENCHED) {
    const server = await SearchServer.startOptimized(name);
    await prepare(server.url);
    await run(`${SERVERS[name].name} ${SERVERS[name].version}`, server.url);
    await server.remove();
  }
  return `### Emptying a queue (20 minutes of 100 VMs; virtune and the server on the same 2 cores)\n\n${table(['into', 'documents', 'documents/s', 'CPU µs/document', 'RSS MiB'], rows)}`;
}

const GIB = 1_024 ** 3;

/** With a backlog of two gigabytes, the server accepts documents, hangs, and accepts them again. */
async function largeQueue(): Promise<string> {
  const folder = temporary();
  const records: { payload: Buffer; documents: number; atMs: number }[] = [];
  for await (const { atMs, documents } of ticks(100, 20)) {
    for await (const record of pack({ host: 'h', at: atMs, namespace: 'default' }, documents))
      records.push({ ...record, atMs });
  }
  const queue = await openQueue(folder.dir);
  for (let i = 0; queue.state.bytes < 2 * GIB; i++) {
    const { payload, documents, atMs } = records[i % records.length] as (typeof records)[number];
    await queue.append(payload, documents, atMs);
  }
  await queue.close();
  const server = await swallower();
  const socket = temporarySocket();
  const simulator = await simulate(socket.path, 100);
  const args = ['exporter', '--listen', '127.0.0.1:0', '--connect', `qemu:///system?socket=${socket.path}`];
  const rows: string[][] = [];
  const measure = async (what: string, virtune: VirtuneProcess, seconds: number): Promise<void> => {
    const walls: number[] = [];
    let rss = 0;
    const untilMs = performance.now() + seconds * 1_000;
    while (performance.now() < untilMs) {
      const startedMs = performance.now();
      await virtune.text();
      walls.push(performance.now() - startedMs);
      rss = Math.max(rss, virtune.rssKiB);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    rows.push([
      what,
      String(walls.length),
      fixed(median(walls)),
      fixed(walls.sort((a, b) => a - b)[Math.floor(walls.length * 0.95)] ?? 0),
      fixed(rss / 1_024, 0),
    ]);
  };
  const without = new VirtuneProcess(...args);
  await without.url();
  await measure('without the sink', without, 20);
  await without.stop();
  server.hang(true);
  const virtune = new VirtuneProcess(
    ...args,
    '--elasticsearch',
    server.url,
    '--elasticsearch.queue-dir',
    folder.dir,
    '--elasticsearch.queue-size',
    '4GiB',
  );
  await virtune.url();
  await measure('2 GiB wait, the server hangs', virtune, 20);
  server.hang(false);
  await measure('2 GiB wait, the server takes them', virtune, 90);
  await virtune.stop();
  simulator.kill();
  server.stop();
  socket.remove();
  folder.remove();
  return `### Scrapes of 100 VMs while the sink works\n\n${table(['', 'scrapes', 'median ms', 'p95 ms', 'RSS MiB'], rows)}`;
}

const METRICBEAT_MAPPING = {
  properties: {
    '@timestamp': { type: 'date' },
    event: {
      properties: { dataset: { type: 'keyword' }, module: { type: 'keyword' }, duration: { type: 'long' } },
    },
    metricset: { properties: { name: { type: 'keyword' }, period: { type: 'long' } } },
    service: { properties: { address: { type: 'keyword' }, type: { type: 'keyword' } } },
    kvm: {
      properties: {
        id: { type: 'long' },
        name: { type: 'keyword' },
        status: { properties: { state: { type: 'keyword' } } },
        dommemstat: {
          properties: {
            id: { type: 'long' },
            name: { type: 'keyword' },
            stat: { properties: { name: { type: 'keyword' }, value: { type: 'long' } } },
          },
        },
      },
    },
  },
};

const TAGS = [
  'swap_in_bytes_total',
  'swap_out_bytes_total',
  'major_fault_total',
  'minor_fault_total',
  'unused_bytes',
  'available_bytes',
  'current_balloon_bytes',
  'rss_bytes',
  'usable_bytes',
  'last_update_timestamp_seconds',
  'disk_caches_bytes',
];

/** The same figures as events that Metricbeat's module documents (kvm.dommemstat, kvm.status). */
function asMetricbeat(documents: readonly Document[]): string[] {
  return documents.flatMap(({ stream, body }) => {
    if (stream !== 'vm') return [];
    const flat = JSON.parse(body) as Record<string, unknown>;
    const event = (metricset: string, kvm: unknown): string =>
      JSON.stringify({
        '@timestamp': flat['@timestamp'],
        event: { dataset: `kvm.${metricset}`, duration: 1_150_000, module: 'kvm' },
        kvm,
        metricset: { name: metricset, period: TICK_MS },
        service: { address: 'unix:///var/run/libvirt/libvirt-sock', type: 'kvm' },
      });
    return [
      event('status', {
        id: flat['kvm.id'],
        name: flat['kvm.name'],
        status: { state: flat['kvm.status.state'] },
      }),
      ...TAGS.map((name) =>
        event('dommemstat', {
          dommemstat: {
            id: flat['kvm.id'],
            name: flat['kvm.name'],
            stat: {
              name,
              value: Math.round(Number(flat[`libvirt_domain_memory_stats_${name}`] ?? 0) / 1_024),
            },
          },
        }),
      ),
    ];
  });
}

/** The same 100 VMs and hour, as our documents and as Metricbeat's. */
async function againstMetricbeat(): Promise<string> {
  const rows: string[][] = [];
  for (const name of BENCHED) rows.push(...(await hourIn(name)));
  return `### One hour of 100 VMs at 10 s, against Metricbeat's model\n\nMetricbeat's events carry the 11 figures of dommemstat and the state; ours all groups that are on by default. Its own\nfields about agent and host, some 500 bytes an event, are left out. Index size after a merge to one segment.\n\n${table(['', 'documents', 'JSON MiB', 'index MiB', 'bytes/document', 'figures'], rows)}`;
}

async function hourIn(name: ServerName): Promise<string[][]> {
  const server = await SearchServer.startOptimized(name);
  await prepare(server.url);
  await server.request('PUT', '/_index_template/metricbeat', {
    index_patterns: ['metricbeat-*'],
    data_stream: {},
    priority: 300,
    template: {
      mappings: METRICBEAT_MAPPING,
      settings: { index: { codec: 'best_compression', number_of_replicas: 0 } },
    },
  });
  const client = await openClient(
    { ...(await serverSettings({ nodes: [server.url] })), requestTimeoutMs: 300_000 },
    'bench',
  );
  const kind = SERVERS[name].name === 'OpenSearch' ? 'opensearch' : 'elasticsearch';
  const total = { ours: 0, oursVm: 0, theirs: 0, oursBytes: 0, vmBytes: 0, theirBytes: 0, figures: 0 };
  let lines = '';
  const flush = async (atLeast: number): Promise<void> => {
    if (lines.length < atLeast) return;
    const { status, body } = await client.request({
      method: 'POST',
      path: '/_bulk',
      query: { filter_path: 'errors' },
      lines,
    });
    if (status !== 200 || (body as { errors?: boolean }).errors === true)
      throw new Error(`bulk: ${status} ${JSON.stringify(body)}`);
    lines = '';
  };
  for await (const { atMs, documents } of ticks(100, HOUR_MS / TICK_MS)) {
    for (const document of documents) {
      const size = Buffer.byteLength(document.body);
      total.ours++;
      total.oursBytes += size;
      total.figures += numbersIn(document.body);
      if (document.stream === 'vm') {
        total.oursVm++;
        total.vmBytes += size;
      }
      const key = JSON.stringify(document.key);
      lines += bulkLines(
        [bulkItemOf({ host: 'h', at: atMs, namespace: 'default' }, { ...document, key }, false)],
        { kind },
      );
    }
    for (const body of asMetricbeat(documents)) {
      total.theirs++;
      total.theirBytes += Buffer.byteLength(body);
      lines += `{"create":{"_index":"metricbeat-8.19"}}\n${body}\n`;
    }
    await flush(4e6);
  }
  await flush(1);
  const size = async (streams: string): Promise<number> => {
    await server.request('POST', `/${streams}/_forcemerge?max_num_segments=1`);
    await server.request('POST', `/${streams}/_flush`);
    const { body } = await server.request('GET', `/${streams}/_stats/store`);
    return (body as unknown as { _all: { primaries: { store: { size_in_bytes: number } } } })._all.primaries
      .store.size_in_bytes;
  };
  const ours = await size(STREAM_NAMES.map((stream) => `metrics-kvm.${stream}-*`).join(','));
  const vm = await size('metrics-kvm.vm-*');
  const theirs = await size('metricbeat-*');
  await client.close();
  await server.remove();
  const row = (what: string, documents: number, json: number, index: number, figures: string): string[] => [
    `${SERVERS[name].name}: ${what}`,
    String(documents),
    fixed(json / MIB),
    fixed(index / MIB),
    fixed(index / documents, 0),
    figures,
  ];
  return [
    row("Metricbeat's", total.theirs, total.theirBytes, theirs, String(total.theirs)),
    row('ours, one for each VM', total.oursVm, total.vmBytes, vm, ''),
    row('ours, all streams', total.ours, total.oursBytes, ours, String(total.figures)),
  ];
}

/** Cost of shipping to a search server. */
export async function shipping(): Promise<string> {
  const parts = { sizes, queueRates, throughput, largeQueue, againstMetricbeat };
  const only = process.env['VIRTUNE_BENCH_PART'];
  const texts: string[] = [];
  for (const [name, part] of Object.entries(parts)) {
    if (only === undefined || only === name) texts.push(await part());
  }
  return texts.join('\n\n');
}
