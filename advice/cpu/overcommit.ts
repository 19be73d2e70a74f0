import { percent, ratio } from '../../model/format.ts';
import type { Advice, Remedy } from '../advice.ts';
import { isBatch, isDatabase } from '../behaviour.ts';
import { refOf, virshStep } from '../commands.ts';
import type { Context } from '../context.ts';
import type { CpuLoad, VmLoad } from '../cpu-load.ts';
import { hasReducedShares } from '../cpu-weights.ts';
import { canMigrate, MIGRATION_RISK } from '../host-ties.ts';
import { namesOf } from '../names.ts';
import type { ObservedVm } from '../observation.ts';
import type { CpuCause } from './causes.ts';
import { capacityText, consumers, cpuEvidence, harmOf, severityOf, sufferers } from './parts.ts';
import { gainText, shareOf, type WhatIf, whatIf } from './what-if.ts';

/** Share of the unlimited VMs' demand that may remain unserved. */
const SHORT_ENOUGH = 0.02;
/** Weights to try, as fractions of a VM's current one, the mildest first. */
const WEIGHTS = [1 / 2, 1 / 4, 1 / 8, 1 / 16] as const;
/** For victims that get their share but wait on wakeup; tested on real guests (docs/advice.md). */
const FOR_WAKING = 1 / 4;
/** A VM that gets less than this share of its demand (within its quota) makes no progress. */
const PAYER_MIN_SHARE = 0.15;
/** Losses that are listed one by one. */
const SHOWN_COSTS = 3;
/** Highest demand on a host after a move, as a share of its CPUs, to leave room for bursts. */
const ROOMY = 0.85;
/** CPUs: moving a VM with less demand does not help. */
const WORTH_MOVING = 0.1;

/** CPU demand exceeds the host's capacity. */
export function cpuOvercommit({ victims }: CpuCause, context: Context, load: CpuLoad): Advice {
  const culprits = [...new Set(load.loads.flatMap(({ vm }) => vm ?? []))].filter(
    (vm) => load.demandOf(vm) >= 0.02 * load.demand && load.of(vm).some((each) => load.usesSharedCpus(each)),
  );
  return {
    kind: 'cpu-overcommit',
    id: 'cpu-overcommit',
    severity: severityOf(victims),
    title: `${victims.length === 1 ? 'a VM waits' : `${victims.length} VMs wait`} for CPUs: CPU demand exceeds what the host has`,
    victims: sufferers(victims),
    evidence: cpuEvidence(victims, load, context),
    cause: `CPU demand is ${ratio(load.demand - load.hostCpus)} CPUs of the VMs${load.hostCpus < 0.5 ? '' : ` and ${ratio(load.hostCpus)} of the host itself`}; ${capacityText(load, context.observation)}`,
    culprits: consumers(culprits, load).slice(0, 10),
    remedies: remediesOf(victims, context, load),
    harm: harmOf(victims),
  };
}

/** Shares first where they are computed to help; last where the victims already get what their shares allow. */
function remediesOf(victims: readonly ObservedVm[], context: Context, load: CpuLoad): Remedy[] {
  const { remedies, isComputed } = lowerShares(victims, context, load);
  const moves = moveOf(victims, load);
  return isComputed ? [...remedies, ...moves] : [...moves, ...remedies];
}

interface Limit {
  readonly weight: number;
  readonly result: WhatIf;
  /** Whether the victims' demand is better served; else they only wait less on wakeup, which is not computed. */
  readonly isComputed: boolean;
}

/** Lowers the shares of all batch VMs, including those between two bursts now, as little as necessary. */
function lowerShares(
  victims: readonly ObservedVm[],
  context: Context,
  load: CpuLoad,
): { readonly remedies: Remedy[]; readonly isComputed: boolean } {
  const payers = [...new Set(load.loads.flatMap(({ vm }) => vm ?? []))]
    .filter((vm) => isBatch(vm) && !isDatabase(vm) && !hasReducedShares(vm, context.observation))
    .toSorted((a, b) => load.demandOf(b) - load.demandOf(a));
  const paying = new Set(payers);
  const spared = victims.filter((vm) => !paying.has(vm));
  const limit = payers.length === 0 || spared.length === 0 ? undefined : mildest(spared, payers, load);
  if (limit === undefined) return { remedies: [], isComputed: false };
  const { weight, result, isComputed } = limit;
  const remedies: Remedy[] = [
    {
      change: `give ${namesOf(payers)} 1/${Math.round(1 / weight)} of their current CPU shares`,
      steps: sharesSteps(payers, weight, context),
      cost: costText(payers, result),
      payers: payers.map(refOf),
      gain: isComputed ? gainText(result, spared) : WAKES_SOONER,
      risk: 'they take longer; shares have no effect while CPUs are free',
      effect: 'live',
    },
  ];
  return { remedies, isComputed };
}

