import { expect, test } from 'vitest';
import { historyOf } from '../../../../advice/fleet/read/history.ts';
import { fleetHost, hostFacts } from '../../../../advice/fleet/read/host.ts';
import { Snapshot } from '../../../../advice/fleet/read/snapshot.ts';
import { fleetVm, type VmFacts, vmFacts } from '../../../../advice/fleet/read/vm.ts';
import { GIB } from '../made-fleet.ts';

type Figures = Readonly<
  Record<string, number | readonly [Readonly<Record<string, string>>, number] | undefined>
>;

function snapshot(figures: Figures): Snapshot {
  const made = new Snapshot();
  for (const [name, figure] of Object.entries(figures)) {
    if (figure === undefined) continue;
    const [labels, value] = typeof figure === 'number' ? [{}, figure] : figure;
    made.add({ labels: { __name__: name, ...labels }, value });
  }
  return made;
}

const VM: Figures = {
  libvirt_domain_info_state: [{ state_desc: 'running' }, 1],
  libvirt_domain_vcpu_current: 4,
  libvirt_domain_info_maximum_memory_bytes: 16 * GIB,
  libvirt_domain_info_memory_usage_bytes: 12 * GIB,
  libvirt_domain_memory_stats_rss_bytes: 6 * GIB,
  libvirt_domain_vcpus_pinned: 0,
  libvirt_domain_persistent: 0,
  libvirt_domain_tuning_info: [{ cpu_mode: 'custom', cpu_model: 'x86-64-v3' }, 1],
};
const OPTIONS = { sharedStorage: [], labels: new Set(['project_name']) };
const factsOf = (more: Figures) => vmFacts(snapshot({ ...VM, ...more }), [], OPTIONS);
const facts = (more: Figures = {}) => factsOf(more) as VmFacts;
const demand = { demandCpus: new Float32Array(24).fill(1), hoursKnown: 168, varianceBetweenHours: 0.25 };
const history = { demand, variance: 1, residentBytes: 7 * GIB };
const named = { uuid: 'u', name: 'n' };

test('a VM has its demand, bursts within the hour, and the most memory that was resident', () => {
  expect(fleetVm(named, facts(), history, false)).toMatchObject({
    vcpus: 4,
    demandCpus: demand.demandCpus,
    burstVariance: 0.75,
    maximumBytes: 16 * GIB,
    neededBytes: 7 * GIB,
    hugePageBytes: 0,
    isPersistent: false,
    cpuMode: 'custom',
    cpuModel: 'x86-64-v3',
    stays: undefined,
  });
});

test('on a host that swaps, and where resident memory is not known, a VM needs its whole balloon', () => {
  const needed = (residentBytes: number | undefined, isSwapping: boolean) =>
    fleetVm(named, facts(), { ...history, residentBytes }, isSwapping)?.neededBytes;
  expect(needed(7 * GIB, true)).toBe(12 * GIB);
  expect(needed(undefined, false)).toBe(12 * GIB);
  expect(needed(13 * GIB, true)).toBe(13 * GIB);
});

test('memory on huge pages does not count as ordinary memory', () => {
  expect(fleetVm(named, facts({ libvirt_domain_hugepages: 1 }), history, true)).toMatchObject({
    hugePageBytes: 16 * GIB,
    maximumBytes: 0,
    neededBytes: 7 * GIB,
  });
});

test('a VM starts with its host always, once or never, as far as libvirt listed it', () => {
  const autostart = (figures: Figures) => facts(figures).autostart;
  expect(autostart({})).toBeUndefined();
  expect(autostart({ libvirt_domain_autostart: 0 })).toBe('never');
  expect(autostart({ libvirt_domain_autostart: 0, libvirt_domain_autostart_once: 1 })).toBe('once');
  expect(autostart({ libvirt_domain_autostart: 1, libvirt_domain_autostart_once: 0 })).toBe('always');
});

