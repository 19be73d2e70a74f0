import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Demo, startDemo } from '../../simulator/demo.ts';
import { figure } from '../exposition.ts';
import type { VirtuneProcess } from '../virtune-process.ts';
import { until } from './lab/run.ts';
import { FaultyProxy, type ProxyFault } from './search-server/faulty-proxy.ts';
import { SearchServer } from './search-server/search-server.ts';
import { runnableServers } from './search-server/servers.ts';
import { exporterInto, queueFolder, setUp, sinkFigure, untilEmpty } from './search-server/virtune-into.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/tls');
const KEY = 'c2VjcmV0OmtleQ==';
/** Minutes of server downtime with its default look-ahead of 30 minutes; 0 skips the drill. Nightly: 40. */
const OUTAGE_MINUTES = Number(process.env['VIRTUNE_OUTAGE_MINUTES'] ?? 0);
const HOUR_MS = 3_600_000;
const HOST_IS_UP = { term: { libvirt_up: 1 } };
const HOST_IS_DOWN = { term: { libvirt_up: 0 } };
const seconds = (count: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, count * 1_000));

/**
 * Drills take a minute each, on every server that can run here. `.ci/run` takes one server: VIRTUNE_DRILLED_SERVERS is
 * a comma-separated list.
 */
const DRILLED = runnableServers().filter(
  (name) => process.env['VIRTUNE_DRILLED_SERVERS']?.split(',').includes(name) ?? true,
);

