import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { constraintsOf } from '../../advice/fleet/constraints.ts';
import { planFleet } from '../../advice/fleet/plan.ts';
import type { ReadOptions } from '../../advice/fleet/read/options.ts';
import { readFleet } from '../../advice/fleet/read/read-fleet.ts';
import { openPrometheus, type Prometheus } from '../../sampler/prometheus/prometheus.ts';
import { runVirtune } from '../virtune-process.ts';
import { until } from './lab/run.ts';
import { freePort } from './otlp-receivers/receivers.ts';
import type { HostCondition } from './stack/fake-proc.ts';
import { startPrometheus } from './stack/prometheus.ts';
import { type RecordedPrometheus, type RecordedSeries, startRecorded } from './stack/recorded-fleet.ts';
import { watchHost } from './stack/simulated-host.ts';

const GIB = 1024 ** 3;
/** Factor by which durations of the rules are shortened: rates are over 15 s. */
const FASTER = 20;
const DAY = 86_400;
const DAYS = 3;
const now = Math.floor(Date.now() / 1_000);
const HOSTILE = '--help"; rm -rf ~ #\u202e';

interface Vm {
  readonly name: string;
  readonly uuid: string;
  readonly vcpus: number;
  /** CPUs by hour of the day. */
  readonly demand: (hour: number) => number;
  readonly gib: number;
  /** Further series with a current value, by name: labels and value. */
  readonly more?: Readonly<Record<string, readonly [Readonly<Record<string, string>>, number]>>;
  /** Whether it was on this host at that time. */
  readonly wasThere?: (seconds: number) => boolean;
}

const hourOf = (seconds: number): number => Math.floor(seconds / 3_600) % 24;
const uuidOf = (id: number): string => `00000000-0000-4000-8000-${String(id).padStart(12, '0')}`;
const always = () => true;

function vmSeries(host: Readonly<Record<string, string>>, vm: Vm): RecordedSeries[] {
  const { name, uuid, vcpus, demand, gib, more = {}, wasThere = always } = vm;
  const labels = { ...host, domain: name };
  const of = (
    series: string,
    value: (seconds: number) => number,
    extra: Readonly<Record<string, string>> = {},
  ) => ({
    name: series,
    labels: { ...labels, ...extra },
    at: (seconds: number) => (wasThere(seconds) ? value(seconds) : undefined),
  });
  const disk = { target_device: 'vda', device: 'disk', disk_type: 'network', source_file: `rbd:vms/${uuid}` };
  const facts: Vm['more'] = {
    libvirt_domain_info_state: [{ state_desc: 'running' }, 1],
    libvirt_domain_info: [{ uuid }, 1],
    libvirt_domain_vcpu_current: [{}, vcpus],
    libvirt_domain_info_maximum_memory_bytes: [{}, gib * GIB],
    libvirt_domain_info_memory_usage_bytes: [{}, gib * GIB],
    libvirt_domain_memory_stats_rss_bytes: [{}, gib * GIB * 0.8],
    libvirt_domain_hugepages: [{}, 0],
    libvirt_domain_vcpus_pinned: [{}, 0],
    libvirt_domain_persistent: [{}, 1],
    libvirt_domain_autostart: [{}, 1],
    libvirt_domain_tuning_info: [{ type: 'kvm', cpu_mode: 'host-model' }, 1],
    libvirt_domain_block_stats_info: [disk, 1],
    ...more,
  };
  return [
    of('domain:virtune_vcpu_time:sum_rate5m', (seconds) => demand(hourOf(seconds)) * 0.9),
    of('domain:virtune_vcpu_delay:sum_rate5m', (seconds) => demand(hourOf(seconds)) * 0.1),
    ...Object.entries(facts).map(([series, [extra, value]]) => of(series, () => value, extra)),
  ];
}

interface Host {
  readonly name: string;
  readonly vms: readonly Vm[];
  readonly without?: readonly string[];
  readonly isGone?: boolean;
  readonly cluster?: string;
}