test('a VM is pinned if any of its vCPUs is', () => {
  expect(
    [0, 1, 4].map((libvirt_domain_vcpus_pinned) => facts({ libvirt_domain_vcpus_pinned }).isPinned),
  ).toEqual([false, true, true]);
});

test('a VM that is off has no memory, and one that is paused has no demand', () => {
  expect(factsOf({ libvirt_domain_info_state: 5 })).toBeUndefined();
  const paused = fleetVm(named, facts({ libvirt_domain_info_state: 3 }), history, false);
  expect(paused).toMatchObject({ stays: 'it does not run', burstVariance: 0, neededBytes: 7 * GIB });
  expect(Array.from(paused?.demandCpus ?? [])).toEqual(Array(24).fill(0));
});

test('a running VM without demand, vCPUs or memory is not planned with', () => {
  expect(fleetVm(named, facts(), { ...history, demand: undefined }, false)).toBeUndefined();
  expect(factsOf({ libvirt_domain_vcpu_current: undefined })).toBe('libvirt_domain_vcpu_current');
  expect(factsOf({ libvirt_domain_info_maximum_memory_bytes: Number.NaN })).toBe(
    'libvirt_domain_info_maximum_memory_bytes',
  );
});

test.each<[string, Figures]>([
  ['it drives devices of its host', { libvirt_domain_features_info: [{ host_devices: '2' }, 1] }],
  [
    'its memory is encrypted (confidential computing)',
    { libvirt_domain_features_info: [{ launch_security: 'sev' }, 1] },
  ],
  ["it uses its host's TPM", { libvirt_domain_features_info: [{ tpm: 'passthrough' }, 1] }],
  [
    'it has a disk on its host alone',
    { libvirt_domain_block_stats_info: [{ disk_type: 'file', source_file: '/a' }, 1] },
  ],
  ['libvirt does not migrate a VM with snapshots', { libvirt_domain_snapshots: 1 }],
  ['a job of libvirt is running on it', { libvirt_domain_job_active: [{ operation: 'backup' }, 1] }],
  ['it does not respond', { virtune_domain_outcome: [{ outcome: 'unresponsive' }, 1] }],
  ['its pins and devices are not exported (group tuning)', { libvirt_domain_vcpus_pinned: undefined }],
])('a VM stays: %s', (reason, more) => {
  expect(facts(more).stays).toBe(reason);
});

test('what is over or does not matter keeps no VM where it is', () => {
  const harmless: Figures = {
    libvirt_domain_features_info: [{ tpm: '2.0', memory_source: 'memfd' }, 1],
    libvirt_domain_job_active: [{ operation: 'backup' }, 0],
    virtune_domain_outcome: [{ outcome: 'fresh' }, 1],
    libvirt_domain_snapshots: 0,
  };
  expect(facts(harmless).stays).toBeUndefined();
  expect(fleetVm(named, facts(), { ...history, demand: { ...demand, hoursKnown: 5 } }, false)?.stays).toBe(
    'less than 6 hours of its demand are known',
  );
});

test('of metadata only labels that constraints use are kept', () => {
  const openstack: Figures = { libvirt_domain_openstack_info: [{ project_name: 'shop', user_name: 'x' }, 1] };
  expect([...facts(openstack).labels]).toEqual([['project_name', 'shop']]);
});

const HOST: Figures = {
  libvirt_host_cpus: [{ state: 'online' }, 16],
  'instance:virtune_host_memory_ordinary:bytes': 100 * GIB,
  'instance:virtune_host_memory_available:ratio': 0.25,
  libvirt_host_memory_bytes: [{ kind: 'hugepages' }, 8 * GIB],
  libvirt_host_cpu_info: [{ arch: 'x86_64', model: 'EPYC' }, 1],
};

