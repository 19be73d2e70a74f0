import { SHORTFALL_THAT_COUNTS } from '../../model/overcommit.ts';
import type { Constraints } from './constraints.ts';
import type { Fleet, FleetHost, FleetVm } from './fleet.ts';
import { type Stranded, strandedIn } from './host-loss.ts';
import { repairLosses } from './loss-repair.ts';
import { withoutRepeatedMoves } from './merge.ts';
import { costOf, type MoveCost } from './move-cost.ts';
import { inOrder } from './order.ts';
import { compare, Placement } from './placement.ts';
import { relieve, type Step, undo } from './relief.ts';
import { isOver, type Shortage, type Strain, strainOf } from './strain.ts';

/** Moves in an order that keeps every host within the limits. */
export interface FleetPlan {
  readonly moves: readonly Move[];
  /** All hosts, ordered by cluster and instance. */
  readonly hosts: readonly HostVerdict[];
  readonly clusters: readonly ClusterVerdict[];
}

export interface Move {
  readonly vm: FleetVm;
  readonly from: FleetHost;
  readonly to: FleetHost;
  readonly why: Step['why'];
  readonly cost: MoveCost;
}

export interface HostVerdict {
  readonly host: FleetHost;
  /** `calm`: nothing to do; `relieved`: by these moves; `over`: above a limit even after them. */
  readonly state: 'calm' | 'relieved' | 'over' | 'unexplained';
  readonly before: Strain;
  readonly after: Strain;
  /** Why it remains above a limit, or which figures contradict each other; absent for calm and relieved hosts. */
  readonly reason: string | undefined;
}

export interface ClusterVerdict {
  readonly cluster: string;
  readonly hosts: number;
  /** Hosts whose VMs could not all restart elsewhere, each with the first such VM, after the moves. */
  readonly stranded: readonly StrandedVm[];
  /** Their number before the moves. */
  readonly strandedBefore: number;
}

export interface StrandedVm {
  readonly host: FleetHost;
  readonly vm: FleetVm;
  readonly lacks: Shortage | 'constraints';
}

/**
 * Which VMs to move where, so that hosts are below the limits of contention and memory and the cluster survives the
 * loss of any host, with few and cheap moves. Pure and deterministic: the same fleet gives the same plan, and a fleet
 * after its plan gives none.
 */
export function planFleet(fleet: Fleet, constraints: Constraints): FleetPlan {
  const given = sorted(fleet);
  const placement = new Placement(given, constraints);
  const before = placement.hosts.map(({ host, need }) => strainOf(host, need));
  const shorts = new Map<number, string>();
  const steps: Step[] = [];
  const clusters: ClusterVerdict[] = [];
  for (const cluster of placement.clusters) {
    const strandedBefore = strandedIn(cluster, placement, constraints);
    const plan = planCluster(cluster, strandedBefore, placement, constraints, shorts);
    undo(plan.steps, placement);
    steps.push(...withoutRepeatedMoves(inOrder(plan.steps, placement, constraints), given, constraints));
    clusters.push({
      cluster,
      hosts: placement.hostsOf(cluster).length,
      strandedBefore: strandedBefore.length,
      stranded: plan.stranded.map(({ host, placed, lacks }) => ({
        host: placement.at(host).host,
        vm: placed.vm,
        lacks,
      })),
    });
  }
  const relieved = new Set(steps.map(({ from }) => from));
  return {
    moves: steps.map(({ placed: { vm }, from, to, why }) => ({
      vm,
      from: placement.at(from).host,
      to: placement.at(to).host,
      why,
      cost: costOf([vm], constraints.bandwidth),
    })),
    hosts: placement.hosts.map(({ host, need }, index) =>
      verdictOf(host, before[index] as Strain, strainOf(host, need), relieved.has(index), {
        constraints,
        short: shorts.get(index),
      }),
    ),
    clusters,
  };
}

function sorted({ hosts }: Fleet): Fleet {
  return { hosts: hosts.toSorted((a, b) => compare(a.cluster, b.cluster) || compare(a.id, b.id)) };
}

