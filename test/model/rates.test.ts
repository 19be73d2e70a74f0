import { expect, test } from 'vitest';
import { ParamType } from '../../libvirt/typed-params.ts';
import { perSecond } from '../../model/per-second.ts';
import { cpuUsage, domainRates, type Instant } from '../../model/rates.ts';
import { readDomainStats } from '../../model/stats/read.ts';

function instant(atMs: number, figures: Record<string, number | string>, runId = 1): Instant {
  const params = Object.entries(figures).map(([field, value]) => ({
    field,
    type: typeof value === 'string' ? ParamType.string : ParamType.ullong,
    value,
  }));
  return { stats: readDomainStats(params), atMs, runId };
}

test('a counter gives a rate where it grew, and none where it is new, gone or was reset', () => {
  expect(perSecond(100, 300, 2_000)).toBe(100);
  expect(perSecond(100, 100, 2_000)).toBe(0);
  expect(perSecond(undefined, 300, 2_000)).toBeUndefined();
  expect(perSecond(100, undefined, 2_000)).toBeUndefined();
  expect(perSecond(300, 100, 2_000)).toBeUndefined();
  expect(perSecond(100, 300, 0)).toBeUndefined();
  expect(perSecond(100, 300, 1)).toBe(200_000);
});

test('a counter without a rate is left out, not there without a value', () => {
  const before = instant(0, { 'block.0.name': 'vda', 'block.0.rd.bytes': 5, 'block.0.wr.bytes': 9 });
  const after = instant(1_000, { 'block.0.name': 'vda', 'block.0.rd.bytes': 7, 'block.0.wr.bytes': 1 });
  const blocks = domainRates(before, after)?.blocks;
  expect(Object.entries(blocks?.get('vda') ?? {})).toEqual([['readBytes', 2]]);
});

test('contention is the share of CPU demand that was not served', () => {
  const before = instant(0, { 'cpu.time': 0, 'vcpu.0.time': 0, 'vcpu.0.delay': 0 });
  const after = instant(1_000, { 'cpu.time': 8e8, 'vcpu.0.time': 75e7, 'vcpu.0.delay': 25e7 });
  expect(domainRates(before, after)).toMatchObject({ cpuUsage: 0.8, contention: 0.25 });
});

test('an idle guest has no contention, and without a reported delay it is unknown', () => {
  const idle = { 'vcpu.0.time': 5, 'vcpu.0.delay': 5 };
  expect(domainRates(instant(0, idle), instant(1_000, idle))?.contention).toBe(0);
  expect(
    domainRates(instant(0, { 'vcpu.0.time': 5 }), instant(1_000, { 'vcpu.0.time': 6 }))?.contention,
  ).toBeUndefined();
});

test('devices are followed by name when hot-plug renumbers them', () => {
  const before = instant(0, {
    'block.0.name': 'vda',
    'block.0.rd.bytes': 5,
    'block.1.name': 'vdb',
    'block.1.rd.bytes': 100,
  });
  const after = instant(1_000, {
    'block.0.name': 'vdb',
    'block.0.rd.bytes': 150,
    'block.1.name': 'vdc',
    'block.1.rd.bytes': 9,
  });
  expect([...(domainRates(before, after)?.blocks ?? [])]).toEqual([['vdb', { readBytes: 50 }]]);
});

test('a restarted guest has no rates: its counters began again', () => {
  expect(domainRates(instant(0, { 'cpu.time': 1 }, 1), instant(1_000, { 'cpu.time': 2 }, 2))).toBeUndefined();
  expect(domainRates(instant(1_000, {}), instant(1_000, {}))).toBeUndefined();
});

test('CPU use comes from the summary where it is known, over the time between its own two readings', () => {
  const before: Instant = { ...instant(0, { 'cpu.time': 0 }), cpu: { timeNs: 1e9, atMs: 100 } };
  const after: Instant = { ...instant(1_000, { 'cpu.time': 9e9 }), cpu: { timeNs: 2e9, atMs: 2_100 } };
  expect(domainRates(before, after)?.cpuUsage).toBeCloseTo(0.5);
  expect(cpuUsage({ timeNs: 5, atMs: 0 }, { timeNs: 4, atMs: 1_000 })).toBeUndefined();
  expect(cpuUsage(undefined, { timeNs: 4, atMs: 1_000 })).toBeUndefined();
});

test('what the guest swaps and faults has rates too', () => {
  const rates = domainRates(
    instant(0, { 'balloon.swap_in': 0, 'balloon.major_fault': 5 }),
    instant(2_000, { 'balloon.swap_in': 100, 'balloon.major_fault': 3 }),
  );
  expect(rates?.memory).toEqual({ swapInKiB: 50 });
});

test('contention is taken over all vCPUs that report run and delay, by how much each wanted', () => {
  const before = instant(0, {
    'vcpu.0.time': 0,
    'vcpu.0.delay': 0,
    'vcpu.1.time': 0,
    'vcpu.1.delay': 0,
    'vcpu.2.time': 0,
  });
  const after = instant(2_000, {
    'vcpu.0.time': 5e8,
    'vcpu.0.delay': 1e8,
    'vcpu.1.time': 2e8,
    'vcpu.1.delay': 2e8,
    'vcpu.2.time': 9e9,
  });
  expect(domainRates(before, after)).toMatchObject({ elapsedMs: 2_000, contention: 0.3 });
});

test('a device that is new or unnamed has no rates; one that kept its number is not searched for', () => {
  const before = instant(0, {
    'net.0.name': 'vnet0',
    'net.0.rx.bytes': 10,
    'net.1.rx.bytes': 5,
    'net.3.name': 'vnet0',
    'net.3.rx.bytes': 900,
  });
  const after = instant(1_000, {
    'net.0.name': 'vnet0',
    'net.0.rx.bytes': 30,
    'net.1.rx.bytes': 50,
    'net.2.name': 'vnet9',
    'net.2.rx.bytes': 70,
  });
  expect([...(domainRates(before, after)?.nets ?? [])]).toEqual([['vnet0', { rxBytes: 20 }]]);
});

test('vCPUs have rates by their number, and one that has just been plugged in has none yet', () => {
  const before = instant(0, { 'vcpu.1.time': 100 });
  const after = instant(500, { 'vcpu.0.time': 100, 'vcpu.1.time': 400 });
  expect([...(domainRates(before, after)?.vcpus ?? [])]).toEqual([[1, { timeNs: 600 }]]);
});

test('all four memory counters of the guest have rates', () => {
  const figures = (n: number) => ({
    'balloon.swap_in': n,
    'balloon.swap_out': 2 * n,
    'balloon.major_fault': 3 * n,
    'balloon.minor_fault': 4 * n,
  });
  expect(domainRates(instant(0, figures(0)), instant(1_000, figures(10)))?.memory).toEqual({
    swapInKiB: 10,
    swapOutKiB: 20,
    majorFaults: 30,
    minorFaults: 40,
  });
});

test('CPU use is unknown where neither the summary nor the statistics have CPU time', () => {
  expect(domainRates(instant(0, {}), instant(1_000, {}))?.cpuUsage).toBeUndefined();
});