function hostSeries({ name, vms, without = [], isGone = false, cluster = 'prod' }: Host): RecordedSeries[] {
  const host = { cluster, job: 'virtune', instance: `${name}:9177` };
  const of = (
    series: string,
    value: number,
    extra: Readonly<Record<string, string>> = {},
  ): RecordedSeries => ({
    name: series,
    labels: { ...host, ...extra },
    at: (seconds) => (isGone && seconds > now - 7_200 ? undefined : value),
  });
  return [
    of('libvirt_host_cpus', 16, { state: 'online' }),
    of('libvirt_host_cpus_dedicated', 0),
    of('libvirt_host_cpu_info', 1, { arch: 'x86_64', model: 'Cascadelake-Server' }),
    of('libvirt_host_memory_bytes', 0, { kind: 'hugepages' }),
    of('instance:virtune_host_memory_ordinary:bytes', 128 * GIB),
    of('instance:virtune_host_memory_available:ratio', 0.5),
    of('instance:virtune_host_swapped_in_pages:rate5m', 0),
    of('instance:virtune_vcpu_contention:ratio_rate5m', 0.1),
    of('instance:virtune_vcpu_delay:sum_rate5m', 1.5),
    ...vms.flatMap((vm) => vmSeries(host, vm)),
  ].filter((series) => !without.includes(series.name));
}

const office = (cpus: number) => (hour: number) => (hour >= 8 && hour < 18 ? cpus : 0.5);
let id = 0;
const vm = (name: string, over: Partial<Vm> = {}): Vm => ({
  name,
  uuid: uuidOf(++id),
  vcpus: 8,
  demand: office(6),
  gib: 8,
  ...over,
});
/** It moved to kvm2 a day ago: its demand is recorded on both hosts. */
const moved = vm('moved', { demand: () => 2 });
const movedAt = now - DAY;

const HOSTS: readonly Host[] = [
  {
    name: 'kvm1',
    vms: [
      vm('gpu', {
        gib: 4,
        demand: office(4),
        more: { libvirt_domain_features_info: [{ host_devices: '1' }, 1] },
      }),
      vm('pinned', { gib: 4, demand: office(4), more: { libvirt_domain_vcpus_pinned: [{}, 8] } }),
      vm('local', {
        gib: 4,
        demand: office(4),
        more: {
          libvirt_domain_block_stats_info: [
            {
              target_device: 'vda',
              device: 'disk',
              disk_type: 'file',
              source_file: '/var/lib/libvirt/images/a',
            },
            1,
          ],
        },
      }),
      vm(HOSTILE),
      { ...moved, wasThere: (seconds) => seconds < movedAt },
    ],
  },
  {
    name: 'kvm2',
    vms: [vm('quiet', { demand: () => 1 }), { ...moved, wasThere: (seconds) => seconds >= movedAt }],
  },
  { name: 'kvm3', vms: [], without: ['instance:virtune_host_memory_available:ratio'] },
  { name: 'kvm4', vms: [], isGone: true },
  { name: 'kvm5', vms: [vm('silent')], without: ['domain:virtune_vcpu_delay:sum_rate5m'] },
  { name: 'kvm6', vms: [], cluster: 'other' },
];

const PATIENT = { timeoutMs: 60_000, ifSlow: 'wait' };
const READ: ReadOptions = {
  nowSeconds: now,
  rangeSeconds: DAYS * DAY,
  job: 'virtune.*',
  clusterLabel: 'cluster',
  sharedStorage: [],
  labels: new Set(),
};

let prometheus: RecordedPrometheus;
const folder = mkdtempSync(join(tmpdir(), 'virtune-fleet-'));
beforeAll(async () => {
  prometheus = await startRecorded(HOSTS.flatMap(hostSeries), {
    startSeconds: now - DAYS * DAY,
    endSeconds: now,
  });
});
afterAll(async () => {
  await prometheus?.stop();
  rmSync(folder, { recursive: true });
});

const advise = (...args: readonly string[]) =>
  runVirtune('advise', '--fleet', '--prometheus', prometheus.url, '--range', `${DAYS}d`, ...args);
const adviseJson = async (...args: readonly string[]) => JSON.parse((await advise('--json', ...args)).stdout);

