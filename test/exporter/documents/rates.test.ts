import { afterAll, beforeAll, expect, test } from 'vitest';
import { Documents } from '../../../exporter/documents/documents.ts';
import { fieldsOf } from '../../../exporter/documents/fields.ts';
import { STREAM_NAMES } from '../../../exporter/documents/streams.ts';
import { connect } from '../../../libvirt/client/connect.ts';
import { DEFAULT_GROUPS, documentGroups } from '../../../model/catalogue/catalogue.ts';
import type { DomainSample, HostSample } from '../../../sampler/host-sample.ts';
import { Sampler } from '../../../sampler/sampler.ts';
import { type Demo, startDemo } from '../../../simulator/demo.ts';
import type { Column } from '../../../tui/columns/column.ts';
import { diskColumns } from '../../../tui/columns/disk-columns.ts';
import { nicColumns } from '../../../tui/columns/nic-columns.ts';
import { vmColumns } from '../../../tui/columns/vm-columns.ts';
import { disksOf, nicsOf } from '../../../tui/model/devices.ts';
import { HostModel } from '../../../tui/model/host-model.ts';
import type { HostView } from '../../../tui/model/host-view.ts';
import { type Flat, flatten } from '../elasticsearch/compare.ts';

let nowMs = Date.parse('2026-01-02T03:04:10.000Z');
let demo: Demo;
let sampler: Sampler;
let first: HostSample;
let second: HostSample;
let view: HostView;
beforeAll(async () => {
  demo = await startDemo({ scenario: 'overcommitted', now: () => nowMs });
  sampler = new Sampler({
    open: (signal) => connect(demo.uri, { readOnly: true, signal }),
    now: () => nowMs,
  });
  first = await sampler.sample();
  nowMs += 10_000;
  second = await sampler.sample();
  const model = new HostModel({ name: 'kvm1', uri: demo.uri, groups: DEFAULT_GROUPS });
  model.ingest(first);
  view = model.ingest(second);
});
afterAll(async () => {
  await sampler.close();
  await demo.stop();
});

/** Documents of the last of these samples, 10 s apart, by stream. */
function shipped(...samples: readonly HostSample[]): ReadonlyMap<string, readonly Flat[]> {
  const documents = new Documents({
    groups: DEFAULT_GROUPS,
    agent: { version: '1.2.3', name: 'kvm1', ephemeralId: 'b1' },
    namespace: 'default',
    intervalMs: 10_000,
    address: 'qemu:///system',
    unknown: (field) => expect.fail(field),
  });
  const found = new Map<string, Flat[]>();
  for (const [tick, sample] of samples.entries()) {
    found.clear();
    for (const { stream, body } of documents.of(sample, tick * 10_000)) {
      found.set(stream, [...(found.get(stream) ?? []), flatten(JSON.parse(body))]);
    }
  }
  return found;
}

const RATES = new Set(documentGroups.flatMap(({ metrics }) => metrics.map(({ name }) => name as string)));
const ratesIn = (document: Flat | undefined): string[] =>
  [...(document?.keys() ?? [])].filter((name) => RATES.has(name));

/** By field: the column of `virtune top` with the same figure, and the factor between their units. */
const OF_VM: Readonly<Record<string, readonly [column: string, factor: number]>> = {
  libvirt_domain_cpu_usage_cpus: ['cpu_percent', 100],
  libvirt_domain_cpu_steal_ratio: ['steal_percent', 100],
  libvirt_domain_cpu_contention_ratio: ['contention_percent', 100],
  libvirt_domain_disk_read_bytes_per_second: ['disk_read_bytes_per_second', 1],
  libvirt_domain_disk_write_bytes_per_second: ['disk_write_bytes_per_second', 1],
  libvirt_domain_disk_requests_per_second: ['disk_requests_per_second', 1],
  libvirt_domain_disk_request_latency_seconds: ['disk_latency_milliseconds', 1_000],
  libvirt_domain_network_receive_bytes_per_second: ['net_receive_bytes_per_second', 1],
  libvirt_domain_network_transmit_bytes_per_second: ['net_transmit_bytes_per_second', 1],
  libvirt_domain_network_drops_per_second: ['net_drops_per_second', 1],
  libvirt_domain_memory_stats_used_bytes: ['memory_used_bytes', 1],
  libvirt_domain_memory_stats_used_percent: ['memory_used_percent', 1],
};
const BLOCK = 'libvirt_domain_block_stats_';
const OF_DISK: typeof OF_VM = {
  [`${BLOCK}read_bytes_per_second`]: ['read_bytes_per_second', 1],
  [`${BLOCK}write_bytes_per_second`]: ['write_bytes_per_second', 1],
  [`${BLOCK}read_requests_per_second`]: ['read_requests_per_second', 1],
  [`${BLOCK}write_requests_per_second`]: ['write_requests_per_second', 1],
  [`${BLOCK}flush_requests_per_second`]: ['flush_requests_per_second', 1],
  [`${BLOCK}read_latency_seconds`]: ['read_latency_milliseconds', 1_000],
  [`${BLOCK}write_latency_seconds`]: ['write_latency_milliseconds', 1_000],
  [`${BLOCK}flush_latency_seconds`]: ['flush_latency_milliseconds', 1_000],
};
const NET = 'libvirt_domain_interface_stats_';
const OF_NIC: typeof OF_VM = {
  [`${NET}receive_bytes_per_second`]: ['receive_bytes_per_second', 1],
  [`${NET}transmit_bytes_per_second`]: ['transmit_bytes_per_second', 1],
};

