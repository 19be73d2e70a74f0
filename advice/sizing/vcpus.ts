import { percent, ratio } from '../../model/format.ts';
import type { Advice, Evidence, Remedy, Step } from '../advice.ts';
import { uuidFor, virsh } from '../commands.ts';
import { TRANSIENT } from '../transient.ts';
import { decayedQuantile } from './decayed-quantile.ts';
import type { HostRoom } from './room.ts';
import { GROW_SECONDS, MARGIN, SAVED_MIN, SHRINK_SECONDS, TARGET } from './rules.ts';
import type { CpuUsage, VmUsage } from './usage.ts';

/** Steal that a guest notices: then the host is short of CPUs, and more vCPUs would wait as well. */
const STEAL = 0.05;

export interface SizingContext {
  readonly uri: string;
  readonly room: HostRoom;
  readonly hostCpus: number;
  /** Of the range. */
  readonly spanSeconds: number;
}

/** The number of vCPUs that its demand calls for, if the VM has a different number. */
export function vcpuAdvice(vm: VmUsage, cpu: CpuUsage, context: SizingContext): Advice | undefined {
  const p90 = decayedQuantile(cpu.demand, TARGET) ?? 0;
  const enough = Math.max(1, Math.ceil(MARGIN * Math.max(p90, cpu.peakCpus)));
  if (context.spanSeconds >= SHRINK_SECONDS && enough <= (1 - SAVED_MIN) * vm.vcpus)
    return oversized(vm, cpu, p90, enough, context);
  const wanted = Math.ceil(MARGIN * p90);
  if (context.spanSeconds >= GROW_SECONDS && wanted > vm.vcpus && cpu.stealP90 < STEAL)
    return undersized(vm, cpu, p90, wanted, context);
  return undefined;
}

function oversized(
  vm: VmUsage,
  cpu: CpuUsage,
  p90: number,
  enough: number,
  { uri, spanSeconds }: SizingContext,
): Advice {
  const ref = { uuid: vm.uuid, name: vm.name };
  return {
    kind: 'vm-oversized',
    id: `vm-oversized:${vm.uuid.slice(0, 8)}:vcpus`,
    severity: 'info',
    title: `${vm.name} has ${vm.vcpus} vCPUs, but needs only ${enough}`,
    victims: [{ ...ref, evidence: `uses ${ratio(cpu.peakCpus)} CPUs at most` }],
    evidence: evidenceOf(cpu, p90, spanSeconds),
    cause: `its demand never came near ${vm.vcpus} CPUs: its highest mean over five minutes plus ${percent(100 * (MARGIN - 1))} % fits in ${enough}`,
    culprits: [],
    remedies: [
      {
        change: `give it ${enough} vCPUs from its next start on${vm.isTransient ? TRANSIENT : ''}`,
        steps: vm.isTransient ? [] : [setVcpus(uri, vm, enough)],
        cost: 'none: other VMs get at least the CPU time that they have now',
        payers: [ref],
        gain: `${vm.vcpus - enough} fewer vCPUs for the host to schedule; preempted vCPUs hold its locks less often`,
        risk: 'bursts shorter than five minutes are not seen; software in the guest that counts CPUs starts fewer threads. A new weekly or monthly load is not in the range',
        effect: 'next boot',
      },
    ],
    harm: 0,
  };
}

function undersized(vm: VmUsage, cpu: CpuUsage, p90: number, wanted: number, context: SizingContext): Advice {
  const ref = { uuid: vm.uuid, name: vm.name };
  return {
    kind: 'vm-undersized',
    id: `vm-undersized:${vm.uuid.slice(0, 8)}:vcpus`,
    severity: 'warn',
    title: `${vm.name} uses all of its ${vm.vcpus} vCPUs`,
    victims: [{ ...ref, evidence: `${ratio(p90)} of ${vm.vcpus} CPUs` }],
    evidence: evidenceOf(cpu, p90, context.spanSeconds),
    cause: `its demand is close to its ${vm.vcpus} vCPUs, and the host serves all of it`,
    culprits: [],
    remedies: [more(vm, wanted, context)],
    harm: 0,
  };
}

function more(vm: VmUsage, wanted: number, { uri, room, hostCpus }: SizingContext): Remedy {
  const cpus = wanted - vm.vcpus;
  const risk = 'a compute-bound VM uses all vCPUs that it has: ask whether its users wait for it';
  if (wanted > hostCpus || !room.takeCpus(cpus)) {
    return {
      change: `move it to a host that can give it ${ratio(cpus)} more CPUs; this one has ${ratio(room.cpus)} left`,
      steps: [],
      cost: 'none on this host',
      payers: [],
      gain: 'unknown',
      risk,
      effect: 'nothing changes',
    };
  }
  const byHand = byHandText(vm, wanted);
  return {
    change: `give it ${wanted} vCPUs from its next start on${byHand ?? ''}`,
    steps:
      byHand !== undefined
        ? []
        : [
            // Only to raise it: a lower maximum would also lower what can be hot-plugged.
            ...(exceedsMaximum(vm, wanted) ? [setVcpus(uri, vm, wanted, '--maximum')] : []),
            setVcpus(uri, vm, wanted),
          ],
    cost: `up to ${cpus} CPUs: for 95 % of the time the demand of all VMs stays below 85 % of the host's CPUs, by ${ratio(room.cpus)} CPUs`,
    payers: [],
    gain: 'unknown: what it would use with more vCPUs is not measured. Ask again after a day',
    risk,
    effect: 'next boot',
  };
}

const exceedsMaximum = ({ maximumVcpus = 0 }: VmUsage, wanted: number): boolean => wanted > maximumVcpus;

/** Why there is no command; undefined where there is one. */
function byHandText(vm: VmUsage, wanted: number): string | undefined {
  if (vm.isTransient) return TRANSIENT;
  if (vm.maximumVcpus === undefined) return ', by hand: its maximum number of vCPUs is not recorded';
  // The topology already includes vCPUs up to the maximum.
  return exceedsMaximum(vm, wanted) && (vm.hasTopology || !vm.isLayoutKnown)
    ? ', by hand: the product of sockets, cores and threads, if its definition has them, must match'
    : undefined;
}

function evidenceOf({ demand, peakCpus, stealP90 }: CpuUsage, p90: number, spanSeconds: number): Evidence[] {
  const same = { samples: demand.length, spanMs: spanSeconds * 1_000 };
  return [
    { figure: 'CPU demand', statistic: 'p90', value: p90, unit: 'CPUs', ...same },
    { figure: 'CPU demand', statistic: 'maximum', value: peakCpus, unit: 'CPUs', ...same },
    { figure: 'CPU steal', statistic: 'p90', value: 100 * stealP90, unit: '%', ...same },
  ];
}

function setVcpus(uri: string, { uuid, name }: VmUsage, vcpus: number, ...flags: string[]): Step {
  const vm = { uuid, name };
  return { argv: virsh(uri, 'setvcpus', uuidFor(vm), String(vcpus), ...flags, '--config'), vm };
}