const WAKES_SOONER =
  'unknown: these VMs already get the CPU time that their shares allow; when a thread of theirs wakes up, it waits for the running one, and a thread with fewer shares is preempted sooner';

function mildest(
  spared: readonly ObservedVm[],
  payers: readonly ObservedVm[],
  load: CpuLoad,
): Limit | undefined {
  const paying = new Set(payers);
  const limited = (weight: number): WhatIf =>
    whatIf(load, spared, payers, (each: VmLoad) =>
      each.vm !== undefined && paying.has(each.vm) ? { ...each, weight: each.weight * weight } : each,
    );
  const isStarving = ({ served }: WhatIf): boolean =>
    payers.some((vm) => (served.get(vm.uuid)?.served ?? 0) < PAYER_MIN_SHARE * load.demandOf(vm));
  const { shortBefore, contendedBefore } = limited(1);
  if (shortBefore <= SHORT_ENOUGH) {
    const result = limited(FOR_WAKING);
    return contendedBefore > 0 && !isStarving(result)
      ? { weight: FOR_WAKING, result, isComputed: false }
      : undefined;
  }
  let best: Limit | undefined;
  for (const weight of WEIGHTS) {
    const result = limited(weight);
    if (isStarving(result)) break;
    if (result.shortAfter < (best?.result.shortAfter ?? result.shortBefore / 2))
      best = { weight, result, isComputed: true };
    if (result.shortAfter <= SHORT_ENOUGH) break;
  }
  return best;
}

/** Lists the loss of each of a few VMs; for many, the range. */
function costText(payers: readonly ObservedVm[], { served, before }: WhatIf): string {
  const share = (of: WhatIf['served'], vm: ObservedVm): string => percent(100 * shareOf(of, vm));
  if (payers.length <= SHOWN_COSTS) {
    return payers
      .map((vm) => `${vm.name} gets ${share(served, vm)} % of its demand instead of ${share(before, vm)} %`)
      .join('; ');
  }
  const byShare = payers.toSorted((a, b) => shareOf(served, a) - shareOf(served, b));
  const [least, most] = [byShare[0] as ObservedVm, byShare.at(-1) as ObservedVm];
  const range = [...new Set([share(served, least), share(served, most)])].join(' to ');
  return `${payers.length} VMs get ${range} % of their demand; now ${least.name} gets ${share(before, least)} %`;
}

/** No steps without the shares in use: 1024 is usual with cgroup v1, 100 with v2, so any number would be a guess. */
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

/** The fewest movable VMs whose departure would leave room here; batch VMs first. */
function moveOf(victims: readonly ObservedVm[], load: CpuLoad): Remedy[] {
  const movable = [
    ...new Set(load.loads.flatMap(({ vm, floats }) => (vm !== undefined && floats ? [vm] : []))),
  ]
    .filter((vm) => !isDatabase(vm) && canMigrate(vm))
    // Demand above its quota uses no CPU here, so moving the VM does not free it.
    .map((vm) => ({ vm, demand: load.demandOf(vm), computes: Number(isBatch(vm)) }))
    .filter((each) => each.demand >= WORTH_MOVING)
    .toSorted((a, b) => b.computes - a.computes || b.demand - a.demand);
  const leaving: ObservedVm[] = [];
  let left = load.demand;
  for (const { vm, demand } of movable) {
    if (left <= ROOMY * load.cpus.size) break;
    leaving.push(vm);
    left -= demand;
  }
  // The host's own use remains, whichever VMs move.
  if (leaving.length === 0 || left > load.cpus.size) return [];
  const gone = new Set(leaving);
  const staying = victims.filter((vm) => !gone.has(vm));
  const result = whatIf(load, staying, leaving, (each: VmLoad) =>
    each.vm !== undefined && gone.has(each.vm) ? { ...each, demand: 0 } : each,
  );
  return [
    {
      change: `move ${namesOf(leaving)} to another host: their demand is ${ratio(load.demand - left)} CPUs`,
      steps: [],
      cost: 'none on this host; each VM is paused for a moment at the end of its migration',
      payers: leaving.map(refOf),
      gain: gainText(result, staying),
      risk: `${MIGRATION_RISK}; choose a host with CPUs and memory to spare`,
      effect: 'live',
    },
  ];
}