test('hosts and VMs are read from a real Prometheus, with the hours at which they are busy', async () => {
  const { fleet, leftOut, warnings } = await readFleet(openPrometheus(prometheus.url, PATIENT), READ);
  expect(warnings).toEqual([]);
  expect(fleet.hosts.map(({ instance }) => instance).sort()).toEqual(['kvm1:9177', 'kvm2:9177', 'kvm6:9177']);
  expect(leftOut).toMatchObject([
    { instance: 'kvm3:9177', reason: expect.stringContaining('available memory') },
    { instance: 'kvm4:9177', reason: expect.stringContaining('no series now') },
    { instance: 'kvm5:9177', reason: expect.stringContaining('no CPU figures of VM "silent"') },
  ]);
  const kvm1 = fleet.hosts.find(({ instance }) => instance === 'kvm1:9177') ?? expect.unreachable();
  expect(kvm1).toMatchObject({
    cluster: 'prod',
    cpus: 16,
    cpuModel: 'Cascadelake-Server',
    memoryBytes: 128 * GIB,
  });
  // 64 GiB used, of which VMs account for 0.8 x (4 + 4 + 4 + 8).
  expect(kvm1.ownMemoryBytes / GIB).toBeCloseTo(48, 5);
  expect(kvm1.measuredContention).toBeCloseTo(0.1, 5);
  expect(kvm1.measuredShortfallCpus).toBeCloseTo(1.5, 5);
  const hostile = kvm1.vms.find(({ name }) => name === HOSTILE) ?? expect.unreachable();
  expect(hostile.demandCpus[12]).toBeCloseTo(6, 1);
  expect(hostile.demandCpus[3]).toBeCloseTo(0.5, 1);
  expect(Object.fromEntries(kvm1.vms.map(({ name, stays }) => [name, stays]))).toEqual({
    gpu: 'it drives devices of its host',
    local: 'it has a disk on its host alone',
    pinned: undefined,
    [HOSTILE]: undefined,
  });
  const kvm2 = fleet.hosts.find(({ instance }) => instance === 'kvm2:9177');
  const both = kvm2?.vms.find(({ name }) => name === 'moved');
  // Two days of its history are on the other host.
  expect(Array.from(both?.demandCpus ?? []).map((cpus) => Math.round(cpus))).toEqual(Array(24).fill(2));
});

test('the plan moves the one VM that may move, and a second plan would move none', async () => {
  const { moves, hosts, clusters } = await adviseJson();
  expect(moves).toMatchObject([{ name: HOSTILE, from: 'kvm1:9177', to: 'kvm2:9177', why: 'CPU contention' }]);
  expect(hosts.find((host: { instance: string }) => host.instance === 'kvm1:9177')).toMatchObject({
    state: 'relieved',
    before: { contention: expect.closeTo(0.15, 1) },
  });
  expect(clusters).toHaveLength(2);
});

test('the label of clusters may have another name', async () => {
  // No host has the label: all form one cluster, and the empty host of "other" is the best target.
  const { moves } = await adviseJson('--cluster-label', 'rack');
  expect(moves).toMatchObject([{ name: HOSTILE, cluster: '', to: 'kvm6:9177' }]);
});

test('as text it names hour, hosts and reasons, and a name cannot command the terminal', async () => {
  const { stdout, code } = await advise();
  expect(code).toBe(0);
  expect(stdout).toContain('1 move, in this order');
  expect(stdout).toMatch(/prod\/kvm1:9177 +kvm2:9177 .*CPU contention \d+\.\d % at \d\d:00 UTC -> /);
  expect(stdout).toContain('\\u{202e}');
  expect(stdout).toContain('prod/kvm4:9177: no series now');
});

test('as virsh commands it names VMs by UUID, and shells read it', async () => {
  const { stdout } = await advise('--virsh');
  const uuid = HOSTS[0]?.vms.find(({ name }) => name === HOSTILE)?.uuid;
  expect(stdout).toContain(
    [
      `virsh -c qemu+ssh://kvm1/system migrate --live --persistent --undefinesource --verbose ${uuid} qemu+ssh://kvm2/system`,
      `virsh -c qemu+ssh://kvm2/system autostart ${uuid}`,
      '',
    ].join('\n'),
  );
});

test('constraints of a file hold, and a fault in it is named by file and line', async () => {
  const path = join(folder, 'constraints.yaml');
  writeFileSync(path, 'stay: ["--help*"]\n');
  const { moves, hosts } = await adviseJson('--constraints', path);
  expect(moves).toEqual([]);
  expect(hosts.find((host: { instance: string }) => host.instance === 'kvm1:9177')).toMatchObject({
    state: 'over',
    reason: expect.stringContaining('none of its VMs can move'),
  });
  writeFileSync(path, 'headroom:\n  cpu: 120%\n');
  const wrong = await advise('--constraints', path);
  expect(wrong.code).toBe(64);
  expect(wrong.stderr).toContain(`${path}:2: headroom.cpu: expected a share such as 10% or 0.1, below 100%`);
});

