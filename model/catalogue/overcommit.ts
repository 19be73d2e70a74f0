import { contentionRatio } from '../overcommit.ts';
import { kibToBytes, msToSeconds, nsToSeconds } from '../units.ts';
import { flag, type Group, PAGE_SIZES, type Point } from './metric.ts';

/** How much of the host is promised, and whether it hurts. */
export const overcommitGroup = {
  name: 'overcommit',
  help: 'What is promised to VMs against what the host has, and how long vCPUs wait because of it.',
  byDefault: true,
  costs: 'Nothing: reckoned from what the other groups bring.',
  metrics: [
    {
      per: 'overcommit',
      type: 'gauge',
      name: 'libvirt_host_vcpus',
      help: 'vCPUs of VMs that run, of VMs that hold memory but are stopped (paused, suspended, crashed and kept), and of all that are defined.',
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
      help: 'vCPUs for each online CPU of the host: of VMs that run, paused ones left out, and of all that are defined.',
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
      help: 'Memory of running and paused VMs, in bytes: the most that they may have, what they have now, and the part of that most which stopped copies of migrations hold (the other copy counts on another host).',
      labels: ['kind'],
      values: { kind: ['maximum', 'current', 'migrating'] },
      points: function* ({ memoryMaximumKiB, memoryCurrentKiB, memoryMigratingKiB }): Generator<Point> {
        yield [['maximum'], kibToBytes(memoryMaximumKiB)];
        yield [['current'], kibToBytes(memoryCurrentKiB)];
        if (memoryMigratingKiB !== undefined) yield [['migrating'], kibToBytes(memoryMigratingKiB)];
      },
    },
    {
      per: 'overcommit',
      type: 'gauge',
      name: 'libvirt_host_memory_overcommit_ratio',
      help: "Memory of running and paused VMs as a share of the host's: the most that they may have, and what they have now.",
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
      name: 'libvirt_host_cpus_dedicated_twice',
      help: 'CPUs of the host to which more than one vCPU is pinned alone.',
      read: ({ cpusDedicatedTwice }) => cpusDedicatedTwice,
    },
    {
      per: 'overcommit',
      type: 'gauge',
      name: 'libvirt_host_hugepages_wanted',
      help: 'Huge pages that VMs which do not run now will need to start, by size and by the NUMA cell they are bound to.',
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
      help: 'Huge pages that those VMs would not find: wanted less free, at least 0.',
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
      help: 'Bytes that disks of VMs with images in the pool may grow to.',
      labels: ['storage_pool'],
      needs: 'the pool and block groups, and a disk of a VM in the pool',
      points: ({ pools }): Point[] => pools.map(({ pool, provisionedBytes }) => [[pool], provisionedBytes]),
    },
    {
      per: 'contention',
      type: 'gauge',
      name: 'libvirt_host_vcpu_contention_ratio',
      help: 'Share of the CPU time that vCPUs wanted since the sample before and did not get: delay / (delay + run).',
      needs: 'a second sample; absent while no vCPU wants to run',
      read: contentionRatio,
    },
    {
      per: 'contention',
      type: 'gauge',
      name: 'libvirt_host_vcpu_delay_cpus',
      help: 'CPUs that were missing since the sample before: time that vCPUs waited for one, a second.',
      needs: 'a second sample',
      read: ({ delayNs, elapsedMs }) =>
        elapsedMs > 0 ? nsToSeconds(delayNs) / msToSeconds(elapsedMs) : undefined,
    },
    {
      per: 'fit',
      type: 'gauge',
      name: 'libvirt_domain_wider_than_host',
      help: '1 when the domain has more vCPUs than the host has CPUs online.',
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
