import { basePageKiB } from '../../model/topology.ts';
import type { HostWish } from '../profile/host-knobs.ts';
import type { HostFacts } from './facts.ts';
import type { LocalHost } from './local-host.ts';

/** The state of a host setting that virtune checks but does not change. */
export interface HostFinding {
  readonly what: string;
  readonly now: string | undefined;
  readonly wanted: string;
  readonly verdict: 'same' | 'mismatch' | 'unknown';
  readonly why: string;
  /** The command to fix it, including permanently, or the reason why it is unknown. */
  readonly next: string | undefined;
}

interface Look {
  /** The kernel's file for it, below /proc or /sys. */
  readonly file: string;
  /** Absent: this host does not report it. */
  readonly now: (local: LocalHost, host: HostFacts) => string | undefined;
  readonly agrees: (now: string, wanted: string) => boolean;
  readonly fix: (wanted: string, host: HostFacts) => string;
  /** Why the value may be missing. */
  readonly absent: string;
}

const equal = (now: string, wanted: string): boolean => now === wanted;
const atMost = (now: string, wanted: string): boolean => Number(now) <= Number(wanted);
const KERNEL_DOC = 'Documentation/admin-guide/kernel-parameters.txt';

/** Where to find and how to change each: the kernel's admin-guide (mm/transhuge, pm/cpufreq, pm/cpuidle, sysctl). */
const LOOKS: Readonly<Record<string, Look>> = {
  ksm: {
    file: 'kernel/mm/ksm/run',
    now: ({ ksmRun }) => (ksmRun === undefined ? undefined : ksmRun === 1 ? 'on' : 'off'),
    agrees: equal,
    fix: (wanted, host) =>
      wanted === 'on'
        ? 'echo 1 >/sys/kernel/mm/ksm/run (permanent: systemctl enable --now ksm, or ksmtuned)'
        : stopKsm(host),
    absent: 'this kernel has no KSM',
  },
  thp: {
    file: 'kernel/mm/transparent_hugepage/enabled',
    now: ({ transparentHugepages }) => transparentHugepages,
    agrees: equal,
    fix: (wanted) =>
      `echo ${wanted} >/sys/kernel/mm/transparent_hugepage/enabled (permanent: transparent_hugepage=${wanted} on the kernel command line)`,
    absent: 'this kernel has no transparent hugepages',
  },
  governor: {
    file: 'cpufreq/scaling_governor',
    now: ({ governors }) => (governors === undefined ? undefined : [...governors].sort().join(', ')),
    agrees: equal,
    fix: (wanted) => `cpupower frequency-set -g ${wanted} (permanent: tuned-adm profile virtual-host)`,
    absent: 'no frequency governor of the CPUs is visible on this host',
  },
  cstates: {
    file: 'cpuidle',
    now: ({ idleLatencyUs }) => idleLatencyUs?.toString(),
    agrees: atMost,
    fix: (wanted) =>
      `cpupower idle-set -D ${Number(wanted) + 1} (permanent: tuned-adm profile virtual-host, or intel_idle.max_cstate=; ${KERNEL_DOC})`,
    absent: 'no idle states of the CPUs are visible on this host',
  },
  swappiness: {
    file: 'sys/vm/swappiness',
    now: ({ swappiness }) => swappiness?.toString(),
    agrees: atMost,
    fix: (wanted) =>
      `sysctl vm.swappiness=${wanted} (permanent: the same line in /etc/sysctl.d/50-virtune.conf)`,
    absent: 'it cannot be read',
  },
  numaBalancing: {
    file: 'sys/kernel/numa_balancing',
    now: ({ numaBalancing }) => (numaBalancing === undefined ? undefined : numaBalancing ? 'on' : 'off'),
    agrees: equal,
    fix: (wanted) =>
      `sysctl kernel.numa_balancing=${wanted === 'on' ? 1 : 0} (permanent: the same line in /etc/sysctl.d/50-virtune.conf)`,
    absent: 'this kernel has no NUMA balancing',
  },
};

