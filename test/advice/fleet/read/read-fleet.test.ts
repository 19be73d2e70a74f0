import { expect, test } from 'vitest';
import type { ReadOptions } from '../../../../advice/fleet/read/options.ts';
import { readFleet } from '../../../../advice/fleet/read/read-fleet.ts';
import type { InstantSeries, Prometheus, RangeSeries } from '../../../../sampler/prometheus/prometheus.ts';
import { recordedOf } from '../../../bench/fleet/recorded-world.ts';

const GIB = 1024 ** 3;
const HOUR = 3_600;
const HOURS = 48;
const NOW = 1_000 * 86_400;
const OPTIONS: ReadOptions = {
  nowSeconds: NOW,
  rangeSeconds: HOURS * HOUR,
  job: 'virtune.*',
  clusterLabel: 'cluster',
  sharedStorage: [],
  labels: new Set(),
};
const WORLD = { hosts: 4, clusters: 2, hours: HOURS, startSeconds: NOW - (HOURS - 1) * HOUR };

type Change = (query: string, series: readonly InstantSeries[]) => readonly InstantSeries[];

/** A synthetic fleet of four hosts with 50 VMs each, two per cluster; `change` spoils responses. */
function prometheusOf(change: Change = (_, series) => series): Prometheus {
  const recorded = (query: string) => recordedOf(query, WORLD);
  return {
    address: 'http://prometheus',
    warnings: new Set(['a store did not answer']),
    instant: (query) =>
      Promise.resolve(
        change(
          query,
          recorded(query).map(({ metric, value }) => ({ labels: metric, value: Number(value?.[1]) })),
        ),
      ),
    range: (query) =>
      Promise.resolve(
        recorded(query).map(
          ({ metric, values = [] }): RangeSeries => ({
            labels: metric,
            values: values.map(([at, value]) => [at, Number(value)] as const),
          }),
        ),
      ),
  };
}

const nameOf = (series: InstantSeries): string => series.labels['__name__'] ?? '';
const isOf = (series: InstantSeries, host: number): boolean =>
  series.labels['instance'] === `kvm0000${host}:9177`;
/** Removes the series of that name on host 1. */
const without =
  (name: string): Change =>
  (_, all) =>
    all.filter((series) => !(isOf(series, 1) && nameOf(series) === name));
const reasonsOf = async (change: Change) =>
  (await readFleet(prometheusOf(change), OPTIONS)).leftOut.map(
    ({ instance, reason }) => `${instance}: ${reason}`,
  );

test('hosts and VMs are put together from their series', async () => {
  const { fleet, leftOut, warnings } = await readFleet(prometheusOf(), OPTIONS);
  expect(leftOut).toEqual([]);
  expect(warnings).toEqual(['a store did not answer']);
  expect(
    fleet.hosts.map(({ cluster, instance, vms }) => `${cluster} ${instance} ${vms.length}`).sort(),
  ).toEqual(['c0 kvm00000:9177 50', 'c0 kvm00002:9177 50', 'c1 kvm00001:9177 50', 'c1 kvm00003:9177 50']);
  const host = fleet.hosts.find(({ instance }) => instance === 'kvm00001:9177') ?? expect.unreachable();
  expect(host).toMatchObject({
    cpus: 64,
    dedicatedCpus: 0,
    memoryBytes: 512 * GIB,
    cpuModel: 'Cascadelake-Server',
    measuredContention: 0.02,
    measuredShortfallCpus: 0.7,
  });
  // 60 % of the memory is used, and 50 VMs use 5 GiB each.
  expect(host.ownMemoryBytes / GIB).toBeCloseTo(0.6 * 512 - 250, 6);
  const vm = host.vms.find(({ name }) => name === 'vm-1-7') ?? expect.unreachable();
  expect(vm).toMatchObject({
    uuid: '00000000-0000-4000-8000-000000000057',
    vcpus: 4,
    // The most that was resident over the range.
    neededBytes: 5.5 * GIB,
    maximumBytes: 8 * GIB,
    stays: undefined,
    cpuMode: 'host-model',
  });
  // The higher figure of each hour over two days; a daily wave.
  expect(vm.demandCpus).toHaveLength(24);
  const byHour = Array.from(vm.demandCpus);
  expect(Math.max(...byHour)).toBeGreaterThan(1.5 * Math.min(...byHour));
});

test('a host of which something is missing is left out, with what it is', async () => {
  expect(await reasonsOf(without('instance:virtune_host_memory_available:ratio'))).toEqual([
    expect.stringMatching(/^kvm00001:9177: .*available memory/),
  ]);
  expect(await reasonsOf(without('libvirt_domain_vcpu_current'))).toEqual([
    expect.stringMatching(/^kvm00001:9177: no series libvirt_domain_vcpu_current of VM "vm-1-\d+"/),
  ]);
  const noUuid: Change = (_, all) =>
    all.filter((series) => !(isOf(series, 1) && series.labels['uuid'] !== undefined));
  expect(await reasonsOf(noUuid)).toEqual([expect.stringContaining('no series libvirt_domain_info of VM')]);
});

test('a host that was there within the range and is not now is left out', async () => {
  const gone: Change = (query, all) =>
    query.includes('last_over_time') && query.includes('libvirt_host_cpus')
      ? [...all, { labels: { cluster: 'c0', job: 'virtune', instance: 'kvm9:9177' }, value: 1 }]
      : all;
  expect(await reasonsOf(gone)).toEqual(['kvm9:9177: no series now: it is down, or was removed']);
});

test('a Prometheus without hosts of virtune is an error', async () => {
  await expect(
    readFleet(
      prometheusOf(() => []),
      OPTIONS,
    ),
  ).rejects.toMatchObject({
    code: 'PROMETHEUS_NO_SERIES',
    message: expect.stringContaining('with a job that matches virtune.* within 2d'),
  });
});

test('memory of VMs on a host that swaps is all that they may have now, unless tasks wait for CPUs alone', async () => {
  const of = { cluster: 'c1', job: 'virtune', instance: 'kvm00001:9177' };
  const swapping =
    (some: Readonly<Record<string, number>>): Change =>
    (query, all) =>
      query.includes('swapped_in')
        ? [{ labels: { ...of, __name__: 'instance:virtune_host_swapped_in_pages:rate5m' }, value: 5_000 }]
        : query.includes('pressure')
          ? Object.entries(some).map(([resource, value]) => ({
              labels: {
                ...of,
                __name__: 'instance:virtune_host_pressure:ratio_rate5m',
                resource,
                share: 'some',
              },
              value,
            }))
          : all;
  const needed = async (
    some: Readonly<Record<string, number>>,
  ): Promise<Record<string, number | undefined>> => {
    const { fleet } = await readFleet(prometheusOf(swapping(some)), OPTIONS);
    return Object.fromEntries(
      fleet.hosts
        .filter(({ cluster }) => cluster === 'c1')
        .map(({ instance, vms }) => [instance, (vms[0]?.neededBytes ?? Number.NaN) / GIB]),
    );
  };
  expect(await needed({ cpu: 0, memory: 0.9, io: 0 })).toEqual({ 'kvm00001:9177': 8, 'kvm00003:9177': 5.5 });
  expect(await needed({ cpu: 0.9, memory: 0, io: 0 })).toEqual({
    'kvm00001:9177': 5.5,
    'kvm00003:9177': 5.5,
  });
});
