import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BulkClient } from '../../exporter/elasticsearch/bulk-client.ts';
import { BulkSender } from '../../exporter/elasticsearch/bulk-sender.ts';
import { openClient, type SearchClient } from '../../exporter/elasticsearch/client.ts';
import { DeadLetters } from '../../exporter/elasticsearch/dead-letters/dead-letters.ts';
import { pack } from '../../exporter/elasticsearch/pack.ts';
import { serverSettings } from '../../exporter/elasticsearch/settings.ts';
import { applySetup, planSetup } from '../../exporter/elasticsearch/setup/setup.ts';
import { SinkMeter } from '../../exporter/elasticsearch/sink-meter.ts';
import { DiskQueue } from '../../exporter/queue/queue.ts';
import { seededRandom } from '../../simulator/random.ts';
import { FaultyProxy, type ProxyFault } from './search-server/faulty-proxy.ts';
import { SearchServer } from './search-server/search-server.ts';
import { runnableServers } from './search-server/servers.ts';

const RUNS = Number(process.env['VIRTUNE_FAULT_RUNS'] ?? 60);
const TICKS = 4;
const VMS = 12;

const settingsFor = (url: string): ReturnType<typeof serverSettings> =>
  serverSettings({ nodes: [url], timeout: 1 });

describe.each(runnableServers())('%s', (name) => {
  let server: SearchServer;
  let proxy: FaultyProxy;
  let root: string;
  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'virtune-faults-'));
    server = await SearchServer.start(name);
    proxy = await FaultyProxy.start({ target: () => server.url });
    const client = await openClient(await serverSettings({ nodes: [server.url] }), 'test');
    const plan = await planSetup(client, {
      retentionDays: 90,
      downsampleAfterDays: 7,
      metricbeatCompat: false,
    });
    await applySetup(plan, () => undefined);
    await client.close();
    // Creates the stream now: this takes seconds and is not part of the test.
    await life('warm-up', 'warm-up', Date.now(), async () => undefined);
  });
  afterAll(async () => {
    await proxy?.stop();
    await server?.remove();
    rmSync(root, { recursive: true, force: true });
  });

  /** One process lifetime of a sender with the queue of that name; ends settled, or as killed. */
  async function life(
    queueName: string,
    host: string,
    fromMs: number,
    during: (ticks: (count: number) => Promise<void>, queue: DiskQueue) => Promise<void>,
    isLast = true,
  ): Promise<void> {
    const meter = new SinkMeter();
    const dir = join(root, queueName);
    const queue = await DiskQueue.open({
      dir,
      kind: 'elasticsearch',
      maxBytes: 1e9,
      maxAgeMs: 1e12,
      now: Date.now,
      onDrop: (reason, documents) => meter.countDropped(reason, documents),
      onTrouble: () => undefined,
    });
    const clients: SearchClient[] = [];
    const sender = new BulkSender({
      queue,
      inherited: queue.inherited,
      onServer: () => undefined,
      target: 'the server',
      client: new BulkClient(
        async () => {
          const client = await openClient(await settingsFor(proxy.url), 'test');
          clients.push(client);
          return client;
        },
        1_000,
        Date.now,
      ),
      deadLetters: new DeadLetters(dir, 1e9, () => undefined),
      meter,
      batchBytes: 20_000,
      now: Date.now,
      random: () => 0,
      log: () => undefined,
      wait: async (ms) => {
        await new Promise((resolve) => setTimeout(resolve, ms / 200));
      },
    });
    sender.start();
    let made = 0;
    const ticks = async (count: number): Promise<void> => {
      for (let tick = 0; tick < count; tick++) {
        const at = fromMs + made++;
        const documents = Array.from({ length: VMS }, (_, vm) => ({
          stream: 'vm' as const,
          key: `uuid-${vm}`,
          body: JSON.stringify({
            '@timestamp': new Date(at).toISOString(),
            'host.id': host,
            'kvm.uuid': `uuid-${vm}`,
            'kvm.name': `vm-${vm}`,
            libvirt_domain_info_virtual_cpus: 2,
          }),
        }));
        for await (const packed of pack({ host, at, namespace: 'default' }, documents)) {
          await queue.append(packed.payload, packed.documents, at);
        }
      }
    };
    await during(ticks, queue);
    if (queueName === 'warm-up') await ticks(1);
    for (let turn = 0; isLast && queue.state.documents > 0; turn++) {
      if (turn > 3_000) throw new Error(`${queue.state.documents} documents are not settled`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(meter.deadLetters).toBe(0);
    await sender.stop(0);
    await queue.close();
    for (const client of clients) await client.close();
  }

  test(`${RUNS} runs with random faults and kills end with every document there once`, async () => {
    for (let seed = 1; seed <= RUNS; seed++) {
      const random = seededRandom(seed);
      proxy.fault = () => (random() < 0.4 ? pick(random) : undefined);
      // Now and then the stream is rolled over just when a response is lost.
      proxy.onLost = async () => {
        if (random() < 0.1) await server.request('POST', '/metrics-kvm.vm-default/_rollover');
      };
      const host = `host-${seed}`;
      const fromMs = Date.now();
      await life(host, host, fromMs, async (ticks) => ticks(TICKS), false);
      await life(host, host, fromMs + TICKS, async (ticks) => ticks(TICKS));
    }
    proxy.fault = () => undefined;
    await server.request('POST', '/metrics-kvm.vm-default/_refresh');
    const { body } = await server.request('POST', '/metrics-kvm.vm-default/_search', {
      size: 0,
      aggs: {
        hosts: {
          terms: { field: 'host.id', size: RUNS + 10 },
          aggs: { moments: { cardinality: { field: '@timestamp', precision_threshold: 1_000 } } },
        },
      },
    });
    const { buckets } = (body as unknown as Aggregated).aggregations.hosts;
    const wrong = buckets.filter(
      ({ key, doc_count, moments }) =>
        key !== 'warm-up' && (doc_count !== 2 * TICKS * VMS || moments.value !== 2 * TICKS),
    );
    expect(wrong).toEqual([]);
    expect(buckets.length).toBe(RUNS + 1);
  }, 1_200_000);
});

interface Aggregated {
  readonly aggregations: {
    readonly hosts: {
      readonly buckets: readonly {
        readonly key: string;
        readonly doc_count: number;
        readonly moments: { readonly value: number };
      }[];
    };
  };
}

const STATUSES = [413, 429, 500, 502, 503, 504, 401, 200];

function pick(random: () => number): ProxyFault {
  const status = STATUSES[Math.floor(random() * STATUSES.length)] ?? 503;
  const faults: ProxyFault[] = [
    { kind: 'status', status },
    { kind: 'lost request' },
    { kind: 'lost answer' },
    { kind: 'half done' },
    { kind: 'items', status: random() < 0.7 ? 429 : 503, every: 1 + Math.floor(random() * 4) },
  ];
  // A hang costs the whole request timeout.
  return random() < 0.02 ? { kind: 'hang' } : (faults[Math.floor(random() * faults.length)] as ProxyFault);
}
