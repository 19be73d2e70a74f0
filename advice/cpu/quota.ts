import { ratio } from '../../model/format.ts';
import type { Advice, Remedy } from '../advice.ts';
import { lasting, refOf, virshStep } from '../commands.ts';
import type { Context } from '../context.ts';
import type { CpuLoad, VmLoad } from '../cpu-load.ts';
import { medianOf } from '../evidence.ts';
import { keep } from '../keep.ts';
import type { ObservedVm } from '../observation.ts';
import type { CpuCause } from './causes.ts';
import { cpuEvidence, demandOf, harmOf, severityOf, sufferers } from './parts.ts';
import { gainText, isWorthwhile, whatIf } from './what-if.ts';

/** Above the current demand of a VM, so that the next burst is not throttled again. */
const HEADROOM = 1.25;

/** VMs that their own CPU quota holds back. */
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
    cause: victims
      .map(
        (vm) =>
          `${vm.name} has a demand of ${ratio(demandOf(vm))} CPUs, and its quota allows ${ratio(capOf(vm, load))}`,
      )
      .join('; '),
    culprits: [],
    remedies: raiseOf(victims, context, load),
    harm: harmOf(victims),
  };
}

function capOf(vm: ObservedVm, load: CpuLoad): number {
  return load.of(vm).reduce((sum, { cap }) => sum + cap, 0);
}

/** As far as the host has the CPUs: raised for those whose gain costs no other VM anything. */
function raiseOf(victims: readonly ObservedVm[], context: Context, load: CpuLoad): Remedy[] {
  const raised = new Map(victims.map((vm) => [vm, Math.min(vm.vcpus, demandOf(vm) * HEADROOM)]));
  const result = whatIf(load, victims, [], (each: VmLoad) => {
    const cpus = each.vm === undefined ? undefined : raised.get(each.vm);
    return cpus === undefined || each.vm === undefined
      ? each
      : { ...each, cap: (cpus * each.vcpus) / each.vm.vcpus };
  });
  if (!isWorthwhile(result)) return [keep('quota')];
  return [
    {
      change: `raise the quota to what ${victims.length === 1 ? 'it asks' : 'they ask'} for and a quarter more; the host has the CPUs`,
      steps: [...raised].flatMap(([vm, cpus]) => quotaSteps(context.uri, vm, cpus)),
      cost: 'no VM loses CPU time, computed from the CPU demand of all VMs on the host',
      payers: [],
      gain: gainText(result, victims),
      risk: 'a quota may be what was sold: ask who set it',
      effect: 'live',
    },
    keep('quota'),
  ];
}

function quotaSteps(uri: string, vm: ObservedVm, cpus: number) {
  const { vcpuCpus, globalCpus, vcpuPeriodUs = 0, globalPeriodUs = 0 } = vm.facts?.cpu.quota ?? {};
  const perVcpu = cpus / vm.vcpus;
  const set = (name: string, amount: number, periodUs: number) => [
    virshStep(
      uri,
      vm,
      'schedinfo',
      '--set',
      `${name}=${amount < 0 ? -1 : Math.ceil(amount * periodUs)}`,
      ...lasting(vm.sample),
    ),
  ];
  return [
    ...(vcpuCpus === undefined ? [] : set('vcpu_quota', perVcpu >= 1 ? -1 : perVcpu, vcpuPeriodUs)),
    ...(globalCpus === undefined ? [] : set('global_quota', cpus * 1.1, globalPeriodUs)),
  ].map((step) => ({ ...step, vm: refOf(vm) }));
}
