import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { calls } from '../../libvirt/calls/all.ts';
import { ParamType, type TypedParam } from '../../libvirt/typed-params.ts';
import { FrameSplitter } from '../../libvirt/wire/frame.ts';
import { XdrReader } from '../../libvirt/wire/xdr.ts';
import { parseDomain } from '../../model/domain/domain.ts';
import { withoutUncountedPolling } from '../../model/stats/halt-poll.ts';
import { readDomainStats } from '../../model/stats/read.ts';
import { memoryUsedKiB } from '../../model/stats/types.ts';

const ullong = (field: string, value: TypedParam['value']): TypedParam => ({
  field,
  type: ParamType.ullong,
  value,
});

function realRecords() {
  const bytes = readFileSync(join(import.meta.dirname, '../fixtures/all-domain-stats-libvirt-9.0.0.bin'));
  let records: ReturnType<typeof calls.connectGetAllDomainStats.ret.read>['records'] = [];
  new FrameSplitter().push(bytes, ({ payload }) => {
    ({ records } = calls.connectGetAllDomainStats.ret.read(new XdrReader(payload)));
  });
  return records;
}

test('a real reply about 21 guests is understood to the last field', () => {
  const records = realRecords();
  expect(records).toHaveLength(21);
  const all = records.map((record) => readDomainStats(record.params));
  expect(all.every((stats) => stats.unknown.size === 0)).toBe(true);
  const booted = all[records.findIndex((record) => record.domain.name === 'vt-booted')];
  expect(booted).toMatchObject({ state: 1, vcpuCurrent: 2, balloon: { currentKiB: 196_608 } });
  // All 13 tags of dommemstat.
  expect(Object.keys(booted?.balloon ?? {}).sort()).toEqual(
    [
      'currentKiB',
      'maximumKiB',
      'swapInKiB',
      'swapOutKiB',
      'majorFaults',
      'minorFaults',
      'unusedKiB',
      'availableKiB',
      'usableKiB',
      'lastUpdateSeconds',
      'diskCachesKiB',
      'hugetlbAllocations',
      'hugetlbFailures',
      'rssKiB',
    ].sort(),
  );
  expect([...(booted?.blocks.values() ?? [])].map((block) => block.name)).toEqual(['vda', 'vdb']);
});

test('memory figures that no guest has, whatever its balloon driver reports, are absent', () => {
  const { balloon } = readDomainStats([
    ullong('balloon.major_fault', 2n ** 63n),
    ullong('balloon.swap_in', 2n ** 53n),
    ullong('balloon.usable', 2n ** 53n - 1n),
    ullong('balloon.minor_fault', 7),
  ]);
  expect(balloon).toEqual({ usableKiB: 2 ** 53 - 1, minorFaults: 7 });
});

test('vCPU and iothread ids may have gaps, and ten and more', () => {
  const stats = readDomainStats([
    ullong('vcpu.0.time', 1),
    ullong('vcpu.11.time', 2),
    ullong('iothread.7.poll-max-ns', 3),
    ullong('iothread.count', 1),
  ]);
  expect([...stats.vcpus]).toEqual([
    [0, { timeNs: 1 }],
    [11, { timeNs: 2 }],
  ]);
  expect([...stats.ioThreads]).toEqual([[7, { pollMaxNs: 3 }]]);
});

test('fields of a newer libvirt are counted and skipped, whatever their names', () => {
  const names = [
    'vcpu.0.exits.mean',
    'vm.exits',
    'block.0.latency_histogram.read.bin.0.middle',
    'constructor',
    '__proto__',
    'cpu.__proto__',
    'vcpu.0.constructor',
    'new.thing',
    '',
  ];
  const stats = readDomainStats(names.map((name) => ullong(name, 1)));
  expect(stats.unknown.size).toBe(names.length);
  expect(({} as Record<string, unknown>)['time']).toBeUndefined();
});

test("libvirt's value for unknown is not a figure", () => {
  expect(readDomainStats([ullong('balloon.rss', 2n ** 64n - 1n)]).balloon.rssKiB).toBeUndefined();
});

test('the used memory of a guest needs its total, and its usable or unused memory', () => {
  expect(memoryUsedKiB({ availableKiB: 100, usableKiB: 30, unusedKiB: 10 })).toBe(70);
  expect(memoryUsedKiB({ availableKiB: 100, unusedKiB: 10 })).toBe(90);
  expect(memoryUsedKiB({ availableKiB: 100 })).toBeUndefined();
  expect(memoryUsedKiB({ usableKiB: 30 })).toBeUndefined();
});

test("KVM's statistics are read by the kernel's names, whatever those are, for VM and vCPU", () => {
  const stats = readDomainStats([
    ullong('vcpu.1.halt_poll_success_ns.sum', 7),
    ullong('vcpu.1.guest_mode.cur', 1),
    ullong('vm.remote_tlb_flush.sum', 9),
  ]);
  expect(stats.vcpus.get(1)?.kvm).toEqual(
    new Map([
      ['halt_poll_success_ns.sum', 7],
      ['guest_mode.cur', 1],
    ]),
  );
  expect(stats.kvm).toEqual(new Map([['remote_tlb_flush.sum', 9]]));
  expect(stats.unknown.size).toBe(0);
});

