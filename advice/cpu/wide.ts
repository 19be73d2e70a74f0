import { CpuSet } from '../../model/cpu-set.ts';
import type { Advice, Remedy } from '../advice.ts';
import { refOf, virshStep } from '../commands.ts';
import type { Context } from '../context.ts';
import type { CpuLoad, VmLoad } from '../cpu-load.ts';
import type { ObservedVm } from '../observation.ts';
import { isTransient, TRANSIENT } from '../transient.ts';
import type { CpuCause } from './causes.ts';
import { cpuEvidence, harmOf, severityOf, sufferers } from './parts.ts';
import { cellRisk, cellText, nearMemory, pinSteps, targetsFor } from './room.ts';
import { gainText, isWorthwhile, whatIf } from './what-if.ts';

/** A VM whose vCPUs wait for each other, because it has more of them than CPUs to run on. */
export function wideVm({ victims }: CpuCause, context: Context, load: CpuLoad): Advice[] {
  return victims.map((vm) => {
    const { vcpus, cpus: allowed } = crowdOf(vm, load);
    return {
      kind: 'wide-vm',
      id: `wide-vm:${vm.uuid.slice(0, 8)}`,
      severity: severityOf([vm]),
      title: `${vcpus} vCPUs run on ${allowed.size} CPUs, and wait for each other`,
      victims: sufferers([vm]),
      evidence: cpuEvidence([vm], load, context),
      cause:
        allowed.size >= load.cpus.size
          ? 'the VM has more vCPUs than the host has CPUs'
          : `its pins keep ${vcpus} vCPUs on CPU ${allowed}`,
      culprits: [],
      remedies: [
        ...widenOf(vm, allowed, context, load),
        // Removing vCPUs keeps the first ones, wherever they are pinned, so the VM must be crowded as a whole.
        ...(vcpus === vm.vcpus ? [fewerOf(vm, allowed, context)] : []),
      ],
      harm: harmOf([vm]),
    };
  });
}

/** vCPUs that wait for each other, and the CPUs that they share: because their pins are too narrow, else all. */
function crowdOf(vm: ObservedVm, load: CpuLoad): { readonly vcpus: number; readonly cpus: CpuSet } {
  const own = load.of(vm);
  const crowd = (loads: readonly VmLoad[]) => ({
    vcpus: loads.reduce((sum, each) => sum + each.vcpus, 0),
    cpus: loads.reduce<CpuSet>((all, each) => all.union(each.cpus), CpuSet.empty),
  });
  const narrow = crowd(own.filter(({ floats, delay }) => !floats && delay > 0));
  return narrow.vcpus > narrow.cpus.size ? narrow : crowd(own);
}

function widenOf(vm: ObservedVm, allowed: CpuSet, context: Context, load: CpuLoad): Remedy[] {
  const free = nearMemory(vm, load.unclaimed([vm]).union(allowed), context);
  for (const target of [...targetsFor(vm, free, context), free]) {
    if (target.size <= allowed.size) continue;
    const result = whatIf(load, [vm], [], (each: VmLoad) =>
      each.vm === vm ? { ...each, cpus: target } : each,
    );
    if (!isWorthwhile(result)) continue;
    return [
      {
        change: `let it run on CPU ${target}${cellText(target, context)}, to which no other VM is pinned`,
        steps: pinSteps(context.uri, vm, target),
        cost: 'no VM loses CPU time, computed from the CPU demand of all VMs on the host',
        payers: [],
        gain: gainText(result, [vm]),
        risk: cellRisk([target], context),
        effect: 'live',
      },
    ];
  }
  return [];
}

/** vCPUs that never run at the same time only wait for each other's locks. */
function fewerOf(vm: ObservedVm, allowed: CpuSet, { uri }: Context): Remedy {
  return {
    change: `give it ${allowed.size} vCPUs, as many as it can run at a time${isTransient(vm) ? TRANSIENT : ''}`,
    steps: isTransient(vm) ? [] : [virshStep(uri, vm, 'setvcpus', String(allowed.size), '--config')],
    cost: 'none: it gets the same CPU time',
    payers: [refOf(vm)],
    gain: 'its vCPUs no longer wait for each other; the speedup is unknown',
    risk: 'software in the guest that counts CPUs starts fewer threads',
    effect: 'next boot',
  };
}