/** Steps, and what the loss of a host still strands after them. */
interface ClusterPlan {
  readonly steps: readonly Step[];
  readonly stranded: readonly Stranded[];
}

/**
 * Alternates relief and repair until neither finds more, so that a second plan would find nothing either. Relief comes
 * first: contention hurts now, the loss of a host only may.
 */
function planCluster(
  cluster: string,
  strandedBefore: readonly Stranded[],
  placement: Placement,
  constraints: Constraints,
  shorts: Map<number, string>,
): ClusterPlan {
  const steps: Step[] = [];
  let stranded = strandedBefore;
  for (;;) {
    const isRelieved = reliefPass(cluster, steps, placement, constraints, shorts);
    if (isRelieved) stranded = strandedIn(cluster, placement, constraints);
    const repair = repairLosses(cluster, stranded, placement, constraints);
    stranded = repair.stranded;
    steps.push(...repair.steps);
    if (!isRelieved && repair.steps.length === 0) return { steps, stranded };
  }
}

/**
 * Relieves the most strained hosts first.
 * @param steps of the plan so far, which are extended or replaced by fewer
 * @returns whether any host got better
 */
function reliefPass(
  cluster: string,
  steps: Step[],
  placement: Placement,
  constraints: Constraints,
  shorts: Map<number, string>,
): boolean {
  let isAnyBetter = false;
  const over = placement
    .hostsOf(cluster)
    .map((index) => ({ index, strain: strainOf(placement.at(index).host, placement.at(index).need) }))
    .filter(({ strain }) => isOver(strain, constraints.limits))
    .sort(
      (a, b) =>
        b.strain.contention - a.strain.contention ||
        b.strain.memory - a.strain.memory ||
        compare(placement.at(a.index).host.id, placement.at(b.index).host.id),
    );
  for (const { index } of over) {
    const { steps: made, short } = relieve(index, placement, constraints);
    if (short === undefined) shorts.delete(index);
    else shorts.set(index, short);
    if (made.length === 0) continue;
    isAnyBetter = true;
    const earlier = steps.filter(({ from, why }) => from === index && why !== 'loss of a host');
    const kept = steps.filter((step) => !earlier.includes(step));
    steps.splice(
      0,
      steps.length,
      ...kept,
      ...compacted(index, [...earlier, ...made], placement, constraints),
    );
  }
  return isAnyBetter;
}

/** Insufficient moves of an earlier pass may be redundant beside those that suffice: starts over without them. */
function compacted(
  host: number,
  made: readonly Step[],
  placement: Placement,
  constraints: Constraints,
): readonly Step[] {
  undo(made, placement);
  const afresh = relieve(host, placement, constraints);
  if (afresh.short === undefined && afresh.steps.length <= made.length) return afresh.steps;
  undo(afresh.steps, placement);
  for (const { placed, to } of made) placement.move(placed, to);
  return made;
}

function verdictOf(
  host: FleetHost,
  before: Strain,
  after: Strain,
  hasMoves: boolean,
  { constraints: { limits }, short }: { constraints: Constraints; short: string | undefined },
): HostVerdict {
  const verdict = (state: HostVerdict['state'], reason?: string): HostVerdict => ({
    host,
    state,
    before,
    after,
    reason,
  });
  if (isOver(after, limits)) return verdict('over', short ?? 'no move relieves it by more than it costs');
  if (isOver(before, limits) || hasMoves) return verdict('relieved');
  const measured = host.measuredContention ?? 0;
  const isIdle = (host.measuredShortfallCpus ?? Number.POSITIVE_INFINITY) <= SHORTFALL_THAT_COUNTS;
  if (measured > 2 * limits.contention && !isIdle && before.contention < limits.contention) {
    return verdict(
      'unexplained',
      'measured contention is not explained by the demand of its VMs: look for quotas and for VMs pinned to the same CPUs',
    );
  }
  if (host.isSwapping && before.memory <= limits.memory) {
    return verdict(
      'unexplained',
      'it swaps in although its memory suffices for its VMs: look at swappiness and NUMA nodes',
    );
  }
  return verdict('calm');
}
