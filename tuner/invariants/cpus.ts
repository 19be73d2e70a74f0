import { CpuSet } from '../../model/cpu-set.ts';
import { cellCpus } from '../../model/topology.ts';
import { cpusInUse, vmCpusOf } from '../facts/facts.ts';
import { cpuNumbers } from '../settings/values.ts';
import { type Breach, type Invariant, type Subject, settingOf, vcpusOf } from './invariant.ts';

const isRealTime = (policy: string | undefined): boolean => /^(fifo|rr) /.test(policy ?? '');

const explicitPin = (subject: Subject, vcpu: string): CpuSet =>
  cpuNumbers(settingOf(subject, 'vcpupin', vcpu));

/** Empty if the vCPU floats: a pin to every CPU, which libvirt writes after a pin was reverted, is not a pin. */
function pinOf(subject: Subject, vcpu: string): CpuSet {
  const pin = explicitPin(subject, vcpu);
  const { online } = subject.host;
  return online.size > 0 && online.isSubsetOf(pin) ? CpuSet.empty : pin;
}

const realTimeVcpus = (subject: Subject): string[] =>
  vcpusOf(subject).filter((vcpu) => isRealTime(settingOf(subject, 'vcpusched', vcpu)));

const hasHint = (subject: Subject): boolean => settingOf(subject, 'kvm.hint-dedicated') === 'on';

const cpusOf = (subject: Subject, vcpus: readonly string[]): CpuSet =>
  vcpus.reduce((all, vcpu) => all.union(pinOf(subject, vcpu)), CpuSet.empty);

/** CPUs of real-time vCPUs, and of a guest that assumes dedicated CPUs: no other domain may use them. */
export const exclusiveCpus = (subject: Subject): CpuSet =>
  cpusOf(subject, hasHint(subject) ? vcpusOf(subject) : realTimeVcpus(subject));

/** The first of these vCPUs without a dedicated CPU. */
function withoutOwnCpu(subject: Subject, vcpus: readonly string[]): string | undefined {
  const pins = new Map(vcpusOf(subject).map((vcpu) => [vcpu, pinOf(subject, vcpu)]));
  return vcpus.find((vcpu) => {
    const [cpu, more] = [...(pins.get(vcpu) ?? [])];
    if (cpu === undefined || more !== undefined) return true;
    return [...pins].some(([other, pin]) => other !== vcpu && pin.has(cpu));
  });
}

const whereIs = (subject: Subject, vcpu: string): string => {
  const pin = pinOf(subject, vcpu);
  return pin.size === 0 ? 'on any CPU' : `on CPUs ${pin}`;
};

/** Each other domain pinned to CPUs that these vCPUs need exclusively. */
function sharers(subject: Subject, vcpus: readonly string[]): Breach[] {
  const cpus = cpusOf(subject, vcpus);
  return subject.others.flatMap(({ name, pinned }) => {
    const shared = pinned.intersection(cpus);
    if (shared.size === 0) return [];
    return [{ text: `CPUs ${shared} are also used by ${JSON.stringify(name)}`, other: name, cpus: shared }];
  });
}

/** Those of these CPUs that a helper thread with this pin occupies. */
const inTheWay = ({ facts, host }: Subject, pin: CpuSet | undefined, cpus: CpuSet): CpuSet =>
  cpusInUse(cpus, { pin, cpuSet: facts.cpu.cpuSet, host });

