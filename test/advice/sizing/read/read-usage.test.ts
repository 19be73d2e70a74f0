import { expect, test } from 'vitest';
import { findHost } from '../../../../advice/sizing/read/find-host.ts';
import { readUsage } from '../../../../advice/sizing/read/read-usage.ts';
import type { VmUsage } from '../../../../advice/sizing/usage.ts';
import type { InstantSeries, Prometheus } from '../../../../sampler/prometheus/prometheus.ts';

const DAY = 86_400;
const GIB = 1024 ** 3;
const RANGE = { job: 'virtune.*', instance: 'kvm1:9177', fromSeconds: 10 * DAY, toSeconds: 17 * DAY };

type Answers = Readonly<Record<string, readonly InstantSeries[]>>;

const series = (value: number, labels: Readonly<Record<string, string>>): InstantSeries => ({
  labels,
  value,
});
const of = (domain: string, value: number): InstantSeries => series(value, { domain });

/** Answers a query with the first entry whose key it contains. */
function prometheusOf(answers: Answers): Prometheus & { readonly asked: string[] } {
  const asked: string[] = [];
  const answer = (query: string): readonly InstantSeries[] => {
    asked.push(query);
    return Object.entries(answers).find(([text]) => query.includes(text))?.[1] ?? [];
  };
  return {
    asked,
    address: 'http://prometheus',
    warnings: new Set(),
    instant: (query) => Promise.resolve(answer(query)),
    range: (query, { startSeconds, endSeconds, stepSeconds }) =>
      Promise.resolve(
        answer(query).map(({ labels, value }) => ({
          labels,
          values: Array.from(
            { length: (endSeconds - startSeconds) / stepSeconds + 1 },
            (_, index) => [startSeconds + index * stepSeconds, value] as const,
          ),
        })),
      ),
  };
}

const now = (domain: string, over: Readonly<Record<string, number>> = {}): InstantSeries[] =>
  Object.entries({
    libvirt_domain_info_state: 1,
    libvirt_domain_persistent: 1,
    libvirt_domain_vcpu_current: 8,
    libvirt_domain_vcpu_maximum: 12,
    libvirt_domain_info_maximum_memory_bytes: 16 * GIB,
    libvirt_domain_info_memory_usage_bytes: 12 * GIB,
    libvirt_domain_memory_stats_available_bytes: 11.5 * GIB,
    libvirt_domain_hugepages: 0,
    libvirt_domain_numa_cells: 0,
    ...over,
  }).map(([name, value]) => series(value, { __name__: name, domain }));

/** Keys are tried in this order, so more specific ones come first. */
const ANSWERS: Answers = {
  'quantile_over_time(0.95': [series(12, {})],
  'quantile_over_time(0.9,': [of('db', 0.03)],
  'max_over_time((max by (domain) ({__name__="domain:virtune_vcpu_time': [of('db', 5.5)],
  'domain:virtune_vcpu_time': [of('db', 4)],
  '[1d]': [of('db', 6 * GIB)],
  'count_over_time((max by (domain) ({__name__="libvirt_domain_memory_stats_used': [of('db', 2_016)],
  'max_over_time({__name__="libvirt_domain_memory_stats_used': [of('db', 7 * GIB)],
  last_update: [of('db', 50_000)],
  '> bool 20480': [of('db', 0.15)],
  swap_in: [of('db', 0.2)],
  usable: [of('db', 0.1)],
  disk_caches: [of('db', GIB)],
  'group by (domain, uuid)': [series(1, { domain: 'db', uuid: 'u1' })],
  '{__name__="libvirt_domain_info"': [series(1, { domain: 'db', uuid: 'u1' })],
  changes: [of('db', 0)],
  'state=\\"online\\"': [],
  libvirt_host_cpus: [series(32, {})],
  libvirt_host_memory_available: [series(40 * GIB, {})],
  libvirt_domain_info_state: [
    ...now('db'),
    series(128 * GIB, { __name__: 'libvirt_host_memory_bytes', kind: 'total' }),
  ],
};

const read = (over: Answers = {}) => readUsage(prometheusOf({ ...over, ...ANSWERS, ...over }), RANGE);
const vmOf = async (over: Answers = {}): Promise<VmUsage> =>
  (await read(over)).vms[0] ?? expect.unreachable();