/** A virtune that samples every second, while its server is stopped, killed and filled up. */
describe.each(DRILLED)('%s', { timeout: 600_000 }, (name) => {
  let server: SearchServer;
  let demo: Demo;
  beforeAll(async () => {
    server = await SearchServer.start(name);
    expect(await setUp(server.url)).toMatchObject({ code: 0 });
  });
  afterAll(async () => {
    await server?.remove();
  });

  /** What a drill may do. It starts processes one after another, and returns the one that must send everything. */
  interface Drill {
    readonly dir: string;
    start(url: string, ...more: string[]): Promise<VirtuneProcess>;
    /** Kills a process without giving it a chance to clean up. */
    kill(virtune: VirtuneProcess): Promise<void>;
    end(virtune: VirtuneProcess): Promise<string>;
  }

  async function untilCounted(
    virtune: VirtuneProcess,
    name: string,
    labels = {},
    atLeast = 1,
  ): Promise<void> {
    const isThere = async (): Promise<boolean> => ((await sinkFigure(virtune, name, labels)) ?? 0) >= atLeast;
    await until(`${name} to be ${atLeast}`, 60_000, isThere);
  }

  /** Enough ticks for a drill to show something. */
  const untilTicked = (virtune: VirtuneProcess): Promise<void> =>
    untilCounted(virtune, 'ticks_total', { outcome: 'ok' }, 5);

  /** Each drill uses a separate namespace, so that its documents are counted apart. */
  async function drill(
    namespace: string,
    run: (drill: Drill) => Promise<VirtuneProcess>,
    { timeout = 20, mount = false } = {},
  ): Promise<void> {
    const queue = queueFolder();
    if (mount) execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', queue.dir]);
    const dir = join(queue.dir, 'q');
    const config = join(queue.dir, 'virtune.yaml');
    demo = await startDemo();
    writeFileSync(config, `elasticsearch: { timeout: ${timeout}, namespace: ${namespace} }\n`);
    let ticks = 0;
    let ended = 0;
    let documents = 0;
    // A sample that failed is a document too: of the host, which is down.
    const count = async (virtune: VirtuneProcess): Promise<void> => {
      const series = await virtune.scrape();
      const of = (figureName: string, labels = {}): number =>
        figure(series, `virtune_elasticsearch_${figureName}`, labels) ?? 0;
      ticks += of('ticks_total', { outcome: 'ok' });
      documents += of('queued_total') - of('ticks_total', { outcome: 'failed' });
    };
    try {
      const last = await run({
        dir,
        start: async (url, ...more) => {
          const virtune = exporterInto(url, dir, '--connect', demo.uri, '--config.file', config, ...more);
          await virtune.url();
          return virtune;
        },
        kill: async (virtune) => {
          await count(virtune);
          ended++;
          await virtune.stop('SIGKILL');
        },
        end: async (virtune) => {
          await count(virtune);
          ended++;
          return (await virtune.stop()).stderr;
        },
      });
      await untilEmpty(last, 900);
      // Without a host no more samples are counted as ok, so the last count is exact.
      await demo.stop();
      await untilCounted(last, 'ticks_total', { outcome: 'failed' });
      await until('an empty queue', 60_000, async () => (await sinkFigure(last, 'queue_documents')) === 0);
      for (const reason of ['queue_full', 'too_old', 'disk', 'damaged']) {
        expect([reason, await sinkFigure(last, 'dropped_total', { reason })]).toEqual([reason, 0]);
      }
      expect(await sinkFigure(last, 'dead_letters_total')).toBe(0);
      await count(last);
      await last.stop();
    } finally {
      await demo.stop();
      if (mount) execFileSync('umount', [queue.dir]);
      queue.remove();
    }
    const { moments, failed } = await onceEach(namespace);
    // A process takes at most two samples between its count and its end.
    expect(moments).toBeGreaterThanOrEqual(ticks);
    expect(moments).toBeLessThanOrEqual(ticks + 2 * ended);
    expect(moments).toBeGreaterThan(3);
    const stored = (await server.count(`metrics-kvm.*-${namespace}`)) - failed;
    const more = ended === 0 ? '' : ' at least';
    process.stdout.write(`${name}, ${namespace}:${more} ${documents} documents made, ${stored} stored\n`);
    if (ended === 0) expect(stored).toBe(documents);
    else expect(stored).toBeGreaterThanOrEqual(documents);
  }

  /** Each timestamp has its host and each VM once. @returns the timestamps, and the documents of a host that is down */
  async function onceEach(namespace: string): Promise<{ moments: number; failed: number }> {
    await server.request('POST', `/metrics-kvm.*-${namespace}/_refresh`);
    const { body } = await server.request('POST', `/metrics-kvm.vm-${namespace}/_search`, {
      size: 0,
      aggs: {
        moments: {
          terms: { field: '@timestamp', size: 10_000 },
          aggs: { vms: { cardinality: { field: 'kvm.uuid' } } },
        },
      },
    });
    const { buckets } = (body as unknown as Moments).aggregations.moments;
    const vms = demo.scenario.vms.length;
    expect(buckets.filter((bucket) => bucket.doc_count !== vms || bucket.vms.value !== vms)).toEqual([]);
    expect(await server.count(`metrics-kvm.host-${namespace}`, HOST_IS_UP)).toBe(buckets.length);
    const failed = await server.count(`metrics-kvm.host-${namespace}`, HOST_IS_DOWN);
    return { moments: buckets.length, failed };
  }

  /** Sets this look-ahead in each index template of virtune; undefined: the server's default. */
  async function setLookAhead(lookAhead: string | undefined): Promise<void> {
    const { body } = await server.request('GET', '/_index_template/metrics-kvm.*');
    for (const { name: of, index_template } of (body as unknown as Templates).index_templates) {
      const changed = structuredClone(index_template);
      const { index } = changed.template.settings;
      delete index['look_ahead_time'];
      if (lookAhead !== undefined) index['look_ahead_time'] = lookAhead;
      const { status } = await server.request('PUT', `/_index_template/${of}`, changed);
      expect(status).toBe(200);
    }
  }

  /** Does what Elasticsearch's UpdateTimeSeriesRangeService does every few minutes; the tests' server lacks it. */
  async function moveEnd(namespace: string, hours = 1): Promise<void> {
    const { body } = await server.request('GET', `/_data_stream/metrics-kvm.*-${namespace}`);
    const end_time = new Date(Date.now() + hours * HOUR_MS).toISOString();
    for (const { indices } of (body as unknown as Streams).data_streams) {
      const index = indices.at(-1)?.index_name;
      const { status } = await server.request('PUT', `/${index}/_settings`, {
        'index.time_series.end_time': end_time,
      });
      expect(status).toBe(200);
    }
  }

  /** The server is down until the end of its indices is in the past; documents then wait until the end is moved. */
  async function outliveLookAhead(
    namespace: string,
    lookAhead: string | undefined,
    lookAheadS: number,
    downS: number,
  ): Promise<void> {
    await setLookAhead(lookAhead);
    try {
      await drill(namespace, async ({ start }) => {
        const virtune = await start(server.url);
        await untilCounted(virtune, 'sent_total');
        const createdMs = Date.now();
        await server.stop();
        await seconds(downS);
        await server.start();
        // The range ends this long after the creation of the index: from now on nothing is accepted.
        await seconds(Math.max(0, lookAheadS + 5 - (Date.now() - createdMs) / 1_000));
        // Documents from before the end are sent first, which takes a while after a long outage.
        await until('documents to wait for the end to be moved', 120_000 + downS * 200, async () => {
          const up = await sinkFigure(virtune, 'stream_up', { stream: `metrics-kvm.vm-${namespace}` });
          return up === 0 && ((await sinkFigure(virtune, 'queue_documents')) ?? 0) > 0;
        });
        expect(await sinkFigure(virtune, 'dead_letters_total')).toBe(0);
        expect(await sinkFigure(virtune, 'up')).toBe(0);
        await moveEnd(namespace);
        return virtune;
      });
    } finally {
      await setLookAhead('2h');
    }
  }

  const isElastic = name.startsWith('elasticsearch');
  test.runIf(isElastic)('down for longer than the range of its indices reaches ahead', async () => {
    await outliveLookAhead('look_ahead', '1m', 60, 40);
  });

  test.runIf(OUTAGE_MINUTES > 0 && isElastic)(
    `down for ${OUTAGE_MINUTES} minutes, with the look-ahead that it has by itself`,
    { timeout: (OUTAGE_MINUTES + 40) * 60_000 },
    () => outliveLookAhead('long', undefined, 1_800, OUTAGE_MINUTES * 60),
  );

  test.runIf(isElastic)('the clock of the host three hours ahead, and then right', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'virtune-clock-'));
    const shift = join(folder, 'shift.mjs');
    writeFileSync(
      shift,
      `const Real = Date;
       globalThis.Date = class extends Real {
         constructor(...of) { if (of.length === 0) super(Real.now() + ${3 * HOUR_MS}); else super(...of); }
         static now() { return Real.now() + ${3 * HOUR_MS}; }
       };`,
    );
    try {
      await drill('clock', async ({ start, kill }) => {
        process.env['NODE_OPTIONS'] = `--import ${shift}`;
        const ahead = await start(server.url).finally(() => delete process.env['NODE_OPTIONS']);
        await untilTicked(ahead);
        await until('documents to be refused', 60_000, async () => {
          return (await sinkFigure(ahead, 'stream_up', { stream: 'metrics-kvm.vm-clock' })) === 0;
        });
        expect(await sinkFigure(ahead, 'sent_total')).toBe(0);
        await kill(ahead);
        const right = await start(server.url);
        await untilCounted(right, 'sent_total');
        expect(await sinkFigure(right, 'queue_documents')).toBeGreaterThan(0);
        expect(await sinkFigure(right, 'dead_letters_total')).toBe(0);
        await moveEnd('clock', 5);
        await until('those of the wrong clock to be sent', 120_000, async () => {
          return (await sinkFigure(right, 'queue_documents')) === 0;
        });
        return right;
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  /** While one stream accepts nothing, documents of the others arrive. */
  async function holdsUpOnlyItself(
    namespace: string,
    breakIt: (stream: string) => Promise<unknown>,
    restore: (stream: string) => Promise<unknown>,
  ): Promise<void> {
    const stream = `metrics-kvm.net-${namespace}`;
    await drill(namespace, async ({ start }) => {
      const virtune = await start(server.url);
      await untilCounted(virtune, 'stream_up', { stream });
      await breakIt(stream);
      await until('the stream to be reported', 120_000, async () => {
        return (await sinkFigure(virtune, 'stream_up', { stream })) === 0;
      });
      const before = await server.count(`metrics-kvm.vm-${namespace}`);
      await until('documents of another stream to arrive', 120_000, async () => {
        return (await server.count(`metrics-kvm.vm-${namespace}`)) >= before + 5 * demo.scenario.vms.length;
      });
      expect(await sinkFigure(virtune, 'stream_up', { stream: `metrics-kvm.vm-${namespace}` })).toBe(1);
      expect(await sinkFigure(virtune, 'up')).toBe(0);
      expect(await sinkFigure(virtune, 'stream_oldest_age_seconds', { stream })).toBeGreaterThan(0);
      await restore(stream);
      await until('the stream to accept documents again', 180_000, async () => {
        return (await sinkFigure(virtune, 'stream_up', { stream })) === 1;
      });
      await until('nothing to wait apart', 120_000, async () => {
        return (await sinkFigure(virtune, 'stream_oldest_age_seconds', { stream })) === 0;
      });
      return virtune;
    });
    const { body } = await server.request('POST', `/${stream}/_search`, {
      size: 0,
      aggs: { moments: { terms: { field: '@timestamp', size: 10_000 } } },
    });
    const counts = (body as unknown as Moments).aggregations.moments.buckets.map(
      (bucket) => bucket.doc_count,
    );
    expect(new Set(counts).size, 'as many at each moment').toBe(1);
    expect(counts.length).toBe(await server.count(`metrics-kvm.host-${namespace}`, HOST_IS_UP));
  }

  test('a write block on one stream', async () => {
    const block = (stream: string, write: boolean) =>
      server.request('PUT', `/${stream}/_settings`, { 'index.blocks.write': write });
    await holdsUpOnlyItself(
      'blocked',
      (stream) => block(stream, true),
      (stream) => block(stream, false),
    );
  });

  // On Elasticsearch the new index of a time series stream accepts no documents until the end of the previous one.
  test.runIf(!isElastic)('a stream whose newest index has no primary', async () => {
    const allocation = (enable: string | null) =>
      server.request('PUT', '/_cluster/settings', {
        transient: { 'cluster.routing.allocation.enable': enable },
      });
    await holdsUpOnlyItself(
      'red',
      async (stream) => {
        await allocation('none');
        await server.request('POST', `/${stream}/_rollover?wait_for_active_shards=0`);
      },
      () => allocation(null),
    );
  });

  test('stopped and started again, with virtune killed in between', async () => {
    await drill('stopped', async ({ start, kill }) => {
      const first = await start(server.url);
      await seconds(4);
      await server.stop();
      await seconds(3);
      expect(await sinkFigure(first, 'up')).toBe(0);
      await kill(first);
      const second = await start(server.url);
      await seconds(3);
      expect(await sinkFigure(second, 'queue_documents')).toBeGreaterThan(0);
      expect(await sinkFigure(second, 'oldest_age_seconds')).toBeGreaterThan(3);
      await server.start();
      return second;
    });
  });

  test('killed as hard as virtune, while documents are on their way', async () => {
    await drill('killed', async ({ start, kill }) => {
      let virtune = await start(server.url);
      for (let round = 0; round < 3; round++) {
        await seconds(1.5);
        await kill(virtune);
        virtune = await start(server.url);
      }
      await server.stop('SIGKILL');
      await seconds(2);
      await server.start();
      return virtune;
    });
  });

  test('frozen for longer than a request may take', async () => {
    await drill(
      'frozen',
      async ({ start }) => {
        const virtune = await start(server.url);
        await seconds(3);
        server.pause();
        await seconds(8);
        expect(await sinkFigure(virtune, 'requests_total', { outcome: 'error' })).toBeGreaterThan(0);
        server.resume();
        return virtune;
      },
      { timeout: 3 },
    );
  });

  test('429, 503, 413, half a bulk in error, lost answers and hangs, one after the other', async () => {
    const proxy = await FaultyProxy.start({ target: () => server.url });
    try {
      await drill(
        'faults',
        async ({ start }) => {
          const virtune = await start(proxy.url);
          const faults: ProxyFault[] = [
            { kind: 'status', status: 429 },
            { kind: 'status', status: 503, headers: { 'retry-after': '2' } },
            { kind: 'status', status: 413 },
            { kind: 'items', status: 429, every: 2 },
            { kind: 'items', status: 500, every: 2 },
            { kind: 'half done' },
            { kind: 'lost answer' },
            { kind: 'lost request' },
            { kind: 'hang' },
          ];
          const from = proxy.bulks;
          proxy.fault = (bulk) => ((bulk - from) % 2 === 0 ? faults[(bulk - from) / 2] : undefined);
          while (proxy.bulks - from < faults.length * 2) await seconds(0.5);
          await untilCounted(virtune, 'duplicates_total');
          return virtune;
        },
        { timeout: 5 },
      );
    } finally {
      await proxy.stop();
    }
  });

  test('a key that is revoked, and replaced in its file', async () => {
    const proxy = await FaultyProxy.start({ target: () => server.url });
    const folder = mkdtempSync(join(tmpdir(), 'virtune-key-'));
    const file = join(folder, 'key');
    try {
      writeFileSync(file, `${KEY}\n`);
      await drill('revoked', async ({ start }) => {
        const virtune = await start(proxy.url, '--elasticsearch.api-key-file', file);
        await untilTicked(virtune);
        proxy.accepts = (authorization) => authorization === `ApiKey ${KEY}new`;
        await untilCounted(virtune, 'requests_total', { outcome: 'refused' });
        writeFileSync(file, `${KEY}new\n`);
        return virtune;
      });
    } finally {
      await proxy.stop();
      rmSync(folder, { recursive: true });
    }
  });

  test('an untrusted certificate, then a trusted one', async () => {
    const pem = (file: string): string => readFileSync(join(FIXTURES, file), 'utf8');
    const proxy = await FaultyProxy.start({
      target: () => server.url,
      tls: { key: pem('server.key'), cert: pem('server.pem') },
    });
    // The certificates of the fixtures are for localhost.
    const url = proxy.url.replace('127.0.0.1', 'localhost');
    try {
      await drill('untrusted', async ({ start, end }) => {
        const first = await start(url);
        await untilTicked(first);
        await untilCounted(first, 'requests_total', { outcome: 'unreachable' });
        expect(await sinkFigure(first, 'sent_total')).toBe(0);
        expect(await end(first)).toMatch(/certificate is not signed by a CA that virtune trusts; set its CA/);
        return start(url, '--elasticsearch.ca-file', join(FIXTURES, 'ca.pem'));
      });
    } finally {
      await proxy.stop();
    }
  });

  test('the disk of the queue full, for a while', async () => {
    await drill(
      'disk_full',
      async ({ start, dir }) => {
        const virtune = await start(server.url);
        await seconds(2);
        await server.stop();
        const filler = join(dir, 'filler');
        mkdirSync(dir, { recursive: true });
        try {
          for (let block = 0; ; block++)
            writeFileSync(filler, Buffer.alloc(4_096 * 8), { flag: block === 0 ? 'w' : 'a' });
        } catch (error) {
          expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
        }
        // Held in memory, and still scraped as usual.
        await untilCounted(virtune, 'queue_documents');
        rmSync(filler);
        await seconds(2);
        await server.start();
        return virtune;
      },
      { mount: true },
    );
  });
});

interface Moments {
  readonly aggregations: {
    readonly moments: {
      readonly buckets: readonly { readonly doc_count: number; readonly vms: { readonly value: number } }[];
    };
  };
}

interface Templates {
  readonly index_templates: readonly {
    readonly name: string;
    readonly index_template: { readonly template: { readonly settings: { index: Record<string, unknown> } } };
  }[];
}

interface Streams {
  readonly data_streams: readonly { readonly indices: readonly { readonly index_name: string }[] }[];
}
