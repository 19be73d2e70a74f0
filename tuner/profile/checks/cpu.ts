import { CpuSet } from '../../../model/cpu-set.ts';
import { cpusInUse, vmCpusOf } from '../../facts/facts.ts';
import { parseTopology } from '../../settings/cpu.ts';
import { cpuNumbers } from '../../settings/values.ts';
import { type Check, type CheckView, check } from './check.ts';

const X86 = /^(x86_64|i686)$/;

/** Whether every vCPU is pinned to exactly one CPU, and no two to the same. */
function pinnedOneToOne(view: CheckView): boolean {
  const vcpus = view.facts.cpu.vcpusMaximum ?? 1;
  const taken = new Set<number>();
  for (let vcpu = 0; vcpu < vcpus; vcpu++) {
    const pin = cpuNumbers(view.will('vcpupin', String(vcpu)));
    if (pin.size !== 1 || pin.first === undefined || taken.has(pin.first)) return false;
    taken.add(pin.first);
  }
  return true;
}

/** CPUs of vCPUs on which the emulator or an iothread of the same VM also runs and competes for CPU time. */
function helpersOnVcpus(view: CheckView): CpuSet {
  const vcpus = view.facts.cpu.vcpusMaximum ?? 1;
  const own = CpuSet.of(
    Array.from({ length: vcpus }, (_, vcpu) => cpuNumbers(view.will('vcpupin', String(vcpu)))).flatMap(
      (pin) => [...pin],
    ),
  );
  const ioThreads = [...cpuNumbers(view.will('iothreads'))].map((id) => view.will('iothreadpin', String(id)));
  const cpuset = view.will('vcpu.cpuset');
  return [view.will('emulatorpin'), ...ioThreads]
    .map((pin) =>
      cpusInUse(own, {
        pin: pin === undefined ? undefined : cpuNumbers(pin),
        cpuSet: cpuset === undefined ? undefined : cpuNumbers(cpuset),
        host: view.host,
      }),
    )
    .reduce((all, cpus) => all.union(cpus), CpuSet.empty);
}

