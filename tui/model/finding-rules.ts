import { DomainState } from '../../libvirt/constants.ts';
import type { Disk } from '../../model/domain/disks.ts';
import { bytes, count, milliseconds, percent } from '../columns/format.ts';
import { cellsOf, type Finding, type HostFacts, type Severity } from './findings.ts';
import { pinnedCpus } from './pins.ts';
import { isRunning, latencyMs, type Vm } from './vm.ts';

export type Rule = (vm: Vm, host: HostFacts) => readonly Finding[];

/** Requests a second from which the way a disk is driven is worth a word. */
const HOT_IOPS = 100;
const LATENCY_BAD_MS = 50;
/** VMware's ready time: 5 % is significant, 10 % is bad. */
const STEAL_WARN = 0.05;
const STEAL_BAD = 0.1;
const CHAIN_MAX = 3;
const SNAPSHOT_AGE_MS = 7 * 86_400_000;
/** virDomainPausedReason: an I/O error stopped it. */
const PAUSED_IO_ERROR = 5;
const LARGE_KIB = 8 * 1_048_576;

const virsh = (host: HostFacts, ...args: string[]): string[] =>
  host.uri === 'qemu:///system' ? ['virsh', ...args] : ['virsh', '-c', host.uri, ...args];

const tune = (vm: Vm, host: HostFacts, profile: string): string[] => [
  'virtune',
  'tune',
  'plan',
  ...(host.uri === 'qemu:///system' ? [] : ['-c', host.uri]),
  '--profile',
  profile,
  ...(vm.name.startsWith('-') ? ['--'] : []),
  vm.name,
];

/** A name that begins with a dash would be read as an option; libvirt takes a UUID in its place. */
const nameFor = (vm: Vm): string => (vm.name.startsWith('-') ? vm.sample.domain.uuid : vm.name);

const stuck: Rule = (vm, host) => {
  const { outcome, extras } = vm.sample;
  if (outcome.kind !== 'unresponsive') return [];
  const seconds = Math.round((host.atMs - outcome.sinceMs) / 1_000);
  const control = extras?.control;
  return [
    {
      rule: 'stuck',
      severity: 'bad',
      text: 'its QEMU does not answer libvirt; figures of its inside are missing',
      evidence: `for ${Math.max(0, seconds)} s${control === undefined ? '' : `, libvirt says ${control.state}`}`,
      command: virsh(host, 'domcontrol', nameFor(vm)),
    },
  ];
};

const stopped: Rule = (vm, host) => {
  const { state, reason } = vm.sample.summary;
  if (state === DomainState.crashed) {
    return [
      finding('crashed', 'bad', 'the VM crashed', 'state crashed', virsh(host, 'dominfo', nameFor(vm))),
    ];
  }
  if (state !== DomainState.paused || reason !== PAUSED_IO_ERROR) return [];
  return [
    finding(
      'paused-io-error',
      'bad',
      'paused because a disk answered with an error; mend the storage, then resume',
      'state paused, reason I/O error',
      virsh(host, 'domblkerror', nameFor(vm)),
    ),
  ];
};

const steal: Rule = (vm, host) => {
  const share = vm.rates?.contention;
  if (share === undefined || share < STEAL_WARN) return [];
  return [
    finding(
      'steal',
      share >= STEAL_BAD ? 'bad' : 'warn',
      'its vCPUs wait for CPUs of the host; n shows who ran there meanwhile',
      `steal ${percent(share * 100)} %`,
      tune(vm, host, 'low-latency'),
    ),
  ];
};

const dedicatedTwice: Rule = (vm, host) => {
  const shared = new Map<string, { name: string; cpus: number[] }>();
  for (const pin of vm.facts?.cpu.vcpuPins.values() ?? []) {
    if (!isRunning(vm) || pin.size !== 1 || pin.first === undefined) continue;
    for (const other of host.dedicated.get(pin.first) ?? []) {
      if (other.uuid === vm.sample.domain.uuid) continue;
      const found = shared.get(other.uuid) ?? { name: other.name, cpus: [] };
      if (!found.cpus.includes(pin.first)) found.cpus.push(pin.first);
      shared.set(other.uuid, found);
    }
  }
  return [...shared.values()].map(({ name, cpus }) =>
    finding(
      'dedicated-twice',
      'bad',
      `CPUs that are pinned to it alone are also pinned to ${name}`,
      `CPU ${cpus.join(',')}`,
      tune(vm, host, 'oltp-database'),
    ),
  );
};

const overCells: Rule = (vm, host) => {
  const cpus = pinnedCpus(vm);
  if (cpus === undefined || vm.sample.fit?.widerThanCell === true) return [];
  const cells = cellsOf(cpus, host);
  // Guest cells of its own say that somebody knew.
  if (cells.length < 2 || (vm.facts?.cpu.cells.length ?? 0) > 1) return [];
  return [
    finding(
      'over-cells',
      'warn',
      'its vCPUs are pinned over several NUMA cells, and it would fit one: half of its memory is far',
      `cells ${cells.join(',')}, pins ${cpus}`,
      tune(vm, host, 'oltp-database'),
    ),
  ];
};

