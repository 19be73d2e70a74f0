import type { ThreadFigures } from '../local.ts';
import { nsToSeconds } from '../units.ts';
import { type Group, type Point, scaled } from './metric.ts';

const LOCAL = 'virtune on the host';

export const threadsGroup = {
  name: 'threads',
  help: 'CPU time and steal of the QEMU threads of each VM by role: the overhead of a VM beyond its vCPUs.',
  byDefault: false,
  costs: 'Two small files per thread of a VM.',
  metrics: [
    {
      per: 'local',
      type: 'gauge',
      name: 'libvirt_domain_threads',
      help: 'Threads of the VM by role: vcpu, iothread, emulator, vhost.',
      labels: ['role'],
      values: { role: ['vcpu', 'iothread', 'emulator', 'vhost'] },
      needs: LOCAL,
      points: ({ threads }) => byRole(threads, ({ threads }) => threads),
    },
    {
      per: 'local',
      type: 'counter',
      name: 'libvirt_domain_thread_cpu_seconds_total',
      help: 'CPU time of the threads, in seconds.',
      labels: ['role'],
      values: { role: ['vcpu', 'iothread', 'emulator', 'vhost'] },
      needs: LOCAL,
      points: ({ threads }) => byRole(threads, ({ cpuNs }) => nsToSeconds(cpuNs)),
    },
    {
      per: 'local',
      type: 'counter',
      name: 'libvirt_domain_thread_delay_seconds_total',
      help: 'Time that the threads were ready to run but had no CPU, in seconds.',
      labels: ['role'],
      values: { role: ['vcpu', 'iothread', 'emulator', 'vhost'] },
      needs: LOCAL,
      points: ({ threads }) => byRole(threads, ({ delayNs }) => nsToSeconds(delayNs)),
    },
  ],
} as const satisfies Group;

export const cgroupGroup = {
  name: 'cgroup',
  help: "Throttling, memory and pressure of each VM's control groups (v1 and v2).",
  byDefault: false,
  costs: 'One file per vCPU and a few per VM.',
  metrics: [
    {
      per: 'local',
      type: 'counter',
      name: 'libvirt_domain_cpu_periods_total',
      help: 'Quota enforcement periods of the threads of the VM.',
      needs: `${LOCAL}, and a quota`,
      read: ({ cgroup }) => cgroup?.periods,
    },
    {
      per: 'local',
      type: 'counter',
      name: 'libvirt_domain_cpu_throttled_periods_total',
      help: 'Periods in which threads of the VM were throttled by a quota.',
      needs: `${LOCAL}, and a quota`,
      read: ({ cgroup }) => cgroup?.throttledPeriods,
    },
    {
      per: 'local',
      type: 'counter',
      name: 'libvirt_domain_cpu_throttled_seconds_total',
      help: 'Time that threads of the VM were throttled by quotas, in seconds.',
      needs: `${LOCAL}, and a quota`,
      read: ({ cgroup }) => scaled(cgroup?.throttledNs, nsToSeconds),
    },
    {
      per: 'local',
      type: 'gauge',
      name: 'libvirt_domain_cgroup_memory_bytes',
      help: 'Memory charged to the control group of the VM, including page cache of its images, in bytes.',
      needs: LOCAL,
      read: ({ cgroup }) => cgroup?.memoryBytes,
    },
    {
      per: 'local',
      type: 'counter',
      name: 'libvirt_domain_pressure_seconds_total',
      help: 'Time in which some or all (full) threads of the VM waited for a resource, in seconds (PSI).',
      labels: ['resource', 'share'],
      values: { resource: ['cpu', 'memory', 'io'], share: ['some', 'full'] },
      needs: `${LOCAL}, and cgroup v2`,
      points: function* ({ cgroup }): Generator<Point> {
        for (const [resource, { someNs, fullNs }] of cgroup?.pressure ?? []) {
          if (someNs !== undefined) yield [[resource, 'some'], nsToSeconds(someNs)];
          if (fullNs !== undefined) yield [[resource, 'full'], nsToSeconds(fullNs)];
        }
      },
    },
  ],
} as const satisfies Group;

export const numaGroup = {
  name: 'numa',
  help: 'Memory of each VM by NUMA node, remote memory, huge pages and merged pages.',
  byDefault: false,
  costs:
    "The kernel walks the VM's page tables once per minute, which takes longer the more memory the VM has.",
  metrics: [
    {
      per: 'local',
      type: 'gauge',
      name: 'libvirt_domain_numa_memory_bytes',
      help: "Memory of the VM's process by the host's NUMA node, in bytes.",
      labels: ['node'],
      needs: `${LOCAL}, with permission to inspect QEMU (CAP_SYS_PTRACE)`,
      points: function* ({ memoryMap }): Generator<Point> {
        for (const [node, bytes] of memoryMap?.nodeBytes ?? []) yield [[String(node)], bytes];
      },
    },
    {
      per: 'local',
      type: 'gauge',
      name: 'libvirt_domain_numa_remote_ratio',
      help: 'Estimated share of memory accesses that go to another NUMA node than the one where the vCPU last ran.',
      needs: `${LOCAL}, with permission to inspect QEMU (CAP_SYS_PTRACE)`,
      read: ({ memoryMap }) => memoryMap?.remoteShare,
    },
    {
      per: 'local',
      type: 'gauge',
      name: 'libvirt_domain_huge_memory_bytes',
      help: 'Memory of the VM process on huge pages, including transparent huge pages, in bytes.',
      needs: `${LOCAL}, with permission to inspect QEMU (CAP_SYS_PTRACE)`,
      read: ({ memoryMap }) => memoryMap?.hugeBytes,
    },
    {
      per: 'local',
      type: 'gauge',
      name: 'libvirt_domain_ksm_merged_bytes',
      help: "Memory of the VM's process that KSM has merged with other pages, in bytes.",
      needs: `${LOCAL}, with permission to inspect QEMU (CAP_SYS_PTRACE), on Linux 5.19 or newer`,
      read: ({ memoryMap }) => memoryMap?.ksmMergedBytes,
    },
  ],
} as const satisfies Group;

function* byRole(
  threads: ReadonlyMap<string, ThreadFigures> | undefined,
  read: (figures: ThreadFigures) => number,
): Generator<Point> {
  for (const [role, figures] of threads ?? []) yield [[role], read(figures)];
}