export const cpuChecks: readonly Check[] = [
  check(/^kvm\.hint-dedicated$/, (value, _, view) => {
    const shared = value === 'on' && pinnedOneToOne(view) ? helpersOnVcpus(view) : CpuSet.empty;
    return shared.size === 0
      ? undefined
      : {
          code: 'HINT_SHARED_CPUS',
          text: `vCPUs would share CPUs ${shared} with the emulator threads or iothreads of this VM: a guest that assumes dedicated CPUs spins while these wait`,
          next: 'reserve a CPU for the host (--host-cpus), or use separate CPUs (emulator.cpus, iothread.cpus)',
        };
  }),
  check(/^(vcpupin|emulatorpin|iothreadpin|vcpu\.cpuset)$/, (value, _, { host }) => {
    const missing = cpuNumbers(value).difference(host.online);
    return host.online.size === 0 || missing.size === 0
      ? undefined
      : {
          code: 'CPU_NOT_ONLINE',
          text: `CPUs ${missing} are not online on this host; online: ${host.online}`,
        };
  }),
  check(/^(vcpupin|emulatorpin|iothreadpin|vcpu\.cpuset)$/, (value, _, { host }) => {
    const vmCpus = vmCpusOf(host);
    const missing = cpuNumbers(value).difference(vmCpus);
    return vmCpus.size === 0 || missing.size === 0
      ? undefined
      : {
          code: 'CPU_NOT_FOR_VMS',
          text: `the cgroup of VMs has only CPUs ${vmCpus}: a VM with a pin to CPUs ${missing} does not start`,
          next: 'check cpuset.cpus.effective of machine.slice, AllowedCPUs= of the unit, and cpuset.cpus.partition of its sibling cgroups',
        };
  }),
  check(/^(hyperv\.|kvm\.|cpu\.feature\.|timer\.)/, (_, { setting }, { facts }) =>
    facts.os.arch === undefined || X86.test(facts.os.arch)
      ? undefined
      : { code: 'NOT_X86', text: `${setting.id} is for x86, but the guest is ${facts.os.arch}` },
  ),
  check(
    /^(kvm\.|timer\.(kvmclock|hypervclock)$|cpu\.feature\.|cachetune$|memorytune$)/,
    (value, { setting }, { facts }) =>
      facts.type === 'kvm' || value === 'off' || value === 'no' || value === 'disable'
        ? undefined
        : {
            code: 'NOT_KVM',
            text: `${setting.id} needs KVM, but the domain type is ${facts.type ?? 'unknown'}`,
          },
  ),
  check(/^shares$/, (value, _, { host }) => {
    const version = host.local?.cgroupVersion;
    const [min, max] = version === 2 ? [1, 10_000] : [2, 262_144];
    return version === undefined || (Number(value) >= min && Number(value) <= max)
      ? undefined
      : {
          code: 'SHARES_RANGE',
          text: `CPU shares of ${value} are out of range for cgroup v${version} on this host; use ${min} to ${max}`,
        };
  }),
  check(/^kvm\.hint-dedicated$/, (value, _, view) =>
    value !== 'on' || pinnedOneToOne(view)
      ? undefined
      : {
          code: 'HINT_NEEDS_PINNING',
          text: 'the guest would assume dedicated CPUs but does not have them: it spins while the vCPU that it waits for is not running',
          next: 'pin vCPUs one to one: cpu.pinning: dedicated',
        },
  ),
  check(/^vcpusched$/, (value, { target }, { host, will }) => {
    const pin = cpuNumbers(will('vcpupin', target));
    const isolated = host.local?.isolatedCpus;
    return !/^(fifo|rr) /.test(value) || pin.size !== 1 || isolated === undefined || pin.isSubsetOf(isolated)
      ? undefined
      : {
          code: 'REAL_TIME_NOT_ISOLATED',
          text: `real-time vCPU ${target} (${value}) would run on CPU ${pin}, which the kernel also uses: they delay each other, and kernel threads starve`,
          next: 'isolate CPUs for such VMs (isolcpus), or do not set cpu.scheduler',
        };
  }),
  check(/^vcpusched$/, (value, _, view) =>
    !/^(fifo|rr) /.test(value) || pinnedOneToOne(view)
      ? undefined
      : {
          code: 'REAL_TIME_NEEDS_PINNING',
          text: `real-time vCPUs (${value}) without dedicated CPUs would starve everything else on the host`,
          next: 'pin vCPUs one to one: cpu.pinning: dedicated',
        },
  ),
  check(/^cpu\.mode$/, (value, _, { state: { capabilities } }) =>
    capabilities === undefined ||
    capabilities.cpuModes.size === 0 ||
    value.startsWith('custom') ||
    capabilities.cpuModes.has(value)
      ? undefined
      : {
          code: 'CPU_MODE_UNSUPPORTED',
          text: `the emulator of this domain does not support CPU mode ${value} (virsh domcapabilities)`,
        },
  ),
  check(/^cpu\.feature\./, (_, { setting }, view) => {
    const mode = view.will('cpu.mode');
    return mode === undefined || mode === 'custom'
      ? {
          code: 'CPU_FEATURE_NEEDS_MODEL',
          text: `${setting.id} needs a CPU model, but the domain has none`,
          next: 'also set cpu.mode',
        }
      : undefined;
  }),
  check(/^cpu\.topology$/, (value, _, { facts }) => {
    const parts = parseTopology(value);
    const vcpus = facts.cpu.vcpusMaximum ?? 1;
    const product = parts === undefined ? 0 : Object.values(parts).reduce((total, part) => total * part, 1);
    return product === vcpus
      ? undefined
      : { code: 'TOPOLOGY_MISMATCH', text: `${value} makes ${product} vCPUs, but the domain has ${vcpus}` };
  }),
];
