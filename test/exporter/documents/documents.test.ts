import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DocumentHead } from '../../../exporter/documents/document-head.ts';
import { type Document, Documents, type DocumentsOptions } from '../../../exporter/documents/documents.ts';
import { fieldsOf, unshipped } from '../../../exporter/documents/fields.ts';
import { COMPAT_FIELDS, metricbeatEvents } from '../../../exporter/documents/metricbeat.ts';
import { addressOf } from '../../../exporter/documents/sampling-loops.ts';
import { STREAM_NAMES } from '../../../exporter/documents/streams.ts';
import { connect } from '../../../libvirt/client/connect.ts';
import { type GroupName, groups } from '../../../model/catalogue/catalogue.ts';
import type { GuestFigures } from '../../../model/guest.ts';
import type { DomainSample, HostSample } from '../../../sampler/host-sample.ts';
import { Sampler } from '../../../sampler/sampler.ts';
import { type Demo, startDemo } from '../../../simulator/demo.ts';
import { parseExposition } from '../../exposition.ts';
import { compare, type Flat, flatten } from '../elasticsearch/compare.ts';
import { sampleText } from '../sample-text.ts';

const ALL = new Set<GroupName>(groups.map(({ name }) => name));
let demo: Demo;
let sampler: Sampler;
let earlier: HostSample;
let sample: HostSample;
beforeAll(async () => {
  demo = await startDemo({ scenario: 'overcommitted' });
  sampler = new Sampler({ open: (signal) => connect(demo.uri, { readOnly: true, signal }), groups: ALL });
  earlier = await sampler.sample();
  sample = await sampler.sample();
});
afterAll(async () => {
  await sampler.close();
  await demo.stop();
});

const unknown: string[] = [];
/** When the samples were due. */
const DUE_MS = Date.parse('2026-01-02T03:04:10.000Z');
const OPTIONS: DocumentsOptions = {
  groups: ALL,
  agent: { version: '1.2.3', name: 'kvm1', ephemeralId: 'b1' },
  namespace: 'prod',
  intervalMs: 10_000,
  address: 'qemu:///system',
  unknown: (field) => unknown.push(field),
};
/** Documents of a sample, with the rates since the previous one. */
const documentsOf = (of: HostSample, hostId?: string): Document[] => {
  const documents = new Documents({ ...OPTIONS, hostId });
  expect([...documents.of(earlier, DUE_MS - 10_000)].length).toBeGreaterThan(0);
  return [...documents.of(of, DUE_MS)];
};

function byStream(documents: readonly Document[]): Map<string, Flat[]> {
  const found = new Map<string, Flat[]>();
  for (const { stream, body } of documents) {
    found.set(stream, [...(found.get(stream) ?? []), flatten(JSON.parse(body))]);
  }
  return found;
}

test('every figure of a scrape is in a document of the same sample, and equal to it', () => {
  const series = parseExposition(sampleText(sample, 'text', ALL));
  const { equal, wrong } = compare(series, byStream(documentsOf(sample)));
  expect(wrong).toEqual([]);
  expect(equal).toBeGreaterThan(2_000);
  expect(unknown).toEqual([]);
});

test('there is one document for the host and one for each VM, and one for each of their devices', () => {
  const streams = byStream(documentsOf(sample));
  expect(streams.get('host')).toHaveLength(1);
  expect(streams.get('cell')).toHaveLength(2);
  expect(streams.get('vm')).toHaveLength(sample.domains.length);
  const fresh = sample.domains.flatMap(({ outcome }) => (outcome.kind === 'fresh' ? [outcome.stats] : []));
  expect(streams.get('block')).toHaveLength(fresh.reduce((sum, stats) => sum + stats.blocks.size, 0));
  const keys = documentsOf(sample).map(({ stream, key }) => `${stream} ${key}`);
  expect(new Set(keys).size).toBe(keys.length);
});

test('every field of every document is in the mapping of its stream, and its value fits', () => {
  for (const { stream, body } of documentsOf(sample)) {
    const fields = new Map(fieldsOf(stream as 'vm').map((field) => [field.name, field]));
    for (const [name, value] of flatten(JSON.parse(body))) {
      const field = fields.get(name);
      expect(field, `${stream}: ${name}`).toBeDefined();
      if (field?.type === 'long') expect(Number.isSafeInteger(value), `${name} ${value}`).toBe(true);
      if (field?.type === 'double' || field?.type === 'float') expect(typeof value, name).toBe('number');
      if (field?.type === 'keyword')
        expect(typeof (Array.isArray(value) ? value[0] : value), name).toBe('string');
    }
  }
});