const memoryFar: Rule = (vm, host) => {
  const share = vm.sample.local?.memoryMap?.remoteShare;
  if (share === undefined || share < 0.2) return [];
  return [
    finding(
      'memory-far',
      share > 0.4 ? 'warn' : 'info',
      'a good part of its memory lies on other NUMA cells than its vCPUs run on',
      `${percent(share * 100)} % of accesses go to another cell`,
      tune(vm, host, 'oltp-database'),
    ),
  ];
};

const wide: Rule = (vm, host) => {
  const { widerThanHost, widerThanCell } = vm.sample.fit ?? {};
  const vcpus = vm.sample.summary.vcpus;
  if (widerThanHost === true) {
    return [finding('wider-than-host', 'warn', 'it has more vCPUs than the host has CPUs', `${vcpus} vCPUs`)];
  }
  if (widerThanCell !== true || (vm.facts?.cpu.cells.length ?? 0) > 1) return [];
  return [
    finding(
      'wider-than-cell',
      'info',
      'it is wider than a NUMA cell and its guest sees no cells of its own',
      `${vcpus} vCPUs`,
      tune(vm, host, 'analytics-database'),
    ),
  ];
};

const balloon: Rule = (vm, host) => {
  const { memoryKiB, maximumKiB } = vm.sample.summary;
  if (!isRunning(vm) || memoryKiB === undefined || maximumKiB === undefined) return [];
  if (memoryKiB >= maximumKiB * 0.9) return [];
  const { swapInKiB, majorFaults } = ratesOfMemory(vm);
  const hurts = (swapInKiB ?? 0) > 0 || (majorFaults ?? 0) > 5;
  return [
    finding(
      'balloon-squeezed',
      hurts ? 'bad' : 'warn',
      hurts ? 'its balloon is squeezed and its guest swaps' : 'its balloon is squeezed',
      `${bytes(memoryKiB * 1_024)} of ${bytes(maximumKiB * 1_024)}`,
      virsh(host, 'setmem', nameFor(vm), String(maximumKiB), '--live'),
    ),
  ];
};

function ratesOfMemory(vm: Vm): { swapInKiB: number | undefined; majorFaults: number | undefined } {
  return { swapInKiB: vm.rates?.memory.swapInKiB, majorFaults: vm.rates?.memory.majorFaults };
}

const silentBalloon: Rule = (vm, host) => {
  if (vm.reasons.get('balloon') !== 'no_stats_period' || !isRunning(vm)) return [];
  return [
    finding(
      'no-stats-period',
      'info',
      'its guest does not report its memory: the balloon has no stats period',
      'period 0',
      virsh(host, 'dommemstat', nameFor(vm), '--period', '5', '--live', '--config'),
    ),
  ];
};

const chain: Rule = (vm, host) =>
  (vm.facts?.disks ?? []).flatMap((disk) =>
    disk.backingDepth <= CHAIN_MAX
      ? []
      : [
          finding(
            'deep-chain',
            'warn',
            `the snapshot chain of ${disk.target} is deep: each read may look through all of it`,
            `${disk.backingDepth} images below the top`,
            virsh(host, 'blockcommit', nameFor(vm), disk.target, '--active', '--pivot', '--verbose'),
          ),
        ],
  );

const oldSnapshot: Rule = (vm, host) => {
  const { count: snapshots, oldestAtSeconds } = vm.sample.extras?.snapshots ?? {};
  if (oldestAtSeconds === undefined || host.atMs - oldestAtSeconds * 1_000 < SNAPSHOT_AGE_MS) return [];
  const days = Math.floor((host.atMs - oldestAtSeconds * 1_000) / 86_400_000);
  return [
    finding(
      'old-snapshot',
      'info',
      'it has an old snapshot',
      `${snapshots} snapshots, the oldest ${days} days`,
      virsh(host, 'snapshot-list', nameFor(vm)),
    ),
  ];
};

/** Each disk with its rates. */
function* hotDisks(vm: Vm): Generator<{ disk: Disk; iops: number }> {
  for (const disk of vm.facts?.disks ?? []) {
    const rates = vm.rates?.blocks.get(disk.target);
    const iops = (rates?.readRequests ?? 0) + (rates?.writeRequests ?? 0);
    if (disk.device === 'disk' && iops >= HOT_IOPS) yield { disk, iops };
  }
}

const diskThreads: Rule = (vm, host) =>
  [...hotDisks(vm)].flatMap(({ disk, iops }) => {
    // QEMU's default is threads.
    const threads = disk.io === undefined || disk.io === 'threads';
    if (!threads || disk.format !== 'raw') return [];
    return [
      finding(
        'io-threads',
        'warn',
        `${disk.target} is raw and hot, and driven by a pool of threads (io=threads)`,
        `${count(iops)} requests/s`,
        tune(vm, host, 'oltp-database'),
      ),
    ];
  });