test('a host uses what is not available and not of its VMs', () => {
  const now = snapshot(HOST);
  const of = hostFacts(now);
  if (typeof of === 'string') expect.unreachable();
  else {
    expect(
      fleetHost('["prod","virtune","kvm1:9177"]', now, of, [], 60 * GIB, {
        contention: 0.1,
        shortfallCpus: 2,
      }),
    ).toMatchObject({
      cluster: 'prod',
      instance: 'kvm1:9177',
      cpus: 16,
      dedicatedCpus: 0,
      memoryBytes: 100 * GIB,
      ownMemoryBytes: 15 * GIB,
      hugePageBytes: 8 * GIB,
      cpuModel: 'EPYC',
      isInMaintenance: false,
      measuredContention: 0.1,
      measuredShortfallCpus: 2,
    });
  }
});

test('a host is in maintenance while the rules say so, whose value is the time at which they found it', () => {
  const now = snapshot({ ...HOST, 'instance:virtune_host_maintenance:last': 1.8e9 });
  const of = hostFacts(now);
  if (typeof of === 'string') expect.unreachable();
  else expect(fleetHost('["a","virtune","kvm1"]', now, of, [], 0, {}).isInMaintenance).toBe(true);
});

test.each([
  'libvirt_host_cpus',
  'instance:virtune_host_memory_ordinary:bytes',
  'instance:virtune_host_memory_available:ratio',
])('a host without %s is left out', (name) => {
  expect(hostFacts(snapshot({ ...HOST, [name]: undefined }))).toContain(name);
});

test('a host swaps if it reads many pages and tasks wait for memory or I/O, as HostSwappingIn has it', () => {
  const swaps = (pages: number, some: Readonly<Record<string, number>> = {}): boolean => {
    const now = snapshot({ ...HOST, 'instance:virtune_host_swapped_in_pages:rate5m': pages });
    const __name__ = 'instance:virtune_host_pressure:ratio_rate5m';
    for (const [resource, value] of Object.entries(some))
      now.add({ labels: { __name__, resource, share: 'some' }, value });
    now.add({ labels: { __name__, resource: 'memory', share: 'full' }, value: 0.5 });
    const of = hostFacts(now);
    return typeof of === 'string' ? expect.unreachable(of) : of.isSwapping;
  };
  const calm = { cpu: 0.001, memory: 0.001, io: 0.001 };
  expect(swaps(500, calm)).toBe(false);
  expect(swaps(500, { ...calm, memory: 0.2 })).toBe(true);
  expect(swaps(500, { ...calm, io: 0.2 })).toBe(true);
  expect(swaps(50, { ...calm, memory: 0.2, io: 0.2 })).toBe(false);
  // zram on a host with overcommitted CPUs.
  expect(swaps(500, { ...calm, cpu: 0.9 })).toBe(false);
  // Without PSI every swap-in counts.
  expect(swaps(500)).toBe(true);
});

test('the history of a VM is that of all hosts that it was on', () => {
  const { NaN: none } = Number;
  const half = (first: number, second: number) =>
    Float32Array.from({ length: 48 }, (_, hour) => (hour < 24 ? first : second));
  const of = historyOf(
    [
      { vms: [], demand: new Map([['a', half(3, none)]]), resident: new Map([['a', 5]]) },
      {
        vms: [],
        demand: new Map([
          ['a', half(none, 1)],
          ['b', demand],
        ] as [string, Float32Array | typeof demand][]),
        resident: new Map([['a', 4]]),
      },
    ],
    { nowSeconds: 48 * 3_600, rangeSeconds: 48 * 3_600 },
  );
  expect(of('a', 2)).toMatchObject({ variance: 2, residentBytes: 5, demand: { hoursKnown: 48 } });
  expect(Array.from(of('a', 2).demand?.demandCpus ?? [])).toEqual(Array(24).fill(3));
  expect(of('b', undefined)).toEqual({ demand, variance: undefined, residentBytes: undefined });
  expect(of('c', undefined).demand).toBeUndefined();
});