export const cpuInvariants: readonly Invariant[] = [
  {
    code: 'REAL_TIME_NEEDS_PINNING',
    level: 'refuse',
    what: 'Each real-time vCPU (SCHED_FIFO or SCHED_RR) is pinned to a single CPU, and no other vCPU of the domain is pinned to it.',
    why: 'A real-time thread without a pin starves everything on the CPU that it moves to, including the kernel.',
    source:
      'libvirt knowledge base, KVM Real Time Guest Config (2026); Nova 2024.2 admin guide, Real Time (2024)',
    broken: (subject) => {
      const vcpu = withoutOwnCpu(subject, realTimeVcpus(subject));
      return vcpu === undefined
        ? undefined
        : {
            text: `vCPU ${vcpu} is a real-time vCPU and runs ${whereIs(subject, vcpu)}`,
            next: 'pin vCPUs one to one (cpu.pinning: dedicated), or remove vcpusched (virsh edit)',
          };
    },
  },
  {
    code: 'REAL_TIME_SHARES_CPU',
    level: 'refuse',
    what: 'No thread of another domain is pinned to the CPU of a real-time vCPU.',
    why: 'That thread never runs while the real-time vCPU runs.',
    source: 'sched(7), Linux man-pages 6.9 (2024)',
    broken: (subject) => sharers(subject, realTimeVcpus(subject)),
  },
  {
    code: 'REAL_TIME_ON_HOST_CPU',
    level: 'refuse',
    what: 'Real-time vCPUs do not run on CPUs that are reserved for the host; if the host has isolated CPUs, they run on these.',
    why: 'Kernel threads on that CPU starve: storage, network and RCU stall.',
    source: 'libvirt knowledge base, KVM Real Time Guest Config (2026)',
    broken: (subject) => {
      const cpus = cpusOf(subject, realTimeVcpus(subject));
      const reserved = cpus.intersection(subject.hostCpus ?? CpuSet.empty);
      if (reserved.size > 0)
        return {
          text: `CPUs ${reserved} are reserved for the host`,
          cpus: reserved,
          next: 'pin the vCPUs to other CPUs, or change --host-cpus',
        };
      const isolated = subject.host.local?.isolatedCpus ?? CpuSet.empty;
      const outside = cpus.difference(isolated);
      return isolated.size === 0 || outside.size === 0
        ? undefined
        : { text: `CPUs ${outside} are not among the isolated CPUs, ${isolated}`, cpus: outside };
    },
  },
  {
    code: 'REAL_TIME_HELPERS',
    level: 'refuse',
    what: 'Emulator threads and iothreads do not run on CPUs of real-time vCPUs.',
    why: 'A spinning vCPU waits for a thread that it keeps off the CPU: the guest hangs.',
    source:
      'libvirt knowledge base, KVM Real Time Guest Config (2026); Nova 2024.2 admin guide, CPU topologies (2024), hw:emulator_threads_policy',
    broken: (subject) => {
      const cpus = cpusOf(subject, realTimeVcpus(subject));
      if (cpus.size === 0) return undefined;
      const { emulatorPin, ioThreadPins, ioThreads } = subject.facts.cpu;
      const helpers: (readonly [string, CpuSet])[] = [
        ['the emulator', inTheWay(subject, emulatorPin, cpus)],
        ...ioThreads.map((id) => [`iothread ${id}`, inTheWay(subject, ioThreadPins.get(id), cpus)] as const),
      ];
      const bad = helpers.find(([, shared]) => shared.size > 0);
      return (
        bad && {
          text: `${bad[0]} runs on CPUs ${bad[1]}, which real-time vCPUs use`,
          cpus: bad[1],
          next: 'pin it elsewhere (emulator.pinning, iothread.pinning: placed)',
        }
      );
    },
  },
  {
    code: 'REAL_TIME_PAGED',
    level: 'warn',
    what: 'A domain with real-time vCPUs has locked memory or huge pages.',
    why: 'Access to memory that was swapped out or merged takes milliseconds.',
    source: 'libvirt knowledge base, KVM Real Time Guest Config (2026)',
    broken: (subject) =>
      realTimeVcpus(subject).length === 0 ||
      settingOf(subject, 'locked') === 'yes' ||
      settingOf(subject, 'hugepages') !== undefined
        ? undefined
        : {
            text: 'its memory is neither locked nor in huge pages',
            next: 'set memory.locked or memory.pages',
          },
  },
  {
    code: 'HINT_NEEDS_PINNING',
    level: 'refuse',
    what: 'With kvm.hint-dedicated, each vCPU is pinned to a dedicated CPU.',
    why: 'The guest spins instead of yielding: on shared CPUs it spins for a vCPU that is not running.',
    source:
      'libvirt formatdomain (2026), Hypervisor features; Linux 6.12, Documentation/virt/kvm/x86/cpuid.rst (2024), KVM_HINTS_REALTIME',
    broken: (subject) => {
      const vcpu = hasHint(subject) ? withoutOwnCpu(subject, vcpusOf(subject)) : undefined;
      return vcpu === undefined
        ? undefined
        : {
            text: `the guest assumes dedicated CPUs (kvm.hint-dedicated), but vCPU ${vcpu} runs ${whereIs(subject, vcpu)}`,
            next: 'pin vCPUs one to one (cpu.pinning: dedicated), or remove hint-dedicated (virsh edit)',
          };
    },
  },
  {
    code: 'HINT_SHARES_CPU',
    level: 'refuse',
    what: 'With kvm.hint-dedicated, no thread of another domain is pinned to its CPUs.',
    why: 'The CPUs are not dedicated then: the guest spins for a vCPU that is not running.',
    source: 'Linux 6.12, Documentation/virt/kvm/x86/cpuid.rst (2024), KVM_HINTS_REALTIME',
    broken: (subject) => (hasHint(subject) ? sharers(subject, vcpusOf(subject)) : undefined),
  },
  {
    code: 'HINT_WITH_QUOTA',
    level: 'warn',
    what: 'With kvm.hint-dedicated, no CPU quota applies.',
    why: 'While a vCPU that holds a lock is throttled, the others spin for it.',
    source: 'Linux 6.12, Documentation/scheduler/sched-bwc.rst (2024)',
    broken: (subject) => {
      const quota = ['vcpu.quota', 'global.quota'].find((id) => settingOf(subject, id) !== undefined);
      return hasHint(subject) && quota !== undefined ? { text: `${quota} throttles it` } : undefined;
    },
  },
  {
    code: 'PIN_NOT_ONLINE',
    level: 'refuse',
    what: 'Each pin has a CPU that is online and that VMs may use.',
    why: 'Otherwise libvirt does not start the domain.',
    source: 'sched_setaffinity(2), Linux man-pages 6.9 (2024), EINVAL',
    broken: (subject) => {
      const usable = vmCpusOf(subject.host);
      if (usable.size === 0) return undefined;
      const { vcpuPins, emulatorPin, ioThreadPins } = subject.facts.cpu;
      const pins = [
        ...vcpuPins.values(),
        ...(emulatorPin === undefined ? [] : [emulatorPin]),
        ...ioThreadPins.values(),
      ];
      const bad = pins.find((pin) => pin.intersection(usable).size === 0);
      return bad && { text: `none of CPUs ${bad} is available to VMs; available: ${usable}`, cpus: bad };
    },
  },
  {
    code: 'FLOATS_ON_ISOLATED',
    level: 'warn',
    what: 'A vCPU that is pinned to several CPUs has no isolated CPUs among them.',
    why: 'The kernel does not balance load between isolated CPUs: all such threads stay on the first one.',
    source: 'Linux 6.12, Documentation/admin-guide/kernel-parameters.txt (2024), isolcpus',
    broken: (subject) => {
      const isolated = subject.host.local?.isolatedCpus ?? CpuSet.empty;
      const vcpu = vcpusOf(subject).find((each) => {
        const pin = explicitPin(subject, each);
        return pin.size > 1 && pin.intersection(isolated).size > 1;
      });
      return vcpu === undefined
        ? undefined
        : {
            text: `vCPU ${vcpu} may run on CPUs ${explicitPin(subject, vcpu)}, of which ${isolated} are isolated`,
          };
    },
  },
  {
    code: 'MEMORY_FAR_FROM_CPUS',
    level: 'warn',
    what: 'Memory that is bound strictly comes from a cell on which vCPUs are pinned.',
    why: 'Otherwise all its memory is remote: an in-memory PostgreSQL lost 4.5 % of its transactions, 10.6 % without huge pages.',
    source: 'n0derunner.com, Notes on tuning postgres for memory benchmarks (2020 or later)',
    broken: (subject) => {
      const { numaMode, numaNodeset } = subject.facts.memory;
      if (numaMode !== 'strict' || numaNodeset === undefined) return undefined;
      const cpus = cpusOf(subject, vcpusOf(subject));
      const near = CpuSet.of(
        subject.host.topology.cells
          .filter((cell) => cellCpus(cell).intersection(cpus).size > 0)
          .map(({ id }) => id),
      );
      return near.size === 0 || near.intersection(numaNodeset).size > 0
        ? undefined
        : { text: `vCPUs run on cells ${near}, but memory comes from ${numaNodeset}` };
    },
  },
];
