import { expect, test } from 'vitest';
import { ParamType } from '../../libvirt/typed-params.ts';
import { cpuUsage, domainRates, type Instant, perSecond } from '../../model/rates.ts';
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
});

test('contention is the share of wanted CPU time that was not given', () => {
  const before = instant(0, { 'cpu.time': 0, 'vcpu.0.time': 0, 'vcpu.0.delay': 0 });
  const after = instant(1_000, { 'cpu.time': 8e8, 'vcpu.0.time': 75e7, 'vcpu.0.delay': 25e7 });
  expect(domainRates(before, after)).toMatchObject({ cpuUsage: 0.8, contention: 0.25 });
});

test('an idle guest has no contention, and one that tells no delay has none known', () => {
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
