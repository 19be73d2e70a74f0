import { LIBVIRT_FEATURES, type Since } from '../model/libvirt-features.ts';
import type { TestedVersion } from '../model/tested-versions.ts';

export interface Suite {
  /** Whose tests are quoted. */
  readonly file: string;
  /** What runs them on a real libvirtd. */
  readonly live: string;
  /** Where `.ci/run` (9.0) and `.ci/nightly` (the others) run it. */
  readonly on: readonly TestedVersion[];
  /** What it needs of the machine; it is skipped elsewhere. */
  readonly needs?: string;
}

const ALL = ['9.0', '11.3', '12.9'] as const;

const live = (name: string, on: readonly TestedVersion[]): Suite => {
  const file = `test/live/${name}.live.ts`;
  return { file, live: file, on };
};
const answers = (file: string): Suite => ({ file, live: 'test/live/contract.live.ts', on: ALL });
const tuning = (file: string): Suite => ({
  file: `test/contract/tuning/${file}.ts`,
  live: 'test/live/tuning-contract.live.ts',
  on: ALL,
});

export const SUITES = {
  answers: answers('test/contract/contract.ts'),
  definitions: tuning('definitions'),
  changes: tuning('live-changes'),
  devices: tuning('devices'),
  starts: tuning('starts'),
  names: tuning('statistics'),
  simulated: live('tuning-contract', ALL),
  statistics: live('statistics', ALL),
  series: live('series', ALL),
  hung: live('hung-vm', ALL),
  slow: live('slow-host-calls', ALL),
  kvm: { ...live('kvm', ALL), needs: '/dev/kvm' },
  exporter: live('exporter', ALL),
  groups: live('groups', ALL),
  agent: live('agent', ALL),
  settings: live('tuner-settings', ALL),
  knobs: live('tuner-knobs', ALL),
  histories: live('tuner-histories', ['9.0', '12.9']),
} as const satisfies Record<string, Suite>;
export type SuiteName = keyof typeof SUITES;

export interface Row {
  readonly feature: string;
  /** Absent: every version of the columns has it. */
  readonly since?: Since;
  /** The test, by its name in the suite's file, that fails where the feature is not as it should be, or missing. */
  readonly proofs: readonly (readonly [suite: SuiteName, test: string])[];
}

const BLOCK_NAMES = ['names', 'a disk has the statistics of this libvirt, and no other'] as const;
const IOTHREAD_NAMES = [
  'names',
  'an iothread has the statistics of this libvirt, and polls as its QEMU does by default',
] as const;
const NEW_XML = [
  'definitions',
  'elements that this libvirt does not have are dropped, or refused with schema validation',
] as const;
const FIXTURE = [
  'definitions',
  'a definition comes back in libvirt’s own form, whatever the client’s order and units',
] as const;
const HOST_FIGURES = ['answers', 'host figures come by the count that the host names first'] as const;
const ASKED_AGENT = [
  'answers',
  'an agent is asked only over a writable connection, for types that this libvirt knows, where there is one',
] as const;
const EVENTS = [
  'answers',
  'every event that virtune knows can be registered where this libvirt has it',
] as const;
const MEASURED = [
  'groups',
  'how iothreads poll, what perf events count and how fast memory is dirtied is what virsh domstats says',
] as const;