/** The sample with changed balloon figures of one VM that answered. */
function withBalloon(changes: Record<string, number>): {
  readonly changed: HostSample;
  readonly uuid: string;
} {
  const vm = sample.domains.find(({ outcome }) => outcome.kind === 'fresh') as DomainSample;
  const outcome = vm.outcome as Extract<DomainSample['outcome'], { kind: 'fresh' }>;
  const stats = { ...outcome.stats, balloon: { ...outcome.stats.balloon, ...changes } };
  const other = { ...vm, outcome: { ...outcome, stats } };
  return { changed: { ...sample, domains: [other] }, uuid: vm.domain.uuid };
}

test('a figure of a guest that no field can hold is left out, and the rest of the document is there', () => {
  const of = (documents: readonly Document[], uuid: string): Flat =>
    flatten(JSON.parse(documents.find(({ stream, key }) => stream === 'vm' && key === uuid)?.body ?? '{}'));
  const { changed, uuid } = withBalloon({
    majorFaults: 2 ** 63,
    minorFaults: -(2 ** 64),
    swapInKiB: 2 ** 53,
  });
  const usual = of(documentsOf(sample), uuid);
  const left = of(documentsOf(changed), uuid);
  const gone = [
    'libvirt_domain_memory_stats_major_fault_total',
    'libvirt_domain_memory_stats_minor_fault_total',
    'libvirt_domain_memory_stats_swap_in_bytes_total',
  ];
  for (const name of gone) expect([name, usual.has(name), left.has(name)]).toEqual([name, true, false]);
  const isRate = (name: string): boolean => /_per_second$/.test(name);
  const names = (flat: Flat): string[] =>
    [...flat.keys()].filter((name) => !gone.includes(name) && !isRate(name));
  expect(names(left)).toEqual(names(usual));
});

test('whatever numbers a guest reports, each long of a document is one', () => {
  const extreme = fc.oneof(fc.double({ noNaN: false }), fc.bigInt(-(2n ** 65n), 2n ** 65n).map(Number));
  const names = ['majorFaults', 'swapInKiB', 'usableKiB', 'diskCachesKiB', 'hugetlbFailures'];
  fc.assert(
    fc.property(fc.record(Object.fromEntries(names.map((name) => [name, extreme]))), (changes) => {
      const { changed } = withBalloon(changes);
      const head = new Documents(OPTIONS).head(DUE_MS, { hostname: 'kvm1', uuid: 'h' }) as DocumentHead;
      const all = [...new Documents(OPTIONS).of(changed, DUE_MS), ...metricbeatEvents(changed, head)];
      for (const { stream, body } of all) {
        const fields = stream in COMPAT_FIELDS ? COMPAT_FIELDS[stream as 'status'] : fieldsOf(stream as 'vm');
        const longs = new Set(fields.filter(({ type }) => type === 'long').map(({ name }) => name));
        for (const [name, value] of flatten(JSON.parse(body))) {
          if (!longs.has(name)) continue;
          expect(Number(value), `${name} ${value}`).toBeLessThan(2 ** 63);
          expect(Number(value), `${name} ${value}`).toBeGreaterThanOrEqual(-(2 ** 63));
        }
      }
    }),
    { numRuns: 30 },
  );
});

/** UNQUOTED_IDENTIFIER and keywords of expressions in ES|QL's grammar (EsqlBaseLexer.g4, EsqlBaseLexer: Expression). */
const NAME = /^([A-Za-z]\w*|[@_]\w+)(\.([A-Za-z]\w*|_\w+))*$/;
const RESERVED = new Set(
  'and as asc by desc false first in is last like not null nulls on or rlike true where with'.split(' '),
);

test('a mapping has each field once, no field that is both a figure and an object, and no dot too many', () => {
  for (const stream of STREAM_NAMES) {
    const names = fieldsOf(stream).map(({ name }) => name);
    expect(new Set(names).size, stream).toBe(names.length);
    for (const name of names) {
      expect(
        names.filter((other) => other.startsWith(`${name}.`)),
        name,
      ).toEqual([]);
      expect(name, 'ES|QL takes it without quotes').toMatch(NAME);
      expect(
        name.split('.').filter((part) => RESERVED.has(part)),
        name,
      ).toEqual([]);
    }
    expect(names.length, 'index.mapping.total_fields.limit, with room for objects').toBeLessThan(500);
  }
});