/** Rates have six digits. */
function expectNear(value: number, wanted: number, what?: string): void {
  expect(Math.abs(value - wanted), `${what}: ${value} and ${wanted}`).toBeLessThanOrEqual(
    Math.abs(wanted) * 1e-5,
  );
}

function equals<T>(
  document: Flat | undefined,
  columns: readonly Column<T>[],
  row: T,
  fields: typeof OF_VM,
): number {
  let known = 0;
  for (const [field, [id, factor]] of Object.entries(fields)) {
    const shown = columns.find((column) => column.id === id)?.read(row);
    const value = document?.get(field) as number | undefined;
    if (shown === undefined) expect(value, field).toBeUndefined();
    else {
      expectNear((value as number) * factor, shown as number, field);
      known++;
    }
  }
  return known;
}

test('rates of VMs, disks and NICs are those that virtune top shows of the same two samples', () => {
  const streams = shipped(first, second);
  let known = 0;
  for (const vm of view.vms) {
    const named = (stream: string, device?: string): Flat | undefined =>
      streams
        .get(stream)
        ?.find((flat) => flat.get('kvm.name') === vm.name && flat.get('kvm.device') === device);
    known += equals(named('vm'), vmColumns, vm, OF_VM);
    for (const row of disksOf(vm)) known += equals(named('block', row.target), diskColumns, row, OF_DISK);
    for (const row of nicsOf(vm)) known += equals(named('net', row.target), nicColumns, row, OF_NIC);
    for (const [id, rates] of vm.rates?.vcpus ?? []) {
      const vcpu = named('vcpu', String(id));
      expectNear(vcpu?.get('libvirt_domain_vcpu_delay_ratio') as number, (rates.delayNs as number) / 1e9);
      expectNear(vcpu?.get('libvirt_domain_vcpu_usage_ratio') as number, (rates.timeNs as number) / 1e9);
    }
  }
  expect(known).toBeGreaterThan(200);
});

test('rates of the host are shares of the ten seconds between its two documents', () => {
  const [before] = shipped(first).get('host') as [Flat];
  const [host] = shipped(first, second).get('host') as [Flat];
  const grown = (field: string): number => (host.get(field) as number) - (before.get(field) as number);
  const modes = ['user', 'nice', 'kernel', 'idle', 'iowait', 'irq', 'softirq', 'steal'].filter((mode) =>
    host.has(`libvirt_host_cpu_seconds_total.${mode}`),
  );
  const all = modes.reduce((sum, mode) => sum + grown(`libvirt_host_cpu_seconds_total.${mode}`), 0);
  const idle = grown('libvirt_host_cpu_seconds_total.idle') + grown('libvirt_host_cpu_seconds_total.iowait');
  expectNear(host.get('libvirt_host_cpu_utilization_ratio') as number, 1 - idle / all);
  expectNear(
    host.get('libvirt_host_cpu_ratio.iowait') as number,
    grown('libvirt_host_cpu_seconds_total.iowait') / all,
  );
  expect(host.get('libvirt_host_vcpu_contention_ratio')).toBeCloseTo(
    (second.contention?.delayNs as number) /
      ((second.contention?.delayNs as number) + (second.contention?.runNs as number)),
  );
});

test('contention is since the previous document, whatever was sampled in between for a scrape', async () => {
  nowMs += 9_990;
  const scraped = await sampler.sample();
  nowMs += 10;
  const third = await sampler.sample();
  expect(third.contention?.elapsedMs).toBe(10);
  const [host] = shipped(second, third).get('host') as [Flat];
  const sum = (sample: HostSample, figure: 'delayNs' | 'timeNs'): number =>
    sample.domains
      .flatMap(({ outcome }) => (outcome.kind === 'fresh' ? [...outcome.stats.vcpus.values()] : []))
      .reduce((ns, vcpu) => ns + (vcpu[figure] ?? 0), 0);
  const delay = sum(third, 'delayNs') - sum(second, 'delayNs');
  const run = sum(third, 'timeNs') - sum(second, 'timeNs');
  expect(host.get('libvirt_host_vcpu_contention_ratio')).toBeCloseTo(delay / (delay + run), 9);
  expect(scraped.startedAtMs).toBeLessThan(third.startedAtMs);
});

