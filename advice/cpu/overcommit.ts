import { percent, ratio } from '../../model/format.ts';
import type { Advice, Remedy } from '../advice.ts';
import { isBatch, isDatabase } from '../behaviour.ts';
import { refOf, virshStep } from '../commands.ts';
import type { Context } from '../context.ts';
import type { CpuLoad, VmLoad } from '../cpu-load.ts';
import type { ObservedVm } from '../observation.ts';
import type { CpuCause } from './causes.ts';
import { consumers, cpuEvidence, demandOf, harmOf, severityOf, sufferers } from './parts.ts';
import { gainText, shareOf, type WhatIf, whatIf } from './what-if.ts';

/** Of what VMs that are not limited ask for, what may stay unserved. */
const SHORT_ENOUGH = 0.05;
/** Weights that are tried, as shares of what a VM has now, the mildest first. */
const WEIGHTS = [1 / 2, 1 / 4, 1 / 8] as const;
/** A VM that gets less than this of what it asks for makes no progress. */
const PAYER_MIN_SHARE = 0.2;
/** A host is asked for no more than this after a move: bursts have room. */
const ROOMY = 0.85;

/** The host is asked for more CPU time than it has. */
export function cpuOvercommit({ victims }: CpuCause, context: Context, load: CpuLoad): Advice {
  const culprits = [...new Set(load.loads.flatMap(({ vm }) => vm ?? []))].filter(
    (vm) => demandOf(vm) >= 0.02 * load.demand,
  );
  return {
    kind: 'cpu-overcommit',
    id: 'cpu-overcommit',
    severity: severityOf(victims),
    title: `${victims.length === 1 ? 'a VM waits' : `${victims.length} VMs wait`} for CPUs: the host is asked for more than it has`,
    victims: sufferers(victims),
    evidence: cpuEvidence(victims, load, context),
    cause: `VMs ask for ${ratio(load.demand - load.hostCpus)} CPUs${load.hostCpus < 0.5 ? '' : ` and the host itself for ${ratio(load.hostCpus)}`}, and the host has ${load.cpus.size}`,
    culprits: consumers(culprits).slice(0, 10),
    remedies: [...sharesOf(victims, context, load), ...moveOf(victims, load)],
    harm: harmOf(victims),
  };
}

interface Limit {
  readonly payers: readonly ObservedVm[];
  readonly weight: number;
  readonly result: WhatIf;
  readonly spared: readonly ObservedVm[];
}

/** The fewest VMs that no one waits for, limited as little as it takes. */
function sharesOf(victims: readonly ObservedVm[], context: Context, load: CpuLoad): Remedy[] {
  const computing = [...new Set(load.loads.flatMap(({ vm }) => vm ?? []))]
    .filter((vm) => isBatch(vm) && !isDatabase(vm))
    .toSorted((a, b) => demandOf(b) - demandOf(a));
  const limit = mildest(victims, computing, load);
  if (limit === undefined) return [];
  const { payers, weight, result } = limit;
  return [
    {
      change: `give ${names(payers)} 1/${Math.round(1 / weight)} of the CPU shares that they have now`,
      steps: sharesSteps(payers, weight, context),
      cost: payers
        .map(
          (vm) =>
            `${vm.name} gets ${percent(100 * shareOf(result.served, vm))} % of what it asks for instead of ${percent(100 * shareOf(result.before, vm))} %`,
        )
        .join('; '),
      payers: payers.map(refOf),
      gain: gainText(result),
      risk: 'they take longer; shares have no effect while CPUs are free',
      effect: 'live',
    },
  ];
}

function mildest(
  victims: readonly ObservedVm[],
  computing: readonly ObservedVm[],
  load: CpuLoad,
): Limit | undefined {
  let best: Limit | undefined;
  for (const weight of WEIGHTS) {
    for (let count = 1; count <= computing.length; count++) {
      const payers = computing.slice(0, count);
      const spared = victims.filter((vm) => !payers.includes(vm));
      if (spared.length === 0) break;
      const result = whatIf(load, spared, payers, (each: VmLoad) =>
        each.vm !== undefined && payers.includes(each.vm) ? { ...each, weight: each.weight * weight } : each,
      );
      if (payers.some((vm) => shareOf(result.served, vm) < PAYER_MIN_SHARE)) continue;
      const limit = { payers, weight, result, spared };
      if (result.shortAfter <= SHORT_ENOUGH) return limit;
      if (result.shortAfter < (best?.result.shortAfter ?? result.shortBefore / 2)) best = limit;
    }
  }
  return best;
}

/** Without the shares that the kernel uses now no number is right: 1024 is usual with cgroup v1, 100 with v2. */
function sharesSteps(payers: readonly ObservedVm[], weight: number, { uri, observation }: Context) {
  const now = observation.cpuShares;
  if (now === undefined || payers.some(({ uuid }) => !now.has(uuid))) return [];
  return payers.map((vm) =>
    virshStep(
      uri,
      vm,
      'schedinfo',
      '--set',
      `cpu_shares=${Math.max(2, Math.round((now.get(vm.uuid) ?? 0) * weight))}`,
      '--live',
    ),
  );
}

/** The fewest VMs whose CPUs elsewhere would leave room here; first those that can move and compute. */
function moveOf(victims: readonly ObservedVm[], load: CpuLoad): Remedy[] {
  const movable = [
    ...new Set(load.loads.flatMap(({ vm, floats }) => (vm !== undefined && floats ? [vm] : []))),
  ]
    .filter((vm) => !isDatabase(vm))
    .toSorted((a, b) => Number(isBatch(b)) - Number(isBatch(a)) || demandOf(b) - demandOf(a));
  const leaving: ObservedVm[] = [];
  let demand = load.demand;
  for (const vm of movable) {
    if (demand <= ROOMY * load.cpus.size) break;
    leaving.push(vm);
    demand -= demandOf(vm);
  }
  if (leaving.length === 0) return [];
  const result = whatIf(
    load,
    victims.filter((vm) => !leaving.includes(vm)),
    leaving,
    (each: VmLoad) => (each.vm !== undefined && leaving.includes(each.vm) ? { ...each, demand: 0 } : each),
  );
  return [
    {
      change: `move ${names(leaving)} to another host: together they ask for ${ratio(leaving.reduce((sum, vm) => sum + demandOf(vm), 0))} CPUs`,
      steps: [],
      cost: 'none on this host; each VM is paused for a moment at the end of its migration',
      payers: leaving.map(refOf),
      gain: gainText(result),
      risk: 'a migration copies all memory over the network; choose a host with CPUs and memory to spare',
      effect: 'live',
    },
  ];
}

const SHOWN = 12;

function names(vms: readonly ObservedVm[]): string {
  const shown = vms.slice(0, SHOWN).map(({ name }) => name);
  return vms.length > SHOWN ? `${shown.join(', ')} and ${vms.length - SHOWN} more` : shown.join(', ');
}