test('a document has the time it was due, its data stream, and which agent read it when', () => {
  const streams = new Map(
    documentsOf(sample).map(({ stream, body }) => [stream, JSON.parse(body) as unknown]),
  );
  const [first] = sample.domains as [DomainSample];
  expect(first.outcome).toMatchObject({ kind: 'fresh' });
  for (const [stream, body] of streams) {
    expect(body, stream).toMatchObject({
      '@timestamp': '2026-01-02T03:04:10.000Z',
      'host.name': sample.identity?.hostname,
      'data_stream.type': 'metrics',
      'data_stream.dataset': `kvm.${stream}`,
      'data_stream.namespace': 'prod',
      'ecs.version': expect.stringMatching(/^\d+\.\d+\.\d+$/),
      'event.kind': 'metric',
      'event.dataset': `kvm.${stream}`,
      'metricset.name': stream,
      'metricset.period': 10_000,
      'agent.type': 'virtune',
      'agent.version': '1.2.3',
      'agent.name': 'kvm1',
      'agent.ephemeral_id': 'b1',
    });
  }
  expect(streams.get('host')).toMatchObject({
    'event.start': new Date(sample.startedAtMs).toISOString(),
    'event.duration': Math.round(sample.durationMs * 1e6),
  });
  const host = sample.identity?.hostname;
  expect(streams.get('cell')).toMatchObject({ 'kvm.path': `${host}/1` });
  expect(streams.get('vm')).toMatchObject({ 'kvm.path': `${host}/${sample.domains.at(-1)?.domain.name}` });
  expect(streams.get('vcpu')).toMatchObject({ 'kvm.path': expect.stringMatching(/^[^/]+\/[^/]+\/\d+$/) });
  const last = sample.domains.at(-1)?.outcome;
  expect(last?.kind).toBe('fresh');
  expect(streams.get('vm')).toMatchObject({
    'event.start': new Date(last?.kind === 'fresh' ? last.atMs : 0).toISOString(),
  });
});

test('what is not sent is listed, with the reason', () => {
  expect(unshipped().map(({ name }) => name)).toEqual([
    'libvirt_domain_block_stats_latency_seconds',
    'libvirt_domain_block_stats_window_latency_min_seconds',
    'libvirt_domain_block_stats_window_latency_max_seconds',
    'libvirt_domain_block_stats_window_latency_avg_seconds',
    'libvirt_domain_block_stats_window_queue_depth_avg',
    'libvirt_domain_memory_device_bytes',
    'libvirt_domain_block_stats_failed',
    'libvirt_domain_block_stats_queue_iothread_info',
    'libvirt_domain_cache_occupancy_bytes',
    'libvirt_domain_memory_bandwidth_bytes_total',
    'libvirt_domain_core_energy_joules_total',
    'libvirt_domain_core_activity_farads_total',
    'libvirt_domain_kvm_vm_total',
    'libvirt_domain_kvm_vm_current',
    'libvirt_domain_kvm_vm_peak',
    'libvirt_domain_kvm_vcpu_total',
    'libvirt_domain_kvm_vcpu_current',
    'libvirt_domain_kvm_vcpu_peak',
    'libvirt_domain_vcpu_dirty_rate_bytes_per_second',
    'libvirt_host_cpu_core_seconds_total',
    'libvirt_domain_numa_memory_bytes',
    'libvirt_domain_guest_filesystem_size_bytes',
    'libvirt_domain_guest_filesystem_used_bytes',
    'libvirt_domain_guest_filesystem_info',
    'libvirt_domain_unknown_statistic',
  ]);
});

test('use of disk limits, figures of the guest agent and drift are in documents, fractions as such', () => {
  const [first, ...others] = sample.domains as [DomainSample, ...DomainSample[]];
  const disk = first.facts?.disks[0]?.target as string;
  const figures: GuestFigures = {
    atMs: 5_000,
    load: [0.25, 1.5, 2],
    os: new Map(),
    hostname: undefined,
    filesystems: new Map(),
    filesystemCount: 2,
  };
  const domains = [
    {
      ...first,
      limitUses: new Map([[disk, new Map([['total_bytes', 0.75]])]]),
      guest: { figures, missing: [] },
      drift: { checkedAtMs: 9_500, found: undefined },
    },
    ...others,
  ];
  const streams = byStream(documentsOf({ ...sample, domains }));
  const vm = streams.get('vm')?.[0] as Flat;
  expect(vm.get('libvirt_domain_guest_load.minutes_1')).toBe(0.25);
  expect(vm.get('libvirt_domain_guest_filesystems')).toBe(2);
  expect(vm.get('virtune_tuning_checked_timestamp_seconds')).toBe(9.5);
  const types = new Map(fieldsOf('vm').map(({ name, type }) => [name, type]));
  expect(types.get('libvirt_domain_guest_load.minutes_1')).toBe('double');
  const block = streams.get('block')?.find((each) => each.get('kvm.device') === disk);
  expect(block?.get('libvirt_domain_block_stats_limit_use_ratio.total_bytes')).toBe(0.75);
});

