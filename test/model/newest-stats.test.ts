import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ParamType, type TypedParam } from '../../libvirt/typed-params.ts';
import { catalogue } from '../../model/catalogue/catalogue.ts';
import { latencyHistograms } from '../../model/catalogue/latency.ts';
import { parseDomain } from '../../model/domain/domain.ts';
import { BLOCK_LIMITS } from '../../model/stats/block-slots.ts';
import { readDomainStats } from '../../model/stats/read.ts';
import type { BlockStats, DomainStats } from '../../model/stats/types.ts';

/** `virsh domstats` prints booleans as yes and no. */
function paramsOf(file: string): TypedParam[] {
  const text = readFileSync(join(import.meta.dirname, '../fixtures', file), 'utf8');
  return [...text.matchAll(/^ {2}([^=\n]+)=(.*)$/gm)].map(([, field = '', value = '']) =>
    param(field, value === 'yes' || value === 'no' ? value === 'yes' : Number(value), value),
  );
}

function param(field: string, value: number | boolean, text = ''): TypedParam {
  if (typeof value === 'boolean') return { field, type: ParamType.boolean, value };
  if (Number.isNaN(value)) return { field, type: ParamType.string, value: text };
  return { field, type: ParamType.double, value };
}

const tcg = readDomainStats(paramsOf('domstats-libvirt-12.9.0.txt'));
const kvm = readDomainStats(paramsOf('domstats-kvm-libvirt-12.9.0.txt'));

/** The points of a metric of the catalogue for a disk, by its labels. */
function blockPoints(name: string, block: BlockStats): Record<string, number> {
  const metric = catalogue.find((each) => each.name === name);
  if (metric?.per !== 'block' || !('points' in metric)) throw new Error(`no such metric: ${name}`);
  return Object.fromEntries([...metric.points(block)].map(([labels, value]) => [labels.join(' '), value]));
}

function domainPoints(name: string, stats: DomainStats): Record<string, number> {
  const metric = catalogue.find((each) => each.name === name);
  if (metric?.per !== 'domain' || !('points' in metric)) throw new Error(`no such metric: ${name}`);
  return Object.fromEntries([...metric.points(stats)].map(([labels, value]) => [labels.join(' '), value]));
}

test.each([
  ['an emulated guest with timed statistics, histograms and mapped iothreads', tcg],
  ['a KVM guest with perf events', kvm],
])('every statistic that libvirt 12.9 reports of %s is known', (_guest, stats) => {
  expect([...stats.unknown.keys()]).toEqual([]);
});

test('the polling weight of an iothread is read', () => {
  expect(tcg.ioThreads.get(9)).toEqual({ pollMaxNs: 32_768, pollGrow: 2, pollShrink: 2, pollWeight: 3 });
});

test('limits of a disk are read; bytes and segments are separate metrics', () => {
  const vda = tcg.blocks.get(0) as BlockStats;
  expect(blockPoints('libvirt_domain_block_limit_bytes', vda)).toEqual({
    request_alignment: 512,
    memory_alignment_minimal: 512,
    memory_alignment_optimal: 4_096,
  });
  expect(blockPoints('libvirt_domain_block_limit_segments', vda)).toEqual({ iov_max: 1_024 });
  expect(tcg.blocks.get(3)?.limits).toBeUndefined();
});

test('all twelve limits that libvirt 12.9 can report are known', () => {
  const stats = readDomainStats(
    BLOCK_LIMITS.map((limit, index) => param(`block.0.limits.${limit}`, index + 1)),
  );
  expect(stats.unknown.size).toBe(0);
  const block = stats.blocks.get(0) as BlockStats;
  expect(Object.values(blockPoints('libvirt_domain_block_limit_bytes', block))).toEqual([
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
  ]);
  expect(Object.values(blockPoints('libvirt_domain_block_limit_segments', block))).toEqual([11, 12]);
});

