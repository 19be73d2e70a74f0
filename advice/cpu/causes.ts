import { CpuSet } from '../../model/cpu-set.ts';
import type { Context } from '../context.ts';
import { allowedDemand, type CpuLoad, type VmLoad } from '../cpu-load.ts';
import { hasReducedShares } from '../cpu-weights.ts';
import { isLasting } from '../evidence.ts';
import type { ObservedVm } from '../observation.ts';

/** Steal that a guest notices (VMware's ready time: 5 % is significant, 10 % is bad). */
export const STEAL_WARN = 0.05;
export const STEAL_BAD = 0.1;

/** Share of a quota's periods that were throttled. */
const THROTTLED = 0.05;
/** Share of a limit that counts as reaching it, since a figure over a sample is never exact. */
export const FULL = 0.9;
/** Share of some CPUs from which the demand of others matters. */
const NOTICEABLE = 0.1;
/** Utilization from which a host has no CPUs left to give. */
const HOST_FULL = 0.95;

/** Why VMs wait for CPUs, and all VMs that wait for that reason. */
export interface CpuCause {
  readonly kind: 'quota' | 'wide' | 'dedicated' | 'squeezed' | 'overcommit' | 'unexplained';
  readonly victims: ObservedVm[];
  /** The contended CPUs; empty for a quota. */
  cpus: CpuSet;
}

/** Running VMs with lasting steal, except those that a user has given fewer CPU shares. */
export function waitingVms({ running, minSamples, observation }: Context): ObservedVm[] {
  return running.filter(
    (vm) => isLasting(vm.steal, STEAL_WARN, minSamples) && !hasReducedShares(vm, observation),
  );
}

/** One cause per reason: VMs that wait for the same CPUs share a cause. */
export function cpuCauses(context: Context, load: CpuLoad): CpuCause[] {
  const causes: CpuCause[] = [];
  for (const vm of waitingVms(context)) {
    const { kind, cpus } = causeOf(vm, context, load);
    const isLocal = LOCAL.has(kind);
    const known = isLocal || kind === 'unexplained' ? undefined : causes.find((each) => each.kind === kind);
    if (known !== undefined) {
      known.victims.push(vm);
      known.cpus = known.cpus === cpus ? cpus : known.cpus.union(cpus);
      continue;
    }
    const same = isLocal
      ? causes.filter((each) => each.kind === kind && each.cpus.intersection(cpus).size > 0)
      : [];
    const merged: CpuCause = {
      kind,
      victims: [...same.flatMap(({ victims }) => victims), vm],
      cpus: same.reduce((all, each) => all.union(each.cpus), cpus),
    };
    for (const each of same) causes.splice(causes.indexOf(each), 1);
    causes.push(merged);
  }
  return causes;
}

/** Causes that concern specific CPUs. */
const LOCAL: ReadonlySet<CpuCause['kind']> = new Set(['dedicated', 'squeezed']);

function causeOf(vm: ObservedVm, context: Context, load: CpuLoad): Pick<CpuCause, 'kind' | 'cpus'> {
  const own = load.of(vm);
  if (isHeldByQuota(vm, own, context.minSamples)) return { kind: 'quota', cpus: CpuSet.empty };
  const sum = (loads: readonly VmLoad[], read: (each: VmLoad) => number): number =>
    loads.reduce((all, each) => all + read(each), 0);
  const narrow = own.filter(({ floats }) => !floats);
  const isFull = load.utilization >= HOST_FULL && own.some((each) => load.usesSharedCpus(each));
  const narrowDelay = sum(narrow, ({ delay }) => delay);
  if (narrow.length === 0 || narrowDelay < sum(own, ({ delay }) => delay) / 2) {
    const { size } = load.cpus;
    const isWide = sum(own, ({ vcpus }) => vcpus) > size && sum(own, allowedDemand) > FULL * size;
    if (isWide) return { kind: 'wide', cpus: load.cpus };
    return { kind: load.utilization >= FULL ? 'overcommit' : 'unexplained', cpus: load.cpus };
  }
  const cpus = union(narrow.filter(({ delay }) => delay > 0));
  const others = load.loads.filter((each) => each.vm !== vm && !each.floats);
  const rivals = others.filter((each) => each.cpus.intersection(cpus).size > 0);
  if (
    sum(narrow, ({ vcpus }) => vcpus) > cpus.size &&
    sum(rivals, (each) => demandOn(each, cpus)) < NOTICEABLE * cpus.size
  )
    return { kind: 'wide', cpus };
  const owns = narrow.every((each) => each.cpus.size <= each.vcpus);
  // Rivals without demand there do not make it wait.
  const rivalDemand = sum(rivals, (each) => demandOn(each, cpus));
  const fills = sum(narrow, allowedDemand) + rivalDemand >= FULL * cpus.size;
  if (owns && rivalDemand >= NOTICEABLE * cpus.size && (fills || !isFull)) return { kind: 'dedicated', cpus };
  if (isFull) return { kind: 'overcommit', cpus: load.cpus };
  const area = reached(cpus, others);
  const within = sum(
    load.loads.filter((each) => !each.floats && each.cpus.isSubsetOf(area)),
    allowedDemand,
  );
  if (rivals.length > 0 && within >= 0.85 * area.size) return { kind: 'squeezed', cpus: area };
  // Unless a VM was seen there, the cause is unknown: processes and interrupts of the host use pinned CPUs too.
  const seen = context.observation.residency.blame(vm.uuid, new Set(cpus))?.neighbours ?? [];
  return owns && seen.length > 0 ? { kind: 'dedicated', cpus } : { kind: 'unexplained', cpus };
}

/** A load's demand on some CPUs, spread evenly over all that it may use. */
function demandOn(load: VmLoad, cpus: CpuSet): number {
  return (allowedDemand(load) * load.cpus.intersection(cpus).size) / Math.max(1, load.cpus.size);
}

/** Reported by the control group where it is read; else inferred from vCPUs that use all that the quota allows. */
function isHeldByQuota({ throttled }: ObservedVm, own: readonly VmLoad[], minSamples: number): boolean {
  const limited = own.filter(({ cap }) => Number.isFinite(cap));
  if (limited.length === 0) return false;
  if (throttled.count >= minSamples) return throttled.shareAbove(THROTTLED) >= 0.5;
  return limited.some(({ demand, delay, cap }) => demand - delay >= FULL * cap);
}

/** The closure of CPUs that are connected by VMs which may use several of them. */
function reached(cpus: CpuSet, others: readonly VmLoad[]): CpuSet {
  let area = cpus;
  for (;;) {
    const grown = union(
      others.filter((each) => each.cpus.intersection(area).size > 0),
      area,
    );
    if (grown.size === area.size) return area;
    area = grown;
  }
}

function union(loads: readonly VmLoad[], start: CpuSet = CpuSet.empty): CpuSet {
  return CpuSet.of([...start, ...loads.flatMap(({ cpus }) => [...cpus])]);
}
