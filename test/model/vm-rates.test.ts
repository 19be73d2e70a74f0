import { expect, test } from 'vitest';
import { domainRates, type Instant } from '../../model/rates.ts';
import type { BlockStats, DomainStats, NetStats, VcpuStats } from '../../model/stats/types.ts';
import { requestLatencyMs, vmRatesOf } from '../../model/vm-rates.ts';

const at = (
  atMs: number,
  vcpus: readonly VcpuStats[],
  blocks: readonly BlockStats[] = [],
  nets: readonly NetStats[] = [],
): Instant => ({
  atMs,
  runId: 1,
  stats: {
    balloon: {},
    cpu: {},
    vcpus: new Map(vcpus.entries()),
    blocks: new Map(blocks.entries()),
    nets: new Map(nets.entries()),
  } as unknown as DomainStats,
});

test('steal, usage and wait are means over the vCPUs: 2 s and 4 s of delay in 10 s are 30 %', () => {
  const before = at(0, [
    { timeNs: 0, delayNs: 0 },
    { timeNs: 5e9, delayNs: 1e9 },
  ]);
  const now = at(10_000, [
    { timeNs: 4e9, delayNs: 2e9 },
    { timeNs: 7e9, delayNs: 5e9 },
  ]);
  const rates = vmRatesOf(domainRates(before, now), 0.7);
  expect(rates.steal).toBeCloseTo(0.3, 9);
  expect(rates.usage).toBeCloseTo(0.3, 9);
  expect(rates.contention).toBeCloseTo(6 / 12, 9);
  expect(rates.wait).toBeUndefined();
  expect(rates.cpuUsage).toBe(0.7);
});

test('a vCPU that was plugged in since has no rate yet, and is not counted as idle', () => {
  const now = at(10_000, [{ delayNs: 5e9 }, { delayNs: 9e9 }]);
  expect(vmRatesOf(domainRates(at(0, [{ delayNs: 0 }]), now), undefined).steal).toBeCloseTo(0.5, 9);
});

test('disks and NICs are summed; request latency is time per request, reads and writes together', () => {
  const disk = (name: string, count: number): BlockStats => ({
    name,
    readRequests: count,
    readNs: count * 2e6,
    writeRequests: count * 3,
    writeNs: count * 3 * 6e6,
    readBytes: count * 4_096,
  });
  const before = at(0, [], [disk('vda', 0), disk('vdb', 0)], [{ name: 'vnet0', rxBytes: 0 }]);
  const now = at(2_000, [], [disk('vda', 100), disk('vdb', 20)], [{ name: 'vnet0', rxBytes: 500 }]);
  const rates = vmRatesOf(domainRates(before, now), undefined);
  expect(rates.disk).toMatchObject({ readRequests: 60, writeRequests: 180, readBytes: 245_760 });
  expect(requestLatencyMs(rates.disk)).toBeCloseTo(5, 9);
  expect(rates.net).toEqual({ rxBytes: 250 });
});

test('without an earlier figure there are no rates, and none of them is zero', () => {
  expect(vmRatesOf(undefined, undefined)).toEqual({
    cpuUsage: undefined,
    usage: undefined,
    steal: undefined,
    wait: undefined,
    contention: undefined,
    disk: {},
    net: {},
    memory: {},
  });
  expect(requestLatencyMs({})).toBeUndefined();
  expect(requestLatencyMs({ readNs: 0, readRequests: 0 })).toBeUndefined();
});
