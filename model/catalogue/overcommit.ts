import { contentionRatio, cpuShortfall } from '../overcommit.ts';
import { kibToBytes } from '../units.ts';
import { flag, type Group, PAGE_SIZES, type Point } from './metric.ts';

/** How much of the host is allocated, and whether it hurts. */
export const overcommitGroup = {
  name: 'overcommit',
  help: 'CPU and memory overcommit of the host, and the CPU contention it causes.',
  byDefault: true,
  costs: 'None: computed from other groups.',
  metrics: [
    {
      per: 'overcommit',
      type: 'gauge',
      name: 'libvirt_host_vcpus',
      help: 'vCPUs by state: of running VMs, of VMs that hold memory but do not run (paused, suspended, crashed and preserved), and of all defined VMs.',
      labels: ['state'],
      values: { state: ['running', 'paused', 'defined'] },
      points: function* ({ vcpusRunning, vcpusPaused, vcpusDefined }): Generator<Point> {
        yield [['running'], vcpusRunning];
        if (vcpusPaused !== undefined) yield [['paused'], vcpusPaused];
        yield [['defined'], vcpusDefined];
      },
    },
    {
      per: 'overcommit',
      type: 'gauge',
      name: 'libvirt_host_vcpu_overcommit_ratio',
      help: 'vCPU:pCPU ratio of the host: vCPUs of running VMs (not paused ones) and of all defined VMs, per online CPU.',
      labels: ['state'],
      values: { state: ['running', 'defined'] },
      points: function* ({ vcpuRatio, vcpuRatioDefined }): Generator<Point> {
        if (vcpuRatio !== undefined) yield [['running'], vcpuRatio];
        if (vcpuRatioDefined !== undefined) yield [['defined'], vcpuRatioDefined];
      },
    },
    {
      per: 'overcommit',
      type: 'gauge',
      name: 'libvirt_host_memory_promised_bytes',
      help: 'Memory allocated to running and paused VMs, in bytes: maximum, current, and parts of the maximum: on huge pages; held by paused copies during a migration (the other copy counts on another host); and both (migrating_hugepages).',
      labels: ['kind'],
      values: { kind: ['maximum', 'current', 'migrating', 'hugepages', 'migrating_hugepages'] },
      points: function* (of): Generator<Point> {
        for (const [kind, kib] of [
          ['maximum', of.memoryMaximumKiB],
          ['current', of.memoryCurrentKiB],
          ['migrating', of.memoryMigratingKiB],
          ['hugepages', of.memoryHugepagesKiB],
          ['migrating_hugepages', of.memoryMigratingHugepagesKiB],
        ] as const) {
          if (kib !== undefined) yield [[kind], kibToBytes(kib)];
        }
      },
    },
    {
      per: 'overcommit',
      type: 'gauge',
      name: 'libvirt_host_memory_overcommit_ratio',
      help: 'Memory overcommit of the host: maximum or current memory of running and paused VMs / memory of the host. Huge pages are excluded from both: they are fully allocated and cannot be overcommitted.',
      labels: ['kind'],
      values: { kind: ['maximum', 'current'] },
      points: function* ({ memoryMaximumRatio, memoryCurrentRatio }): Generator<Point> {
        if (memoryMaximumRatio !== undefined) yield [['maximum'], memoryMaximumRatio];
        if (memoryCurrentRatio !== undefined) yield [['current'], memoryCurrentRatio];
      },
    },
    {
      per: 'overcommit',
      type: 'gauge',
      name: 'libvirt_host_cpus_dedicated',
      help: 'Dedicated CPUs of the host: pins confine vCPUs of running and paused VMs to them (to one CPU, one core, or no more CPUs than vCPUs).',
      needs: "the host's capabilities",
      read: ({ cpusDedicated }) => cpusDedicated,
    },
    {
      per: 'overcommit',
      type: 'gauge',
      name: 'libvirt_host_cpus_dedicated_twice',
      help: 'CPUs of the host that are dedicated to more than one vCPU.',
      read: ({ cpusDedicatedTwice }) => cpusDedicatedTwice,
    },
    {
      per: 'overcommit',
      type: 'gauge',
      name: 'libvirt_host_hugepages_wanted',
      help: 'Huge pages needed by VMs that are off but will start again (autostart, managed save image, or crashed), by size and NUMA cell.',
      labels: ['size', 'cell'],
      values: { size: PAGE_SIZES },
      needs: 'a page size given in the XML of such a VM',
      points: function* ({ hugepages }): Generator<Point> {
        for (const { sizeKiB, cell, wanted } of hugepages) {
          yield [[`${sizeKiB}KiB`, cell?.toString() ?? 'any'], wanted];
        }
      },
    },
    {
      per: 'overcommit',
      type: 'gauge',
      name: 'libvirt_host_hugepages_missing',
      help: 'Huge page shortfall of these VMs: wanted less free, at least 0.',
      labels: ['size', 'cell'],
      values: { size: PAGE_SIZES },
      needs: 'the host group, and a page size given in the XML of such a VM',
      points: function* ({ hugepages }): Generator<Point> {
        for (const { sizeKiB, cell, wanted, free } of hugepages) {
          if (free === undefined) continue;
          yield [[`${sizeKiB}KiB`, cell?.toString() ?? 'any'], Math.max(0, wanted - free)];
        }
      },
    },
    {
      per: 'overcommit',
      type: 'gauge',
      name: 'libvirt_storage_pool_provisioned_bytes',
      help: 'Provisioned size of VM disks with images in the pool, in bytes.',
      labels: ['storage_pool'],
      needs: 'the pool and block groups, and a disk of a VM in the pool',
      points: ({ pools }): Point[] => pools.map(({ pool, provisionedBytes }) => [[pool], provisionedBytes]),
    },
    {
      per: 'contention',
      type: 'gauge',
      name: 'libvirt_host_vcpu_contention_ratio',
      help: 'CPU contention since the previous sample: share of CPU demand that was not served, delay / (delay + run).',
      needs: 'a second sample; absent without CPU demand',
      read: contentionRatio,
    },
    {
      per: 'contention',
      type: 'gauge',
      name: 'libvirt_host_vcpu_delay_cpus',
      help: 'CPU shortfall since the previous sample, in CPUs: seconds of delay per second.',
      needs: 'a second sample',
      read: cpuShortfall,
    },
    {
      per: 'fit',
      type: 'gauge',
      name: 'libvirt_domain_wider_than_host',
      help: '1 when the domain has more vCPUs than the host has online CPUs.',
      read: ({ widerThanHost }) => flag(widerThanHost),
    },
    {
      per: 'fit',
      type: 'gauge',
      name: 'libvirt_domain_wider_than_numa_cell',
      help: '1 when the domain has more vCPUs than the largest NUMA cell of the host has CPUs.',
      read: ({ widerThanCell }) => flag(widerThanCell),
    },
  ],
} as const satisfies Group;
