import type { CpuQuota } from '../../model/domain/cpu.ts';
import { ratio } from '../../model/format.ts';
import type { Advice, Remedy, Step } from '../advice.ts';
import { lasting, virshStep } from '../commands.ts';
import type { Context } from '../context.ts';
import { type CpuLoad, capUnder, type VmLoad } from '../cpu-load.ts';
import { medianOf } from '../evidence.ts';
import { namesOf } from '../names.ts';
import { keep } from '../no-change.ts';
import type { ObservedVm } from '../observation.ts';
import { type CpuCause, FULL } from './causes.ts';
import { cpuEvidence, harmOf, severityOf, sufferers } from './parts.ts';
import { gainText, shareOf, type WhatIf, whatIf } from './what-if.ts';

/** Headroom over a VM's current demand, so that the next burst is not throttled again. */
const HEADROOM = 1.25;
/** A quota of the whole VM also throttles QEMU's other threads: a tenth for them. */
const QEMU_THREADS = 1.1;
/** VMs tried one by one where the host lacks the CPUs to raise all of them. */
const TRIED = 20;

/** VMs that their own CPU quota throttles. */
export function cpuQuota({ victims }: CpuCause, context: Context, load: CpuLoad): Advice {
  const [first] = victims;
  return {
    kind: 'cpu-quota',
    id: 'cpu-quota',
    severity: severityOf(victims),
    title: `${victims.length === 1 ? 'a VM is' : `${victims.length} VMs are`} throttled by a CPU quota`,
    victims: sufferers(victims),
    evidence: [
      ...(victims.length === 1 && first !== undefined
        ? medianOf('periods with throttling', first.throttled, {
            unit: '%',
            scale: 100,
            over: context.observation,
          })
        : []),
      ...cpuEvidence(victims, load, context),
    ],
    cause: victims.map((vm) => causeOf(vm, load)).join('; '),
    culprits: [],
    remedies: raiseOf(victims, context, load),
    harm: harmOf(victims),
  };
}

function capOf(vm: ObservedVm, load: CpuLoad): number {
  return load.of(vm).reduce((sum, { cap }) => sum + cap, 0);
}

const askedBy = ({ runCpus, delayCpus }: ObservedVm): number => (runCpus.mean ?? 0) + (delayCpus.mean ?? 0);

/** A mean below the quota hides throttling: periods are short, and each vCPU has a separate quota. */
function causeOf(vm: ObservedVm, load: CpuLoad): string {
  const [asked, allowed] = [askedBy(vm), capOf(vm, load)];
  const { vcpuCpus } = vm.facts?.cpu.quota ?? {};
  const each = vcpuCpus === undefined ? '' : `, ${ratio(vcpuCpus)} to each vCPU`;
  return `${vm.name} has a demand of ${ratio(asked)} CPUs, and its quota allows ${ratio(allowed)}${
    asked < FULL * allowed ? `${each}: in bursts or on single vCPUs it asks for more` : ''
  }`;
}

/** CPUs that a VM's quotas allow; undefined where it has no quota of a kind, infinite where it should be removed. */
type Quotas = Pick<CpuQuota, 'vcpuCpus' | 'globalCpus'>;

/** Raises the quotas of VMs that gain by it, at the expense of no other VM, as far as the host has the CPUs. */
function raiseOf(victims: readonly ObservedVm[], context: Context, load: CpuLoad): Remedy[] {
  const raised = affordable(victims, load);
  const vms = [...raised.keys()];
  if (vms.length === 0) return [keep('quota')];
  const whose = vms.length === victims.length ? 'the quota' : `the quota of ${namesOf(vms)}`;
  return [
    {
      change: `raise ${whose} to ${vms.length === 1 ? 'its' : 'their'} demand plus 25 %; the host has enough CPUs`,
      steps: [...raised].flatMap(([vm, quotas]) => quotaSteps(context.uri, vm, quotas)),
      cost: 'no VM loses CPU time, computed from the CPU demand of all VMs on the host',
      payers: [],
      gain: gainText(withQuotas(raised, load), vms),
      risk: 'the quota may be part of a service plan: ask who set it',
      effect: 'live',
    },
    keep('quota'),
  ];
}