/** What virtune relies on, by part. */
export const PARTS: Readonly<Record<string, readonly Row[]>> = {
  'Statistics of VMs': [
    {
      feature: 'state and reason',
      proofs: [['answers', 'the state of a domain is the same by state, by info and by statistics']],
    },
    {
      feature: 'vCPUs: state, time, wait, delay',
      proofs: [
        ['answers', 'statistics of one domain hold what was asked for and no other group'],
        ['exporter', 'vCPU, block and network figures are what virsh domstats reads at the same time'],
      ],
    },
    {
      feature: 'balloon and dommemstat',
      proofs: [
        ['answers', 'memory statistics by tag agree with the balloon group'],
        ['exporter', 'all 13 tags of dommemstat are what virsh reads at the same time'],
      ],
    },
    {
      feature: 'network',
      proofs: [
        ['series', 'a NIC and a vCPU that are plugged have the series of the second scrape in the next'],
        ['exporter', 'vCPU, block and network figures are what virsh domstats reads at the same time'],
      ],
    },
    { feature: 'disks: requests, bytes, times, sizes', proofs: [BLOCK_NAMES] },
    {
      feature: 'disks: limits of requests',
      since: LIBVIRT_FEATURES.blockLimits,
      proofs: [BLOCK_NAMES, ['statistics', 'limits of the disk are what virsh domstats reads']],
    },
    {
      feature: 'disks: latency and queue depth in windows',
      since: LIBVIRT_FEATURES.blockWindows,
      proofs: [
        BLOCK_NAMES,
        ['statistics', 'the window that holds the boot has the latencies that virsh domstats reads'],
      ],
    },
    {
      feature: 'disks: latency histograms',
      since: LIBVIRT_FEATURES.blockLatency,
      proofs: [
        BLOCK_NAMES,
        ['kvm', "the bins of read latency are those of QEMU's query-blockstats, where libvirt reports them"],
      ],
    },
    {
      feature: 'autostart at the next boot only',
      since: LIBVIRT_FEATURES.autostartOnce,
      proofs: [['answers', 'whether a domain starts with the next boot only is known from libvirt 11.2 on']],
    },
    { feature: 'iothreads: polling', proofs: [IOTHREAD_NAMES, MEASURED] },
    {
      feature: 'iothreads: polling weight',
      since: LIBVIRT_FEATURES.pollWeight,
      proofs: [
        IOTHREAD_NAMES,
        ['statistics', 'the polling weight of the iothread is what virsh domstats reads'],
      ],
    },
    {
      feature: 'dirty rate, not measured',
      proofs: [
        ['names', 'before a measurement the dirty rate is not started and the balloon has not reported'],
      ],
    },
    { feature: 'dirty rate, measured', proofs: [MEASURED] },
    { feature: 'perf events', proofs: [MEASURED] },
    {
      feature: 'counters of KVM, of VMs and vCPUs',
      proofs: [
        ['kvm', 'each counter that KVM keeps of a vCPU or of the VM is exported under its name'],
        ['kvm', "exits lie between two readings of QEMU's own query-stats"],
      ],
    },
    {
      feature: 'halt polling of KVM',
      proofs: [
        ['kvm', 'halt polling is what virsh domstats reads, and absent where libvirt does not report it'],
      ],
    },
    { feature: 'resctrl monitors: cache, memory bandwidth', proofs: [] },
    { feature: 'resctrl monitors: energy', since: LIBVIRT_FEATURES.energyMonitors, proofs: [] },
    {
      feature: 'no statistics unknown to virtune',
      proofs: [
        ['statistics', 'this libvirt reports no statistic that virtune does not know'],
        ['answers', 'every group of statistics is accepted'],
      ],
    },
  ],
  Host: [
    { feature: 'CPU time, memory', proofs: [HOST_FIGURES] },
    { feature: 'CPU time of guests', since: LIBVIRT_FEATURES.hostGuestTime, proofs: [HOST_FIGURES] },
    { feature: 'available memory', since: LIBVIRT_FEATURES.hostAvailableMemory, proofs: [HOST_FIGURES] },
    {
      feature: 'topology, cells',
      proofs: [['answers', "the host's topology has cells with CPUs, as many as the host says"]],
    },
    {
      feature: 'free pages, pools of huge pages',
      proofs: [
        ['answers', 'free pages come one for each cell and size'],
        ['starts', 'a pool grows by a number or to a number of pages, and an impossible size is refused'],
      ],
    },
    { feature: 'KSM', proofs: [['starts', 'KSM has knobs, and read-only figures']] },
    {
      feature: 'domain capabilities',
      proofs: [
        ['starts', 'what a machine type offers is reported by name and by alias, and for no unknown type'],
      ],
    },
  ],
  'Guest agent': [
    { feature: 'which information can be requested', proofs: [ASKED_AGENT] },
    {
      feature: 'file systems, system, host name',
      proofs: [['agent', 'what the agent says is what virsh guestinfo says']],
    },
    { feature: 'load averages', since: LIBVIRT_FEATURES.guestLoad, proofs: [] },
  ],
  Events: [
    { feature: 'registration of each event of virtune', proofs: [EVENTS] },
    {
      feature: 'lifecycle',
      proofs: [['starts', 'the life cycle of a domain is reported in events, in their order']],
    },
    {
      feature: 'tunable',
      proofs: [['changes', 'the event reports live changes, and not those of the definition alone']],
    },
    {
      feature: 'change of a NIC’s address, registered',
      since: LIBVIRT_FEATURES.nicMacChange,
      proofs: [EVENTS],
    },
    { feature: 'removal of a vCPU, registered', since: LIBVIRT_FEATURES.vcpuRemoved, proofs: [EVENTS] },
  ],
  'Definitions and settings': [
    {
      feature: 'a definition is preserved byte for byte',
      proofs: [
        ['definitions', 'a definition that libvirt wrote is accepted unchanged, to the byte'],
        FIXTURE,
        ['simulated', 'libvirt returns each definition of the simulator unchanged, to the byte'],
      ],
    },
    {
      feature: 'pins of vCPUs, emulator and iothreads',
      proofs: [
        ['changes', 'a pin goes to what runs, to the definition, or to whichever counts now'],
        ['changes', 'pins are read as they run or as they are defined; one call cannot ask for both'],
      ],
    },
    {
      feature: 'shares, quotas, memory limits',
      proofs: [
        [
          'changes',
          'shares and quotas are set live and in the definition; for a definition the getter returns only what it contains',
        ],
        ['changes', 'memory limits: unlimited is none, and swap is never less than memory'],
      ],
    },
    {
      feature: 'NUMA mode and cells',
      proofs: [['changes', 'cells of a running domain can be changed only where it was started restrictive']],
    },
    {
      feature: 'limits and weights of disks and NICs',
      proofs: [
        ['changes', 'limits of a disk: a total replaces its parts, and a burst needs its base limit'],
        ['changes', 'weights of block I/O'],
        ['changes', "a NIC's limits of a definition, by its address"],
      ],
    },
    {
      feature: 'update of devices',
      proofs: [
        ['devices', 'of a running disk, other fields are refused by name'],
        ['devices', 'of a definition, each of them is changed'],
      ],
    },
    {
      feature: 'huge pages',
      proofs: [['starts', 'hugepages are free until a domain starts with them, and free again when it ends']],
    },
    {
      feature: 'iothreads: polling of a running VM, pools',
      proofs: [
        [
          'changes',
          'polling of an iothread is set for the run, and in the definition where this libvirt supports it',
        ],
      ],
    },
    {
      feature: 'iothreads: polling in the definition',
      since: LIBVIRT_FEATURES.storedIoThreadPolling,
      proofs: [
        [
          'changes',
          'polling of an iothread is set for the run, and in the definition where this libvirt supports it',
        ],
        NEW_XML,
      ],
    },
    {
      feature: 'disks: queues on several iothreads',
      since: LIBVIRT_FEATURES.diskQueueMapping,
      proofs: [NEW_XML],
    },
    { feature: 'CPU clusters', since: LIBVIRT_FEATURES.cpuClusters, proofs: [FIXTURE] },
    {
      feature: 'virtio-scsi: queues on several iothreads',
      since: LIBVIRT_FEATURES.scsiQueueMapping,
      proofs: [NEW_XML],
    },
    { feature: 'throttle groups', since: LIBVIRT_FEATURES.throttleGroups, proofs: [NEW_XML] },
    {
      feature: 'dependencies of Hyper-V enlightenments are checked',
      since: LIBVIRT_FEATURES.hypervDependencies,
      proofs: [
        [
          'definitions',
          'an enlightenment without what it requires is refused where this libvirt checks that',
        ],
      ],
    },
    {
      feature: 'every setting of the tuner, defined and removed',
      proofs: [['settings', '$id reads the same once libvirt has defined it, and can be taken out again']],
    },
    {
      feature: 'apply and rollback of a running VM',
      proofs: [
        ['knobs', 'polling and pool of an iothread at once: both in QEMU, and both restored'],
        [
          'histories',
          'on real guests too, after any history of two users and killed processes no state is dangerous, and a rollback restores everything exactly',
        ],
      ],
    },
    { feature: 'cachetune and memorytune', proofs: [] },
  ],
  Failures: [
    {
      feature: 'a VM that hangs is unresponsive, the others are fresh',
      proofs: [
        [
          'hung',
          'with six hung VMs and two dozen calls of others that hold every worker of libvirtd, only the six are unresponsive',
        ],
      ],
    },
    {
      feature: 'a host call that never returns costs only its own figures',
      proofs: [['slow', '%s that never answers costs its own figures, with the reason']],
    },
    {
      feature: 'series are complete in the first scrape, and after a restart of libvirtd',
      proofs: [
        ['series', 'the first scrape after a start has the series of the second, and RSS of every guest'],
        ['series', 'the first scrape after libvirtd is back has the series of the second'],
      ],
    },
  ],
};