test('a Prometheus that limits the samples of a query is asked for fewer hosts at a time', async () => {
  const limited = await startRecorded(HOSTS.flatMap(hostSeries), {
    startSeconds: now - DAYS * DAY,
    endSeconds: now,
    // Enough for one host, but not for all.
    flags: ['--query.max-samples=14000'],
  });
  try {
    const real = openPrometheus(limited.url, PATIENT);
    const rejected: string[] = [];
    const counting: Prometheus = {
      ...real,
      instant: (query, at) =>
        real.instant(query, at).catch((error: Error) => {
          rejected.push(error.message);
          throw error;
        }),
    };
    const { fleet, leftOut } = await readFleet(counting, READ);
    expect(rejected).toContainEqual(expect.stringContaining('query processing would load too many samples'));
    expect(fleet.hosts.find(({ instance }) => instance === 'kvm1:9177')?.vms).toHaveLength(4);
    expect(leftOut).toHaveLength(3);
  } finally {
    await limited.stop();
  }
});

test('a Prometheus without series of virtune says what is missing', async () => {
  const { code, stderr } = await advise('--job', 'other');
  expect(code).toBe(69);
  expect(stderr).toContain('has no virtune host (libvirt_host_cpus) with a job that matches other within 3d');
  expect(stderr).toContain('[PROMETHEUS_NO_SERIES]');
});

test('what exporters export and the rules record is all that a plan needs', async () => {
  const condition: HostCondition = {
    pressure: { cpu: { some: 0.2, full: 0 }, memory: { some: 0, full: 0 }, io: { some: 0, full: 0 } },
    busy: 0.9,
    swapInPagesPerSecond: 0,
    memoryGiB: 256,
    availableGiB: 110,
  };
  const hosts = [
    await watchHost('busy', 'overcommitted', FASTER, condition),
    await watchHost('calm', 'calm', FASTER, condition),
  ];
  const live = await startPrometheus({
    port: await freePort(),
    faster: FASTER,
    targets: hosts.map(({ name, target }) => ({
      job: 'virtune',
      address: target,
      labels: { instance: name, cluster: 'lab' },
    })),
  });
  try {
    const read = async () => {
      const nowSeconds = Math.floor(Date.now() / 1_000);
      return readFleet(openPrometheus(live.url, PATIENT), { ...READ, nowSeconds, rangeSeconds: 3_600 });
    };
    await until('demand of all VMs to be recorded', 90_000, async () => {
      const { fleet } = await read();
      return fleet.hosts.length === 2 && fleet.hosts.every(({ vms }) => vms.length > 0);
    });
    const { fleet, leftOut } = await read();
    expect(leftOut).toEqual([]);
    const busy = fleet.hosts.find(({ instance }) => instance === 'busy') ?? expect.unreachable();
    expect(busy.cpuModel).toMatch(/\w/);
    expect(busy.cpus).toBeGreaterThan(0);
    const running = busy.vms.filter(({ stays }) => stays !== 'it does not run');
    expect(running.length).toBeGreaterThan(10);
    for (const vm of running) {
      expect(vm.uuid, vm.name).toMatch(/^[0-9a-f-]{36}$/);
      expect(vm.vcpus).toBeGreaterThan(0);
      expect(vm.neededBytes + vm.hugePageBytes).toBeGreaterThan(0);
      expect(vm.cpuMode).toMatch(/\w/);
      // They have been known for only a minute, or there is another reason.
      expect(vm.isPinned || vm.stays !== undefined).toBe(true);
    }
    // Its VMs demand more than the host has; those of the calm host do not.
    const { hosts: verdicts } = planFleet(fleet, constraintsOf({}));
    expect(Object.fromEntries(verdicts.map(({ host, state }) => [host.instance, state]))).toEqual({
      busy: 'over',
      calm: 'calm',
    });
  } finally {
    await live.stop();
    for (const host of hosts) await host.stop();
  }
});
