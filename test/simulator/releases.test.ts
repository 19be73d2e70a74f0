import { describe, expect, test } from 'vitest';
import { readDomainStats } from '../../model/stats/read.ts';
import type { BlockStats } from '../../model/stats/types.ts';
import { findScenario } from '../../simulator/demo.ts';
import { SimulatedHost } from '../../simulator/host.ts';
import { MeasuredDisk } from '../../simulator/measured-disk.ts';
import { RELEASE_NAMES, type ReleaseName, releaseOf } from '../../simulator/release.ts';
import { statsOf } from '../../simulator/stats.ts';
import { VirtuneProcess } from '../virtune-process.ts';

/** The data disk of a database of scenario calm, after a minute. */
function dataDisk(name: ReleaseName): BlockStats | undefined {
  let nowMs = 1e12;
  const host = new SimulatedHost(findScenario('calm'), { release: releaseOf(name), now: () => nowMs });
  for (let second = 0; second < 60; second++) {
    nowMs += 1_000;
    host.advance();
  }
  const vm = host.byName('pg-orders');
  return vm && readDomainStats(statsOf(vm, 0)).blocks.get(1);
}

describe.each(RELEASE_NAMES)('a simulated host with libvirt %s', (name) => {
  test('reports no statistic that virtune does not know', () => {
    const { vms } = new SimulatedHost(findScenario('calm'), { release: releaseOf(name) });
    for (const vm of vms) expect([...readDomainStats(statsOf(vm, 0)).unknown]).toEqual([]);
  });
});

test('the newest measures disks in windows and bins, and all requests are in the bins; the others do not', () => {
  const disk = dataDisk('12.9');
  expect([...(disk?.windows?.values() ?? [])].map(({ intervalSeconds }) => intervalSeconds)).toEqual([
    10, 600,
  ]);
  for (const window of disk?.windows?.values() ?? []) {
    const { minNs = 0, averageNs = 0, maxNs = 0 } = window.operations.get('read') ?? {};
    expect(minNs).toBeGreaterThan(0);
    expect(averageNs).toBeGreaterThanOrEqual(minNs);
    expect(maxNs).toBeGreaterThanOrEqual(averageNs);
  }
  const bins = [...(disk?.latency?.get('read')?.values() ?? [])];
  expect(bins.reduce((sum, { count = 0 }) => sum + count, 0)).toBe(disk?.readRequests);
  expect(disk?.limits?.get('iov_max')).toBe(1_024);
  for (const older of ['9.0', '11.3'] as const) {
    const { windows, latency, limits } = dataDisk(older) ?? {};
    expect([windows, latency, limits]).toEqual([undefined, undefined, undefined]);
  }
});

test('a window has the requests of its length, their extremes, and how many were in flight', () => {
  const disk = new MeasuredDisk({ windowsSeconds: [10], binsNs: new Map([['read', [0, 2e6]]]) });
  const step = (atMs: number, count: number, ns: number): void =>
    disk.add({ atMs, stepMs: 5_000, requests: { read: { count, ns } } });
  step(5_000, 100, 9e6);
  step(10_000, 1_000, 1e6);
  step(15_000, 3_000, 3e6);
  // After the first step: 4,000 requests in 10 s, of 2.5 ms on average.
  expect(disk.window(10, 'read')).toEqual({ minNs: 1e6, maxNs: 3e6, averageNs: 2.5e6, queueDepth: 1 });
  expect(disk.window(10, 'write')).toEqual({ minNs: 0, maxNs: 0, averageNs: 0, queueDepth: 0 });
  expect(disk.bins('read')).toEqual([1_000, 3_100]);
});

test('virtune demo --libvirt 12.9 exports what only such a libvirt has, and says what it is', async () => {
  const demo = new VirtuneProcess('demo', '--listen', '127.0.0.1:0', '--libvirt', '12.9');
  const series = await demo.scrape();
  const names = new Set(series.map(({ name }) => name));
  expect(names).toContain('libvirt_domain_block_stats_window_latency_max_seconds');
  const [versions] = series.filter(({ name }) => name === 'libvirt_versions_info');
  expect(versions?.labels).toMatchObject({ libvirtd_running: '12.9.0', hypervisor_running: '11.1.3' });
  await demo.stop();
});
