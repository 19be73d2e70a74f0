import type { ThreadFigures } from '../local.ts';
import { nsToSeconds } from '../units.ts';
import { type Group, type Point, scaled } from './metric.ts';

const LOCAL = 'virtune to run on the host itself';

export const threadsGroup = {
  name: 'threads',
  help: "CPU time and run delay of each VM's QEMU threads by role: what a VM costs beside its vCPUs.",
  byDefault: false,
  costs: "Two small files for each of a VM's threads.",
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
      help: 'CPU time of those threads, in seconds.',
      labels: ['role'],
      values: { role: ['vcpu', 'iothread', 'emulator', 'vhost'] },
      needs: LOCAL,
      points: ({ threads }) => byRole(threads, ({ cpuNs }) => nsToSeconds(cpuNs)),
    },
    {
      per: 'local',
      type: 'counter',
      name: 'libvirt_domain_thread_delay_seconds_total',
      help: 'Time in which those threads could have run but got no CPU, in seconds.',
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
  costs: 'A file for each vCPU and a few for the VM.',
  metrics: [
    {
      per: 'local',
      type: 'counter',
      name: 'libvirt_domain_cpu_periods_total',
      help: "Periods over which CPU quotas were enforced on the VM's threads.",
      needs: `${LOCAL}, and a quota`,
      read: ({ cgroup }) => cgroup?.periods,
    },
    {
      per: 'local',
      type: 'counter',
      name: 'libvirt_domain_cpu_throttled_periods_total',
      help: 'Periods in which a quota held threads of the VM back.',
      needs: `${LOCAL}, and a quota`,
      read: ({ cgroup }) => cgroup?.throttledPeriods,
    },
    {
      per: 'local',
      type: 'counter',
      name: 'libvirt_domain_cpu_throttled_seconds_total',
      help: 'Time for which quotas held threads of the VM back, in seconds.',
      needs: `${LOCAL}, and a quota`,
      read: ({ cgroup }) => scaled(cgroup?.throttledNs, nsToSeconds),
    },
    {
      per: 'local',
      type: 'gauge',
      name: 'libvirt_domain_cgroup_memory_bytes',
      help: "Memory charged to the VM's control group, page cache of its images included, in bytes.",
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
  help: "Where each VM's memory lies, how much of it is remote, huge or merged.",
  byDefault: false,
  costs:
    "A walk over the VM's page tables by the kernel once a minute, which takes longer the more memory the VM has.",
  metrics: [
    {
      per: 'local',
      type: 'gauge',
      name: 'libvirt_domain_numa_memory_bytes',
      help: "Memory of the VM's process by the host's NUMA node, in bytes.",
      labels: ['node'],
      needs: `${LOCAL}, with the right to look into QEMU (CAP_SYS_PTRACE)`,
      points: function* ({ memoryMap }): Generator<Point> {
        for (const [node, bytes] of memoryMap?.nodeBytes ?? []) yield [[String(node)], bytes];
      },
    },
    {
      per: 'local',
      type: 'gauge',
      name: 'libvirt_domain_numa_remote_ratio',
      help: "Chance that a vCPU, where it last ran, finds its VM's memory on another NUMA node.",
      needs: `${LOCAL}, with the right to look into QEMU (CAP_SYS_PTRACE)`,
      read: ({ memoryMap }) => memoryMap?.remoteShare,
    },
    {
      per: 'local',
      type: 'gauge',
      name: 'libvirt_domain_huge_memory_bytes',
      help: "Memory of the VM's process on huge pages, transparent ones included, in bytes.",
      needs: `${LOCAL}, with the right to look into QEMU (CAP_SYS_PTRACE)`,
      read: ({ memoryMap }) => memoryMap?.hugeBytes,
    },
    {
      per: 'local',
      type: 'gauge',
      name: 'libvirt_domain_ksm_merged_bytes',
      help: "Memory of the VM's process that KSM has merged with other pages, in bytes.",
      needs: `${LOCAL}, with the right to look into QEMU (CAP_SYS_PTRACE), on Linux 5.19 or newer`,
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