test('a VM without figures has a document that says why, and none of its devices', () => {
  const [first] = sample.domains as [DomainSample];
  const streams = byStream(
    documentsOf({ ...sample, domains: [{ ...first, outcome: { kind: 'unresponsive', sinceMs: 5_000 } }] }),
  );
  const vm = streams.get('vm')?.[0] as Flat;
  expect(vm.get('virtune_domain_outcome')).toBe('unresponsive');
  expect(vm.get('virtune_domain_unresponsive_since_timestamp_seconds')).toBe(5);
  expect(vm.get('virtune_domain_missing')).toContain('balloon:unresponsive');
  expect(vm.has('libvirt_domain_memory_stats_unused_bytes')).toBe(false);
  expect(streams.has('block')).toBe(false);
});

test('any name is data, and a document is one line', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary', minLength: 1 }), (name, id) => {
      const [first] = sample.domains as [DomainSample];
      const domains = [{ ...first, domain: { ...first.domain, name } }];
      for (const { body } of documentsOf({ ...sample, domains }, id)) {
        expect(body).not.toContain('\n');
        const flat = flatten(JSON.parse(body));
        expect(flat.get('host.id')).toBe(id);
        if (flat.has('kvm.uuid')) expect(flat.get('kvm.name')).toBe(name);
      }
    }),
    { numRuns: 50 },
  );
});

test('a host without a name has no documents; an unreachable host has one that says so', () => {
  expect([...new Documents(OPTIONS).of({ ...sample, identity: undefined }, DUE_MS)]).toEqual([]);
  const documents = new Documents(OPTIONS);
  const identity = { hostname: 'kvm1', uuid: undefined };
  const [only, ...others] = [...documents.ofFailure(1_000, 1_007, identity)].map(
    ({ body }) => JSON.parse(body) as unknown,
  );
  expect(others).toEqual([]);
  expect(only).toMatchObject({
    '@timestamp': '1970-01-01T00:00:01.000Z',
    'event.start': '1970-01-01T00:00:01.007Z',
    'host.id': 'kvm1',
    libvirt_up: 0,
  });
});

test("Metricbeat's events have its names and raw figures, and fields that their mapping has", () => {
  const head = new Documents(OPTIONS).head(DUE_MS, { hostname: 'kvm1', uuid: 'h' }) as DocumentHead;
  const events = [...metricbeatEvents(sample, head)];
  const [domain] = sample.domains.filter(({ outcome }) => outcome.kind === 'fresh') as [DomainSample];
  const stats = domain.outcome.kind === 'fresh' ? domain.outcome.stats : undefined;
  const flats = events.map(({ stream, body }) => ({ stream, flat: flatten(JSON.parse(body)) }));
  const of = (tag: string): unknown =>
    flats
      .find(
        ({ flat }) =>
          flat.get('kvm.dommemstat.stat.name') === tag &&
          flat.get('kvm.dommemstat.name') === domain.domain.name,
      )
      ?.flat.get('kvm.dommemstat.stat.value');
  expect(of('unused')).toBe(stats?.balloon.unusedKiB);
  expect(of('nr')).toBe(stats?.balloon.diskCachesKiB);
  expect(flats.filter(({ stream }) => stream === 'status')).toHaveLength(sample.domains.length);
  for (const { stream, flat } of flats) {
    const known = COMPAT_FIELDS[stream as 'status'].map(({ name }) => name);
    for (const name of flat.keys()) expect(known).toContain(name);
  }
});

test('an address contains no secret and no connection parameter', () => {
  expect(addressOf('qemu+ssh://root@kvm1/system?keyfile=/etc/virtune/key')).toBe('qemu+ssh://kvm1/system');
  expect(addressOf('qemu:///system?socket=/run/x')).toBe('qemu:///system');
});