test('a window has latencies by operation only where requests ended in it, and its queue depth always', () => {
  const window = (group: number, interval: number, figures: Record<string, number>): TypedParam[] => [
    param(`block.0.timed_group.${group}.interval`, interval),
    ...Object.entries(figures).map(([name, value]) => param(`block.0.timed_group.${group}.${name}`, value)),
  ];
  const idle = { rd_latency_min: 0, rd_latency_max: 0, rd_latency_avg: 0, rd_queue_depth_avg: 0 };
  const stats = readDomainStats([
    param('block.0.timed_group.count', 3),
    ...window(0, 1, idle),
    ...window(1, 10, {
      ...idle,
      wr_latency_min: 1_000_000,
      wr_latency_max: 2_500_000_000,
      wr_latency_avg: 40_000_000,
      wr_queue_depth_avg: 1.5,
      flush_latency_avg: 7_000,
    }),
    // A second window of the same length: one series, not two.
    ...window(2, 10, { wr_latency_avg: 9 }),
  ]);
  const block = stats.blocks.get(0) as BlockStats;
  expect(stats.unknown.size).toBe(0);
  expect(blockPoints('libvirt_domain_block_stats_window_latency_min_seconds', block)).toEqual({
    'write 10s': 0.001,
  });
  expect(blockPoints('libvirt_domain_block_stats_window_latency_max_seconds', block)).toEqual({
    'write 10s': 2.5,
  });
  expect(blockPoints('libvirt_domain_block_stats_window_latency_avg_seconds', block)).toEqual({
    'write 10s': 0.04,
    'flush 10s': 0.000007,
  });
  expect(blockPoints('libvirt_domain_block_stats_window_queue_depth_avg', block)).toEqual({
    'read 1s': 0,
    'read 10s': 0,
    'write 10s': 1.5,
  });
});

test('core energy by monitor and package is read, in the units of the kernel', () => {
  const stats = readDomainStats([
    param('cpu.energy.monitor.count', 1),
    param('cpu.energy.monitor.0.name', Number.NaN, 'vcpus_0-1'),
    param('cpu.energy.monitor.0.vcpus', Number.NaN, '0-1'),
    param('cpu.energy.monitor.0.pkg.count', 1),
    param('cpu.energy.monitor.0.pkg.0.id', 1),
    param('cpu.energy.monitor.0.pkg.0.core_energy', 12.25),
    param('cpu.energy.monitor.0.pkg.0.activity', 3.5),
  ]);
  expect(stats.unknown.size).toBe(0);
  expect(domainPoints('libvirt_domain_core_energy_joules_total', stats)).toEqual({
    'vcpus_0-1 0-1 1': 12.25,
  });
  expect(domainPoints('libvirt_domain_core_activity_farads_total', stats)).toEqual({
    'vcpus_0-1 0-1 1': 3.5,
  });
  const xml =
    "<domain type='kvm'><cputune><energytune vcpus='0-1'><monitor vcpus='0-1'/></energytune></cputune></domain>";
  expect(parseDomain(xml).cpu.monitored).toEqual({ cache: false, bandwidth: false, energy: true });
});

test('statistics of a later libvirt are kept by name, numbers for export, text by name alone, at most 1,000', () => {
  const stats = readDomainStats([
    param('block.0.zoned.open', 3),
    param('block.0.timed_group.0.rd_latency_p99', 4),
    param('block.0.limits.toString', 5),
    param('cpu.energy.monitor.0.pkg.0.uncore_energy', 6),
    param('gpu.0.name', Number.NaN, 'card'),
    param('balloon.squeezed', true),
  ]);
  expect(domainPoints('libvirt_domain_unknown_statistic', stats)).toStrictEqual({
    'block.0.zoned.open': 3,
    'block.0.timed_group.0.rd_latency_p99': 4,
    'block.0.limits.toString': 5,
    'cpu.energy.monitor.0.pkg.0.uncore_energy': 6,
    'balloon.squeezed': 1,
  });
  expect(stats.unknown.has('gpu.0.name')).toBe(true);
  const many = readDomainStats(Array.from({ length: 5_000 }, (_, index) => param(`x.${index}.y`, index)));
  expect(many.unknown.size).toBe(1_000);
});

