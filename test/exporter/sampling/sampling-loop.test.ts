import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DocumentTicks } from '../../../exporter/documents/document-ticks.ts';
import { Documents } from '../../../exporter/documents/documents.ts';
import { bulkItemOf } from '../../../exporter/elasticsearch/bulk.ts';
import type { PackedDocument, PackHead } from '../../../exporter/elasticsearch/pack.ts';
import { SinkMeter } from '../../../exporter/elasticsearch/sink-meter.ts';
import { SamplingLoop } from '../../../exporter/sampling/sampling-loop.ts';
import type { HostSample } from '../../../sampler/host-sample.ts';

const START_MS = Date.parse('2026-01-02T03:04:05.000Z');
const IDENTITY = { uuid: 'host-1', hostname: 'kvm1' };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: START_MS });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A loop whose clock is this far ahead of its timers, as after a busy event loop. */
function loopOf(lateMs: () => number, sample: () => Promise<HostSample>, steadyMs?: () => number) {
  const records: { head: PackHead; documents: readonly PackedDocument[] }[] = [];
  const meter = new SinkMeter();
  const now = (): number => Date.now() + lateMs();
  const loop = new SamplingLoop({
    sampler: { sample, identity: IDENTITY },
    target: new DocumentTicks({
      documents: new Documents({
        groups: new Set(),
        agent: { version: '1.2.3', name: 'kvm1', ephemeralId: 'b1' },
        namespace: 'default',
        intervalMs: 10_000,
        address: 'qemu:///system',
        unknown: (field) => expect.fail(field),
      }),
      deliver: async ({ hostId, atMs }, documents) => {
        records.push({ head: { host: hostId, at: atMs, namespace: 'default' }, documents: [...documents] });
      },
      metricbeatCompat: false,
    }),
    meter,
    intervalMs: 10_000,
    now,
    steadyMs,
    onFailure: () => undefined,
  });
  return { loop, records, meter };
}

const emptyAt = (startedAtMs: number): HostSample => ({
  startedAtMs,
  durationMs: 5,
  domains: [],
  versions: undefined,
  identity: IDENTITY,
});
const ids = (records: ReturnType<typeof loopOf>['records']): string[] =>
  records.flatMap(({ head, documents }) => documents.map((each) => bulkItemOf(head, each, false).id));
const times = (records: ReturnType<typeof loopOf>['records']): string[] =>
  records.flatMap(({ documents }) =>
    documents.map(({ body }) => (JSON.parse(body) as { '@timestamp': string })['@timestamp']),
  );

test('two senders of one host make documents of the same time and id, however late each samples', async () => {
  const one = loopOf(
    () => 0,
    async () => emptyAt(Date.now() + 1),
  );
  const other = loopOf(
    () => 0,
    async () => emptyAt(Date.now() + 8),
  );
  one.loop.start();
  other.loop.start();
  for (const [afterMs, count] of [
    [5_000, 2],
    [10_000, 4],
  ] as const) {
    await vi.advanceTimersByTimeAsync(afterMs);
    await vi.waitFor(() => expect(one.records.length + other.records.length).toBe(count));
    await vi.waitFor(() => expect(vi.getTimerCount()).toBe(2));
  }
  expect(times(one.records)).toEqual(['2026-01-02T03:04:10.000Z', '2026-01-02T03:04:20.000Z']);
  expect(ids(other.records)).toEqual(ids(one.records));
  await Promise.all([one.loop.stop(), other.loop.stop()]);
});

test('a host that cannot be asked has its document at the same time as others', async () => {
  const { loop, records } = loopOf(
    () => 3,
    async () => Promise.reject(new Error('down')),
  );
  loop.start();
  await vi.advanceTimersByTimeAsync(5_000);
  await vi.waitFor(() => expect(records).toHaveLength(1));
  expect(times(records)).toEqual(['2026-01-02T03:04:10.000Z']);
  await loop.stop();
});

test('a tick that comes intervals late is one of the latest moment, and those before it are missed', async () => {
  let lateMs = 0;
  const { loop, records, meter } = loopOf(
    () => lateMs,
    async () => emptyAt(Date.now()),
  );
  loop.start();
  lateMs = 27_000;
  await vi.advanceTimersByTimeAsync(5_000);
  await vi.waitFor(() => expect(records).toHaveLength(1));
  expect(times(records)).toEqual(['2026-01-02T03:04:30.000Z']);
  await loop.stop();
  const text = meter.encode('text', { bytes: 0, documents: 0, oldestAtMs: undefined }, 1, Date.now());
  expect(text).toContain('virtune_elasticsearch_ticks_total{outcome="missed"} 2');
});

test('a clock that is set ahead, from 1970 even, has missed no sample', async () => {
  let setMs = -56 * 365 * 86_400_000;
  const { loop, records, meter } = loopOf(
    () => setMs,
    async () => emptyAt(Date.now() + setMs),
    () => Date.now(),
  );
  loop.start();
  await vi.advanceTimersByTimeAsync(4_000);
  setMs = 0;
  await vi.advanceTimersByTimeAsync(1_000);
  await vi.waitFor(() => expect(records).toHaveLength(1));
  expect(times(records)).toEqual(['2026-01-02T03:04:10.000Z']);
  await loop.stop();
  const text = meter.encode('text', { bytes: 0, documents: 0, oldestAtMs: undefined }, 1, Date.now());
  expect(text).toContain('virtune_elasticsearch_ticks_total{outcome="missed"} 0');
});

test('sampling goes on within an interval after the clock was set back by hours', async () => {
  let lateMs = 0;
  const { loop, records } = loopOf(
    () => lateMs,
    async () => emptyAt(Date.now() + lateMs),
  );
  loop.start();
  await vi.advanceTimersByTimeAsync(5_000);
  await vi.waitFor(() => expect(records).toHaveLength(1));
  lateMs = -3 * 3_600_000;
  await vi.advanceTimersByTimeAsync(10_000);
  await vi.waitFor(() => expect(records).toHaveLength(2));
  await vi.waitFor(() => expect(vi.getTimerCount()).toBe(1));
  await vi.advanceTimersByTimeAsync(10_000);
  await vi.waitFor(() => expect(records).toHaveLength(3));
  expect(times(records).slice(1)).toEqual(['2026-01-02T00:04:20.000Z', '2026-01-02T00:04:30.000Z']);
  await loop.stop();
});
