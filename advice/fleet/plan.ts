import type { Constraints } from './constraints.ts';
import type { Fleet, FleetHost, FleetVm } from './fleet.ts';
import { type Stranded, strandedIn } from './host-loss.ts';
import { repairLosses } from './loss-repair.ts';
import { merged } from './merge.ts';
import { costOf, type MoveCost } from './move-cost.ts';
import { compare, Placement } from './placement.ts';
import { relieve, type Step, undo } from './relief.ts';
import { isOver, type Shortage, type Strain, strainOf } from './strain.ts';

/** Moves in the order in which they keep every host within the limits. */
export interface FleetPlan {
  readonly moves: readonly Move[];
  /** Of all hosts, in the order of cluster and instance. */
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
  /** Why it stays above a limit, or what does not fit together; absent for calm and relieved hosts. */
  readonly reason: string | undefined;
}

export interface ClusterVerdict {
  readonly cluster: string;
  readonly hosts: number;
  /** Hosts whose VMs could not all restart on the others, after the moves. */
  readonly stranded: readonly StrandedVm[];
  /** The same as it is now. */
  readonly strandedBefore: number;
}

export interface StrandedVm {
  readonly host: FleetHost;
  readonly vm: FleetVm;
  readonly lacks: Shortage | 'constraints';
}

/**
 * Which VMs to move where, so that hosts are below the limits of contention and memory and the loss of any host can be borne,
 * with few and cheap moves. Pure and deterministic: the same fleet gives the same plan, and a fleet after the moves of its plan
 * gives none.
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
    steps.push(...merged(plan.steps, given, constraints));
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

/** Steps, and what a lost host strands after them. */
interface ClusterPlan {
  readonly steps: readonly Step[];
  readonly stranded: readonly Stranded[];
}

/** Relief and repair, again and again until nothing more is found: so a second plan would find nothing either. */
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
    const more = planOnce(cluster, stranded, placement, constraints, shorts);
    stranded = more.stranded;
    if (more.steps.length === 0) return { steps, stranded };
    steps.push(...more.steps);
  }
}

function planOnce(
  cluster: string,
  before: readonly Stranded[],
  placement: Placement,
  constraints: Constraints,
  shorts: Map<number, string>,
): ClusterPlan {
  const steps: Step[] = [];
  let stranded = before;
  for (;;) {
    const relief = reliefPass(cluster, placement, constraints, shorts);
    if (relief.length > 0) stranded = strandedIn(cluster, placement, constraints);
    const repair = repairLosses(cluster, stranded, placement, constraints);
    stranded = repair.stranded;
    steps.push(...relief, ...repair.steps);
    if (relief.length + repair.steps.length === 0) break;
  }
  // Moves took the room that a lost host needs: take back the last of them, until it is there again.
  while (stranded.length > before.length) {
    const last = steps.at(-1) as Step;
    const unit = steps.splice(steps.findIndex((step) => step.unit === last.unit && step.to === last.to));
    undo(unit, placement);
    shorts.set(last.from, 'its VMs would take the room on other hosts that VMs need when a host is lost');
    stranded = strandedIn(cluster, placement, constraints);
  }
  return { steps, stranded };
}

/** The most strained hosts first. */
function reliefPass(
  cluster: string,
  placement: Placement,
  constraints: Constraints,
  shorts: Map<number, string>,
): readonly Step[] {
  const steps: Step[] = [];
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
    steps.push(...made);
    if (short === undefined) shorts.delete(index);
    else shorts.set(index, short);
  }
  return steps;
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
  if (measured > 2 * limits.contention && before.contention < limits.contention) {
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