test('latency bins and perf events find their places', () => {
  const stats = readDomainStats([
    ullong('block.0.latency_histogram.read.bin.count', 2),
    ullong('block.0.latency_histogram.read.bin.1.value', 5),
    ullong('block.0.latency_histogram.read.bin.1.start', 1_000),
    ullong('block.0.latency_histogram.read.bin.0.start', 0),
    ullong('perf.cache_misses', 3),
  ]);
  expect(stats.blocks.get(0)?.latency?.get('read')).toEqual(
    new Map([
      [0, { startNs: 0 }],
      [1, { startNs: 1_000, count: 5 }],
    ]),
  );
  expect(stats.perf).toEqual(new Map([['cache_misses', 3]]));
  expect(stats.unknown.size).toBe(0);
});

test('a bin far behind the others takes no more memory than any other bin', () => {
  const stats = readDomainStats([ullong('block.0.latency_histogram.read.bin.999.value', 1)]);
  expect(stats.blocks.get(0)?.latency?.get('read')?.size).toBe(1);
});

test('resctrl monitors report by monitor, and by cache or memory controller', () => {
  const text = (field: string, value: string): TypedParam => ({ field, type: ParamType.string, value });
  const uint = (field: string, value: number): TypedParam => ({ field, type: ParamType.uint, value });
  // As written by virDomainStatsCPU and virDomainStatsMemory of libvirt's QEMU driver.
  const stats = readDomainStats([
    uint('cpu.cache.monitor.count', 2),
    text('cpu.cache.monitor.0.name', 'vcpus_0-1'),
    text('cpu.cache.monitor.0.vcpus', '0,1'),
    uint('cpu.cache.monitor.0.bank.count', 2),
    uint('cpu.cache.monitor.0.bank.0.id', 0),
    uint('cpu.cache.monitor.0.bank.0.bytes', 4_505_600),
    uint('cpu.cache.monitor.0.bank.1.id', 4),
    uint('cpu.cache.monitor.0.bank.1.bytes', 5_586_944),
    text('cpu.cache.monitor.1.name', 'vcpus_2'),
    uint('cpu.cache.monitor.1.bank.0.bytes', 1),
    uint('memory.bandwidth.monitor.count', 1),
    text('memory.bandwidth.monitor.0.name', 'vcpus_0-4'),
    text('memory.bandwidth.monitor.0.vcpus', '0-4'),
    uint('memory.bandwidth.monitor.0.node.count', 1),
    uint('memory.bandwidth.monitor.0.node.0.id', 1),
    ullong('memory.bandwidth.monitor.0.node.0.bytes.total', 10_208_067_584),
    ullong('memory.bandwidth.monitor.0.node.0.bytes.local', 4_807_114_752),
  ]);
  expect(stats.unknown.size).toBe(0);
  expect(stats.cacheMonitors.get(0)).toEqual({
    name: 'vcpus_0-1',
    vcpus: '0,1',
    parts: new Map([
      [0, { id: 0, bytes: 4_505_600 }],
      [1, { id: 4, bytes: 5_586_944 }],
    ]),
  });
  expect(stats.cacheMonitors.get(1)?.parts.get(0)).toEqual({ bytes: 1 });
  expect(stats.bandwidthMonitors.get(0)?.parts.get(0)).toEqual({
    id: 1,
    totalBytes: 10_208_067_584,
    localBytes: 4_807_114_752,
  });
  for (const field of [
    'cpu.cache.monitor.0.node.0.id',
    'memory.bandwidth.monitor.x.name',
    'cpu.cache.monitor.',
  ])
    expect(readDomainStats([ullong(field, 1)]).unknown.size).toBe(1);
});

test('the dirty rate of vCPUs finds its vCPU', () => {
  const stats = readDomainStats([ullong('dirtyrate.vcpu.12.megabytes_per_second', 7)]);
  expect([...stats.vcpuDirtyRate]).toEqual([[12, 7]]);
  expect([stats.vcpus.size, stats.unknown.size]).toEqual([0, 0]);
});

test('a vCPU that has run and has waited for no nanosecond was not measured', () => {
  const vcpu = (figures: Record<string, number>) =>
    readDomainStats(
      Object.entries(figures).map(([name, value]) => ullong(`vcpu.0.${name}`, BigInt(value))),
    ).vcpus.get(0);
  expect(vcpu({ time: 5, wait: 0, delay: 0 })).toEqual({ timeNs: 5 });
  expect(vcpu({ time: 5, wait: 1, delay: 2 })).toEqual({ timeNs: 5, waitNs: 1, delayNs: 2 });
  // It has not run yet, so it has not waited either.
  expect(vcpu({ time: 0, delay: 0 })).toEqual({ timeNs: 0, delayNs: 0 });
});

test('halt polling that libvirt reports as 0 of a VM without KVM is absent; a VM with KVM keeps its 0', () => {
  const stats = readDomainStats([
    ullong('cpu.haltpoll.success.time', 0n),
    ullong('cpu.haltpoll.fail.time', 0n),
    ullong('cpu.time', 7n),
  ]);
  expect(withoutUncountedPolling(stats, parseDomain("<domain type='qemu'/>")).cpu).toEqual({ timeNs: 7 });
  expect(withoutUncountedPolling(stats, parseDomain("<domain type='kvm'/>")).cpu.haltPollFailNs).toBe(0);
});