test.each([
  ['text in place of a number', param('block.0.rd.reqs', Number.NaN, 'x')],
  ['text in place of a vCPU state', param('vcpu.0.state', Number.NaN, '1')],
  ['text in place of a bin', param('block.0.latency_histogram.read.bin.0.value', Number.NaN, 'x')],
  ['a number in place of a name', param('net.0.name', 7)],
  ['a number in place of a path', param('block.0.path', 7)],
  ['not a number', { field: 'balloon.rss', type: ParamType.double, value: Number.NaN }],
  ['infinity', { field: 'made.up', type: ParamType.double, value: Number.POSITIVE_INFINITY }],
  ['a name that libvirt cannot have', param('x'.repeat(81), 1)],
])('%s is not a figure', (_what, bad) => {
  const { blocks, nets, vcpus, balloon, unknown } = readDomainStats([bad]);
  const devices = [...blocks.values(), ...nets.values(), ...vcpus.values()];
  expect([devices.flatMap((device) => Object.keys(device)), balloon, unknown.size]).toEqual([[], {}, 0]);
});

test('names that are not of the form that KVM has, or that every object has, are unknown', () => {
  const names = ['vm.a"b.sum', 'vcpu.0.a.b.sum', 'constructor.name', 'cpu.toString', 'block.0.constructor'];
  const stats = readDomainStats(names.map((name) => param(name, 1)));
  expect([...stats.unknown.keys()]).toEqual(names);
  expect(stats.kvm.size).toBe(0);
});

test('windows without a length, or beyond the windows of a disk, and operations without statistics give no figure', () => {
  const stats = readDomainStats([
    param('block.0.timed_group.0.rd_latency_avg', 1e9),
    param('block.0.timed_group.1.interval', -1),
    param('block.0.timed_group.1.rd_latency_avg', 1e9),
    param('block.0.timed_group.2.interval', 5),
    param('block.0.timed_group.2.zone_append_latency_avg', 1e9),
    param('block.0.timed_group.16.interval', 9),
    param('block.0.latency_histogram.trim.bin.0.value', 1),
  ]);
  const block = stats.blocks.get(0) as BlockStats;
  expect(blockPoints('libvirt_domain_block_stats_window_latency_avg_seconds', block)).toEqual({
    'zone_append 5s': 1,
  });
  expect([...stats.unknown.keys()]).toEqual([
    'block.0.timed_group.16.interval',
    'block.0.latency_histogram.trim.bin.0.value',
  ]);
});

test('a monitor without a name goes by its index', () => {
  const stats = readDomainStats([param('cpu.energy.monitor.3.pkg.0.core_energy', 2)]);
  expect(domainPoints('libvirt_domain_core_energy_joules_total', stats)).toEqual({ '3  0': 2 });
});

test.each<[string, readonly [start: number, count: number | undefined][], boolean]>([
  [
    'all bins are there',
    [
      [0, 3],
      [1000, 4],
    ],
    true,
  ],
  [
    'a bin has no count',
    [
      [0, 3],
      [1000, undefined],
    ],
    false,
  ],
  [
    'a count is negative',
    [
      [0, 3],
      [1000, -7],
    ],
    false,
  ],
  [
    'a count is too large to be exact',
    [
      [0, 3],
      [1000, 2 ** 63],
    ],
    false,
  ],
])('a latency histogram is exported only where every count is true: %s', (_, bins, isThere) => {
  const stats = readDomainStats(
    bins.flatMap(([start, count], bin) => [
      param(`block.0.latency_histogram.read.bin.${bin}.start`, start),
      ...(count === undefined ? [] : [param(`block.0.latency_histogram.read.bin.${bin}.value`, count)]),
    ]),
  );
  const found = latencyHistograms(stats.blocks.get(0) as BlockStats);
  expect(found.map(({ values, count }) => [...values, count])).toEqual(isThere ? [['read', 7]] : []);
});