test('the first sample has no rate, and says so of each VM that runs', () => {
  const streams = shipped(first);
  for (const documents of streams.values()) for (const each of documents) expect(ratesIn(each)).toEqual([]);
  const running = first.domains.filter(({ domain }) => domain.id !== -1).length;
  const said = streams
    .get('vm')
    ?.filter((vm) =>
      (vm.get('virtune_domain_missing') as string[] | undefined)?.includes('rates:first_sample'),
    );
  expect(said).toHaveLength(running);
});

const oneOf = ({ domains: [one] }: HostSample): DomainSample => one as DomainSample;
const changed = (sample: HostSample, change: (domain: DomainSample) => DomainSample): HostSample => {
  const [one, ...others] = sample.domains as [DomainSample, ...DomainSample[]];
  return { ...sample, domains: [change(one), ...others] };
};
const vmOf = (streams: ReturnType<typeof shipped>): Flat | undefined =>
  streams.get('vm')?.find((flat) => flat.get('kvm.uuid') === oneOf(first).domain.uuid);

test('a VM that was restarted in between has no rates until its next sample', () => {
  const restarted = changed(second, (each) => ({
    ...each,
    domain: { ...each.domain, id: each.domain.id + 100 },
  }));
  const streams = shipped(first, restarted);
  expect(ratesIn(vmOf(streams))).toEqual([]);
  expect(vmOf(streams)?.get('virtune_domain_missing')).toContain('rates:first_sample');
  const { name } = oneOf(restarted).domain;
  const devices = [...(streams.get('vcpu') ?? []), ...(streams.get('block') ?? [])];
  for (const each of devices.filter((flat) => flat.get('kvm.name') === name))
    expect(ratesIn(each)).toEqual([]);
});

test('a VM whose QEMU hangs has its CPU usage, and no other rate; then rates over the whole time', () => {
  const hung = changed(second, (each) => ({ ...each, outcome: { kind: 'unresponsive', sinceMs: 1 } }));
  expect(ratesIn(vmOf(shipped(first, hung)))).toEqual(['libvirt_domain_cpu_usage_cpus']);
  const direct = vmOf(shipped(first, second));
  const earlier = changed(first, (each) => ({ ...each, outcome: { kind: 'late' } }));
  const late = vmOf(shipped(first, earlier, second));
  expect(late?.get('libvirt_domain_cpu_steal_ratio')).toBe(direct?.get('libvirt_domain_cpu_steal_ratio'));
});

test('a VM that is off has no rates: zero would say that it idles', () => {
  const off = (sample: HostSample): HostSample =>
    changed(sample, (each) => ({
      ...each,
      domain: { ...each.domain, id: -1 },
      summary: { ...each.summary, cpuTimeNs: undefined, cpuTimeAtMs: undefined },
      outcome:
        each.outcome.kind === 'fresh'
          ? {
              ...each.outcome,
              stats: {
                ...each.outcome.stats,
                cpu: {},
                balloon: {},
                vcpus: new Map(),
                blocks: new Map(),
                nets: new Map(),
              },
            }
          : each.outcome,
    }));
  const vm = vmOf(shipped(off(first), off(second)));
  expect(ratesIn(vm)).toEqual([]);
  expect(vm?.get('virtune_domain_missing') ?? []).not.toContain('rates:first_sample');
});

test('a disk without requests has rates of 0, and no latency', () => {
  const still = changed(second, (each) => ({
    ...each,
    outcome:
      each.outcome.kind === 'fresh' && first.domains[0]?.outcome.kind === 'fresh'
        ? { ...each.outcome, stats: { ...each.outcome.stats, blocks: first.domains[0].outcome.stats.blocks } }
        : each.outcome,
  }));
  const { name } = oneOf(still).domain;
  const [disk] = (shipped(first, still).get('block') ?? []).filter((flat) => flat.get('kvm.name') === name);
  expect(disk?.get('libvirt_domain_block_stats_read_requests_per_second')).toBe(0);
  expect(ratesIn(disk).filter((field) => field.includes('latency'))).toEqual([]);
});

test('every rate is a gauge in the mapping of one stream', () => {
  const streams = STREAM_NAMES.map((stream) => new Map(fieldsOf(stream).map((field) => [field.name, field])));
  for (const name of RATES) {
    const fields = streams.map(
      (stream) => stream.get(name) ?? stream.get(`${name}.iowait`) ?? stream.get(`${name}.io.full`),
    );
    expect(
      fields.filter((field) => field !== undefined),
      name,
    ).toMatchObject([{ type: 'float', metric: 'gauge' }]);
  }
});