test('what a VM has and used is put together from the series of its host', async () => {
  const usage = await read();
  expect(usage).toMatchObject({
    instance: 'kvm1:9177',
    cpus: 32,
    demandP95Cpus: 12,
    memoryBytes: 128 * GIB,
    availableBytes: 40 * GIB,
    fromSeconds: 10 * DAY,
    toSeconds: 17 * DAY,
  });
  const [vm] = usage.vms;
  expect(vm).toMatchObject({
    uuid: 'u1',
    name: 'db',
    vcpus: 8,
    maximumVcpus: 12,
    maximumBytes: 16 * GIB,
    currentBytes: 12 * GIB,
    isOnHugePages: false,
    isTransient: false,
    isMemoryFixed: false,
    guestCells: 0,
    hasTopology: false,
    unsure: undefined,
    cpu: { peakCpus: 5.5, stealP90: 0.03, knownSeconds: 7 * DAY },
    memory: {
      peakBytes: 7 * GIB,
      cacheBytes: GIB,
      swappingShare: 0.2,
      starvedShare: 0.15,
      lowShare: 0.1,
      unseenBytes: 0.5 * GIB,
      knownSeconds: 7 * DAY,
    },
  });
  expect(vm?.cpu?.demand).toHaveLength(2_016);
  expect(vm?.memory?.dailyPeaks.map(({ atSeconds }) => atSeconds / DAY)).toEqual([
    11, 12, 13, 14, 15, 16, 17,
  ]);
});

test('each query is about this host and job alone', async () => {
  const prometheus = prometheusOf(ANSWERS);
  await readUsage(prometheus, RANGE);
  expect(prometheus.asked.length).toBeGreaterThan(14);
  for (const query of prometheus.asked) {
    const selectors = query.match(/\{[^}]*\}/g) ?? [];
    expect(selectors.length).toBeGreaterThan(0);
    for (const each of selectors) expect(each).toContain(`job=~"virtune.*", instance=~"kvm1:9177"`);
  }
});

test('a range of many days is asked for with fewer points than Prometheus gives', async () => {
  const { vms } = await readUsage(prometheusOf(ANSWERS), { ...RANGE, fromSeconds: 0, toSeconds: 90 * DAY });
  expect(vms[0]?.cpu?.demand).toHaveLength(8_640);
  expect(vms[0]?.cpu?.knownSeconds).toBe(90 * DAY);
});

test('huge pages, cells and a topology of the guest are seen', async () => {
  const found = await vmOf({
    libvirt_domain_info_state: now('db', {
      libvirt_domain_hugepages: 1,
      libvirt_domain_hugepage_size_bytes: GIB,
      libvirt_domain_numa_cells: 2,
      libvirt_domain_cpu_sockets: 1,
    }),
  });
  expect(found).toMatchObject({ isOnHugePages: true, hugePageBytes: GIB, guestCells: 2, hasTopology: true });
});

test('a VM without a definition, locked memory and devices of the host are seen', async () => {
  const withNow = (over: Readonly<Record<string, number>>) =>
    vmOf({ libvirt_domain_info_state: now('db', over) });
  expect(await withNow({ libvirt_domain_persistent: 0 })).toMatchObject({ isTransient: true });
  expect(await withNow({ libvirt_domain_persistent: Number.NaN })).toMatchObject({ isTransient: false });
  expect(await withNow({ libvirt_domain_vcpu_maximum: Number.NaN })).toMatchObject({
    maximumVcpus: undefined,
  });
  expect(await withNow({ libvirt_domain_memory_locked: 1 })).toMatchObject({ isMemoryFixed: true });
  expect(await withNow({ libvirt_domain_memory_locked: 0 })).toMatchObject({ isMemoryFixed: false });
  const features = (label: string) =>
    series(1, { __name__: 'libvirt_domain_features_info', domain: 'db', [label]: '1' });
  const withFeatures = (label: string) =>
    vmOf({ libvirt_domain_info_state: [...now('db'), features(label)] });
  expect(await withFeatures('host_devices')).toMatchObject({ isMemoryFixed: true });
  expect(await withFeatures('tpm')).toMatchObject({ isMemoryFixed: false });
});