const diskWithoutIoThread: Rule = (vm, host) =>
  [...hotDisks(vm)].flatMap(({ disk, iops }) =>
    disk.bus !== 'virtio' || disk.ioThread !== undefined || iops < HOT_IOPS * 5
      ? []
      : [
          finding(
            'no-iothread',
            'info',
            `${disk.target} is hot and shares QEMU's main loop: it has no iothread`,
            `${count(iops)} requests/s`,
            tune(vm, host, 'oltp-database'),
          ),
        ],
  );

const unsafeCache: Rule = (vm, host) =>
  (vm.facts?.disks ?? []).flatMap((disk) =>
    disk.cache === 'unsafe'
      ? [
          finding(
            'unsafe-cache',
            'warn',
            `${disk.target} ignores flushes: a crash of the host loses what the guest believes written`,
            'cache=unsafe',
            tune(vm, host, 'balanced'),
          ),
        ]
      : [],
  );

const slowDisk: Rule = (vm, host) =>
  [...(vm.rates?.blocks ?? [])].flatMap(([target, rates]) => {
    const slow = (
      [
        ['reads', rates.readNs, rates.readRequests],
        ['writes', rates.writeNs, rates.writeRequests],
        ['flushes', rates.flushNs, rates.flushRequests],
      ] as const
    ).flatMap(([what, ns, requests]) => {
      const ms = latencyMs(ns, requests);
      return ms !== undefined && ms > LATENCY_BAD_MS && (requests ?? 0) > 1
        ? [`${what} ${milliseconds(ms)} ms`]
        : [];
    });
    return slow.length === 0
      ? []
      : [
          finding(
            'slow-disk',
            'warn',
            `requests of ${target} take long`,
            slow.join(', '),
            virsh(host, 'domblkinfo', nameFor(vm), target),
          ),
        ];
  });

const diskErrors: Rule = (vm, host) =>
  [...(vm.rates?.blocks ?? [])].flatMap(([target, { errors }]) =>
    (errors ?? 0) > 0
      ? [
          finding(
            'disk-errors',
            'bad',
            `requests of ${target} fail`,
            `${count(errors ?? 0)} errors/s`,
            virsh(host, 'domblkerror', nameFor(vm)),
          ),
        ]
      : [],
  );

const nicDrops: Rule = (vm, host) =>
  [...(vm.rates?.nets ?? [])].flatMap(([nic, rates]) => {
    const drops = (rates.rxDrops ?? 0) + (rates.txDrops ?? 0);
    const packets = (rates.rxPackets ?? 0) + (rates.txPackets ?? 0);
    return drops > 0.01 * packets && drops > 1
      ? [
          finding(
            'nic-drops',
            'warn',
            `${nic} drops packets`,
            `${count(drops)} of ${count(packets)} packets/s`,
            tune(vm, host, 'network'),
          ),
        ]
      : [];
  });

const nicModel: Rule = (vm, host) =>
  (vm.facts?.interfaces ?? []).flatMap(({ target, model }) => {
    if (model === undefined || model.startsWith('virtio') || target === undefined) return [];
    const rates = vm.rates?.nets.get(target);
    const packets = (rates?.rxPackets ?? 0) + (rates?.txPackets ?? 0);
    return packets < 1_000
      ? []
      : [
          finding(
            'nic-emulated',
            'info',
            `${target} is an emulated ${model} with real traffic`,
            `${count(packets)} packets/s`,
            tune(vm, host, 'network'),
          ),
        ];
  });

const smallPages: Rule = (vm, host) => {
  const { facts } = vm;
  const maximumKiB = facts?.memory.maximumKiB ?? 0;
  if (facts === undefined || !isRunning(vm) || maximumKiB < LARGE_KIB) return [];
  if (facts.memory.hugepages !== undefined || pinnedCpus(vm) === undefined) return [];
  return [
    finding(
      'small-pages',
      'info',
      'it is large and pinned, and its memory is in small pages',
      `${bytes(maximumKiB * 1_024)} in 4 KiB pages`,
      tune(vm, host, 'oltp-database'),
    ),
  ];
};

function finding(
  rule: string,
  severity: Severity,
  text: string,
  evidence: string,
  command?: readonly string[],
): Finding {
  return { rule, severity, text, evidence, command };
}

/** Each looks for one thing. */
export const RULES: readonly Rule[] = [
  stuck,
  stopped,
  steal,
  dedicatedTwice,
  balloon,
  overCells,
  memoryFar,
  diskErrors,
  slowDisk,
  diskThreads,
  unsafeCache,
  chain,
  nicDrops,
  wide,
  diskWithoutIoThread,
  nicModel,
  silentBalloon,
  smallPages,
  oldSnapshot,
];