/**
 * Victims whose quotas can grow and that benefit: all of them if no other VM is harmed, else one by one, the worst
 * first, as far as there is room.
 */
function affordable(victims: readonly ObservedVm[], load: CpuLoad): ReadonlyMap<ObservedVm, Quotas> {
  const wanted = victims
    .toSorted((a, b) => (b.steal.median ?? 0) - (a.steal.median ?? 0))
    .flatMap((vm) => {
      const quotas = quotasFor(vm, load);
      return quotas === undefined ? [] : [[vm, quotas] as const];
    });
  const together = withQuotas(new Map(wanted), load);
  if (together.harmed.length === 0) return new Map(wanted.filter(([vm]) => isRelieved(together, vm)));
  let raised = new Map<ObservedVm, Quotas>();
  for (const [vm, quotas] of wanted.slice(0, TRIED)) {
    const more = new Map([...raised, [vm, quotas]]);
    const result = withQuotas(more, load);
    if (result.harmed.length === 0 && isRelieved(result, vm)) raised = more;
  }
  return raised;
}

function withQuotas(raised: ReadonlyMap<ObservedVm, Quotas>, load: CpuLoad): WhatIf {
  return whatIf(load, [...raised.keys()], [], (each: VmLoad) => {
    const quotas = each.vm === undefined ? undefined : raised.get(each.vm);
    return quotas === undefined || each.vm === undefined
      ? each
      : { ...each, cap: capUnder(quotas, { vcpus: each.vcpus, ofAll: each.vm.vcpus }) };
  });
}

/** Whether its unserved share is at most half of what it was. */
function isRelieved({ before, served }: WhatIf, vm: ObservedVm): boolean {
  const lacked = 1 - shareOf(before, vm);
  return lacked > 0 && 1 - shareOf(served, vm) <= lacked / 2;
}

/** Both quotas of a VM, never lower than now; undefined where neither would grow. */
function quotasFor(vm: ObservedVm, load: CpuLoad): Quotas | undefined {
  const { vcpuCpus, globalCpus } = vm.facts?.cpu.quota ?? {};
  // For vCPUs with the same pins only the sum is known; with different pins, the quota must suffice for each.
  const perVcpu = Math.max(...load.of(vm).map(({ demand, vcpus }) => (demand * HEADROOM) / vcpus));
  const whole = Math.min(vm.vcpus, askedBy(vm) * HEADROOM) * QEMU_THREADS;
  const quotas: Quotas = {
    // A thread cannot use more than one CPU, so a quota of 1 limits nothing.
    vcpuCpus:
      vcpuCpus === undefined || vcpuCpus >= 1
        ? vcpuCpus
        : Math.max(vcpuCpus, perVcpu >= 1 ? Number.POSITIVE_INFINITY : perVcpu),
    globalCpus: globalCpus === undefined ? undefined : Math.max(globalCpus, whole),
  };
  return quotas.vcpuCpus === vcpuCpus && quotas.globalCpus === globalCpus ? undefined : quotas;
}

/** Only for quotas that grow. */
function quotaSteps(uri: string, vm: ObservedVm, { vcpuCpus, globalCpus }: Quotas): Step[] {
  const now = vm.facts?.cpu.quota;
  if (now === undefined) return [];
  const set = (name: string, cpus = 0, present = 0, periodUs: number): Step[] => {
    const quota = Number.isFinite(cpus) ? Math.round(cpus * periodUs) : -1;
    return cpus <= present
      ? []
      : [virshStep(uri, vm, 'schedinfo', '--set', `${name}=${quota}`, ...lasting(vm.sample))];
  };
  return [
    ...set('vcpu_quota', vcpuCpus, now.vcpuCpus, now.vcpuPeriodUs),
    ...set('global_quota', globalCpus, now.globalCpus, now.globalPeriodUs),
  ];
}