test('without the group tuning, the layout of a VM is not known', async () => {
  const without = now('db').filter(({ labels }) => labels['__name__'] !== 'libvirt_domain_hugepages');
  expect(await vmOf({ libvirt_domain_info_state: without })).toMatchObject({ isLayoutKnown: false });
  expect(await vmOf()).toMatchObject({ isLayoutKnown: true });
});

test('VMs that do not run, and those of which too little is known, are left out', async () => {
  for (const over of [
    { libvirt_domain_info_state: 5 },
    { libvirt_domain_info_state: 3 },
    { libvirt_domain_vcpu_current: Number.NaN },
    { libvirt_domain_info_maximum_memory_bytes: Number.NaN },
  ])
    expect((await read({ libvirt_domain_info_state: now('db', over) })).vms, JSON.stringify(over)).toEqual(
      [],
    );
  expect((await read({ '{__name__="libvirt_domain_info"': [] })).vms).toEqual([]);
  expect(
    (await read({ libvirt_domain_info_state: now('db', { libvirt_domain_info_state: 2 }) })).vms,
  ).toHaveLength(1);
});

test('another VM with that name, or another size within the range, makes the range no evidence', async () => {
  const uuids = ['u0', 'u1'].map((uuid) => series(1, { domain: 'db', uuid }));
  expect((await vmOf({ 'group by (domain, uuid)': uuids })).unsure).toBe(
    'another VM had its name within the range',
  );
  expect((await vmOf({ 'changes({__name__="libvirt_domain_vcpu_current': [of('db', 1)] })).unsure).toBe(
    'its size was changed within the range',
  );
});

test('a guest whose figures stand still, or that has none, is not known', async () => {
  expect((await vmOf({ last_update: [of('db', 100)] })).memory?.knownSeconds).toBe(0);
  expect((await vmOf({ last_update: [of('db', 152)] })).memory?.knownSeconds).toBe(7 * DAY);
  expect((await vmOf({ last_update: [] })).memory?.knownSeconds).toBe(0);
  expect(
    (await vmOf({ 'max_over_time({__name__="libvirt_domain_memory_stats_used': [] })).memory,
  ).toBeUndefined();
});

test('without demand there are no figures of CPU', async () => {
  expect((await vmOf({ 'domain:virtune_vcpu_time': [] })).cpu).toBeUndefined();
});

const found = (named: string | undefined, ...instances: readonly string[]) =>
  findHost(prometheusOf({ libvirt_host_cpus: instances.map((instance) => series(1, { instance })) }), {
    ...RANGE,
    named,
  });

test('a host is found by its instance, with or without the port, and the only one without a name', async () => {
  expect(await found(undefined, 'a:1')).toEqual({ instance: 'a:1' });
  expect(await found('b', 'a:1', 'b:1')).toEqual({ instance: 'b:1' });
  expect(await found('b:1', 'b', 'b:1')).toEqual({ instance: 'b:1' });
  expect(await found('b', 'b', 'b:1')).toEqual({ instance: 'b' });
  expect(await found('fd00::1', '[fd00::1]:9177', 'a:1')).toEqual({ instance: '[fd00::1]:9177' });
});

test('of several hosts a user chooses, and one that is not there is an error that lists those that are', async () => {
  expect(await found(undefined, 'b:1', 'a:1')).toEqual({ choose: ['a:1', 'b:1'] });
  expect(await found('a', 'a:2', 'a:1')).toEqual({ choose: ['a:1', 'a:2'] });
  const many = Array.from({ length: 12 }, (_, index) => `kvm${10 + index}:1`);
  expect(await found(undefined, ...many)).toEqual({ choose: [...many.slice(0, 10), '2 more'] });
  await expect(found('c', 'a:1')).rejects.toThrow(
    'has no virtune host (libvirt_host_cpus) with the instance "c" with a job that matches virtune.* within 7d; it has a:1; choose one with --instance',
  );
  await expect(found(undefined)).rejects.toMatchObject({
    code: 'PROMETHEUS_NO_SERIES',
    message: expect.stringContaining("scrape virtune's exporters, or set --job"),
  });
});