/** Fraction of free memory allowed for unmerging KSM pages; the rest is left for other growth at the same time. */
const SHARE_FOR_UNMERGED = 0.5;

/**
 * Writing 0 leaves merged pages merged, and 2 unmerges all of them at once (kernel, admin-guide/mm/ksm.rst): if memory
 * is short, that ends in swapping or with the OOM killer.
 */
function stopKsm({ topology, cells, ksm }: HostFacts): string {
  const permanent = 'permanent: systemctl disable --now ksm ksmtuned';
  const sharing = ksm.get('pages_sharing');
  const freeKiB = cells.reduce<number | undefined>(
    (sum, cell) => (sum === undefined || cell.freeKiB === undefined ? undefined : sum + cell.freeKiB),
    0,
  );
  const pageKiB = basePageKiB(topology);
  const mergedKiB = sharing === undefined || pageKiB === undefined ? undefined : sharing * pageKiB;
  if (mergedKiB !== undefined && freeKiB !== undefined && mergedKiB <= freeKiB * SHARE_FOR_UNMERGED)
    return `echo 2 >/sys/kernel/mm/ksm/run (${permanent})`;
  const merged = mergedKiB === undefined ? 'an unknown amount' : gibText(mergedKiB);
  const free = freeKiB === undefined ? 'unknown' : gibText(freeKiB);
  return `echo 0 >/sys/kernel/mm/ksm/run (${permanent}); pages already merged stay merged: unmerging them (echo 2) needs ${merged} of memory (free: ${free})`;
}

const gibText = (kib: number): string => `${(kib / 1_048_576).toFixed(1)} GiB`;

/** The row for one host setting that a profile wants. `dedicated`: CPUs dedicated to vCPUs. */
export function hostFinding(host: HostFacts, wish: HostWish, dedicated: string): HostFinding {
  if (wish.knob === 'isolatedCpus') return isolation(host, wish, dedicated);
  const wanted = String(wish.wanted);
  const row = { what: wish.knob, wanted, why: wish.why };
  if (host.local === undefined) return { ...row, now: undefined, verdict: 'unknown', next: NOT_LOCAL };
  const look = LOOKS[wish.knob];
  const now = look?.now(host.local, host);
  if (look === undefined || now === undefined) {
    return { ...row, now: undefined, verdict: 'unknown', next: look && whyUnknown(host.local, look) };
  }
  return look.agrees(now, wanted)
    ? { ...row, now, verdict: 'same', next: undefined }
    : { ...row, now, verdict: 'mismatch', next: look.fix(wanted, host) };
}

function whyUnknown({ forbidden }: LocalHost, { file, absent }: Look): string {
  const path = forbidden.find((each) => each.endsWith(file));
  return path === undefined ? absent : `this user may not read ${path}; run virtune as root`;
}

const NOT_LOCAL = 'visible only if virtune runs on the host itself';

function isolation({ local }: HostFacts, { knob, why }: HostWish, dedicated: string): HostFinding {
  const row = { what: knob, wanted: dedicated === '' ? 'none' : dedicated, why };
  const isolated = local?.isolatedCpus;
  if (isolated === undefined) {
    const next = local === undefined ? NOT_LOCAL : 'this kernel does not report which CPUs are isolated';
    return { ...row, now: undefined, verdict: 'unknown', next };
  }
  const now = isolated.size === 0 ? 'none' : isolated.toString();
  const ticking = dedicated !== '' && local?.nohzFullCpus?.size === 0;
  if (now === row.wanted) {
    // Isolated CPUs still get a few hundred timer interrupts per second.
    const next = ticking
      ? `nohz_full=${dedicated} on the kernel command line also stops their timer ticks`
      : undefined;
    return { ...row, now, verdict: 'same', next };
  }
  return {
    ...row,
    now,
    verdict: 'mismatch',
    next: `isolcpus=managed_irq,domain,${dedicated} nohz_full=${dedicated} rcu_nocbs=${dedicated} on the kernel command line, then reboot the host (${KERNEL_DOC})`,
  };
}
