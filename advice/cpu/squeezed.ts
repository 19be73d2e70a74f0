import type { CpuSet } from '../../model/cpu-set.ts';
import type { Advice, Remedy } from '../advice.ts';
import type { Context } from '../context.ts';
import type { CpuLoad, VmLoad } from '../cpu-load.ts';
import type { ObservedVm } from '../observation.ts';
import type { CpuCause } from './causes.ts';
import { consumers, cpuEvidence, harmOf, severityOf, sufferers } from './parts.ts';
import { cellRisk, cellText, nearMemory, pinSteps, targetsFor } from './room.ts';
import { gainText, isWorthwhile, whatIf } from './what-if.ts';

/** VMs that share a few CPUs, and wait there while other CPUs of the host are free. */
export function cpusSqueezed(cause: CpuCause, context: Context, load: CpuLoad): Advice {
  const { victims, cpus } = cause;
  const within = [
    ...new Set(
      load.loads
        .filter(({ floats, cpus: its }) => !floats && its.isSubsetOf(cpus))
        .flatMap(({ vm }) => vm ?? []),
    ),
  ];
  return {
    kind: 'cpus-squeezed',
    id: `cpus-squeezed:${cpus.first}`,
    severity: severityOf(victims),
    title: `${within.length} VMs share CPU ${cpus} and wait there, while other CPUs of the host are free`,
    victims: sufferers(victims),
    evidence: cpuEvidence(victims, load, context),
    cause: `their pins keep them on ${cpus.size} CPUs`,
    culprits: consumers(within, load),
    remedies: widenOf(within, cause, context, load),
    harm: harmOf(victims),
  };
}

function widenOf(
  within: readonly ObservedVm[],
  { victims, cpus }: CpuCause,
  context: Context,
  load: CpuLoad,
): Remedy[] {
  const free = load.unclaimed(within).union(cpus);
  const targets = within.map(
    (vm) =>
      [
        vm,
        targetsFor(vm, nearMemory(vm, free, context), context).filter(({ size }) => size > cpus.size),
      ] as const,
  );
  // First each VM within one cell; across all cells only where that is not enough.
  for (const choose of [0, -1]) {
    const wider = new Map(
      targets.flatMap(([vm, its]) => (its.length === 0 ? [] : [[vm, its.at(choose) as CpuSet]])),
    );
    const result = whatIf(load, victims, [], (each: VmLoad) => {
      const target = each.vm === undefined ? undefined : wider.get(each.vm);
      return target === undefined || each.floats ? each : { ...each, cpus: target };
    });
    if (wider.size === 0 || !isWorthwhile(result)) continue;
    const all = [...wider.values()].reduce((sum, each) => sum.union(each));
    return [
      {
        change: `let ${wider.size} VMs run on CPU ${all}${cellText(all, context)}, to which no other VM is pinned`,
        steps: [...wider].flatMap(([vm, target]) => pinSteps(context.uri, vm, target)),
        cost: 'no VM loses CPU time, computed from the CPU demand of all VMs on the host',
        payers: [],
        gain: gainText(result, victims),
        risk: cellRisk([...wider.values()], context),
        effect: 'live',
      },
    ];
  }
  return [];
}
