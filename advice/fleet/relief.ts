import type { Constraints } from './constraints.ts';
import { meanCpusShort } from './contention.ts';
import { type Unit, unitsOn } from './eligible.ts';
import { costOf } from './move-cost.ts';
import { changed, sharedCpus } from './occupancy.ts';
import { compare, type Placed, type Placement } from './placement.ts';
import {
  excessOf,
  type Goal,
  goalOf,
  isOver,
  meets,
  type Shortage,
  type Strain,
  strainOf,
} from './strain.ts';
import { findTarget, mostLacking } from './targets.ts';

/** A VM that moves; `from` and `to` are indexes into the placement. */
export interface Step {
  readonly placed: Placed;
  readonly from: number;
  readonly to: number;
  readonly why: 'CPU contention' | 'memory' | 'loss of a host';
}

/** Steps that were made, and why they are not enough, if so. */
export interface Relief {
  readonly steps: readonly Step[];
  /** Absent where the host is below its limits. */
  readonly short?: string | undefined;
}

/** Pairs to try, the cheapest first: each search for targets takes time. */
const PAIRS_TRIED = 64;
/** Share of the excess that each move must remove where not all of it can be, and that all moves together must. */
const LEAST_PER_MOVE = 0.05;
const LEAST_IN_ALL = 0.2;

/**
 * Brings a host below its limits with the fewest moves that can be found, and the cheapest among these: one VM, else
 * two, else one by one by relief per move. If that is not enough, moves that help noticeably are still made. Each
 * target stays within the limits at every step.
 */
export function relieve(host: number, placement: Placement, constraints: Constraints): Relief {
  const reasons = new Map<string, number>();
  const lacking = new Map<Shortage | 'constraints', number>();
  const units = byCost(unitsOn(host, placement, constraints, reasons), constraints);
  if (units.length === 0) {
    return { steps: [], short: `none of its VMs can move: ${mostLacking(reasons) ?? 'it has none'}` };
  }
  const goal = goalOf(strainAt(host, placement), constraints.limits);
  const run = { host, goal, placement, constraints, lacking };
  const steps = oneOrTwo(units, run) ?? oneByOne(units, run);
  if (!isOver(strainAt(host, placement), constraints.limits)) return { steps };
  const short = mostLacking(lacking);
  const why =
    short === undefined
      ? 'its VMs that can move relieve too little'
      : short === 'constraints'
        ? 'constraints allow no other host for its VMs'
        : `other hosts of the cluster lack ${short}`;
  return { steps, short: why };
}

const strainAt = (host: number, placement: Placement): Strain =>
  strainOf(placement.at(host).host, placement.at(host).need);

interface Run {
  readonly host: number;
  readonly goal: Goal;
  readonly placement: Placement;
  readonly constraints: Constraints;
  readonly lacking: Map<Shortage | 'constraints', number>;
}

/** The fewest VMs first, then the fewest bytes. */
function byCost(units: readonly Unit[], { bandwidth }: Constraints): Unit[] {
  return units
    .map((unit) => ({ unit, bytes: costOf(vmsOf(unit), bandwidth).bytes }))
    .sort(
      (a, b) =>
        a.unit.length - b.unit.length ||
        a.bytes - b.bytes ||
        compare(a.unit[0]?.vm.uuid ?? '', b.unit[0]?.vm.uuid ?? ''),
    )
    .map(({ unit }) => unit);
}

const vmsOf = (...units: readonly Unit[]) => units.flatMap((unit) => unit.map(({ vm }) => vm));

function suffices(units: readonly Unit[], { host, goal, placement }: Run): boolean {
  const { host: at, need } = placement.at(host);
  return meets(strainOf(at, changed(need, [], vmsOf(...units))), goal);
}

function oneOrTwo(units: readonly Unit[], run: Run): readonly Step[] | undefined {
  for (const unit of units) {
    if (!suffices([unit], run)) continue;
    const steps = makeAll([unit], run);
    if (steps !== undefined) return steps;
  }
  const { bandwidth } = run.constraints;
  const pairs = units
    .flatMap((first, index) => units.slice(index + 1).map((second) => [first, second] as const))
    .filter((pair) => suffices(pair, run))
    .map((pair) => ({
      pair,
      moves: pair[0].length + pair[1].length,
      bytes: costOf(vmsOf(...pair), bandwidth).bytes,
    }))
    .sort((a, b) => a.moves - b.moves || a.bytes - b.bytes);
  for (const { pair } of pairs.slice(0, PAIRS_TRIED)) {
    const steps = makeAll(pair, run);
    if (steps !== undefined) return steps;
  }
  return undefined;
}

/** All of them or none. */
function makeAll(units: readonly Unit[], run: Run): readonly Step[] | undefined {
  const shortBefore = cpusShortOn(run.host, run);
  const steps: Step[] = [];
  for (const unit of units) {
    const made = make(unit, run);
    if (made === undefined) {
      undo(steps, run.placement);
      return undefined;
    }
    steps.push(...made);
  }
  if (paysOff(steps, shortBefore, run)) return steps;
  undo(steps, run.placement);
  return undefined;
}

function make(unit: Unit, { host, placement, constraints, lacking }: Run): readonly Step[] | undefined {
  const to = findTarget(unit, placement, constraints, lacking);
  if (to === undefined) return undefined;
  const { memory } = strainAt(host, placement);
  const why = memory > constraints.limits.memory ? 'memory' : 'CPU contention';
  return unit.map((placed) => {
    placement.move(placed, to);
    return { placed, from: host, to, why };
  });
}

/** Moves VMs back, in reverse order. */
export function undo(steps: readonly Step[], placement: Placement): void {
  for (const { placed, from } of steps.toReversed()) {
    placement.move(placed, from);
  }
}

const cpusShortOn = (host: number, { placement }: Run): number => {
  const { host: at, need } = placement.at(host);
  return meanCpusShort(sharedCpus(at), need);
};

/**
 * Whether the CPU time that VMs gain within the horizon exceeds what the migrations cost. Waiting that moves to the
 * targets is not deducted: the limits keep it to a fraction. Relief of memory shortage is not subject to this.
 */
function paysOff(steps: readonly Step[], shortBefore: number, run: Run): boolean {
  if (steps.some(({ why }) => why === 'memory')) return true;
  const { bandwidth, horizonSeconds } = run.constraints;
  const gainCpuSeconds = (shortBefore - cpusShortOn(run.host, run)) * horizonSeconds;
  return (
    gainCpuSeconds >
    costOf(
      steps.map(({ placed }) => placed.vm),
      bandwidth,
    ).cpuSeconds
  );
}

function oneByOne(units: readonly Unit[], run: Run): readonly Step[] {
  const { host, goal, placement, constraints } = run;
  const excess = (): number => excessOf(placement.at(host).host, placement.at(host).need, goal);
  const first = excess();
  const shortBefore = cpusShortOn(host, run);
  const made: (readonly Step[])[] = [];
  const left = new Set(units);
  while (excess() > 0) {
    const now = excess();
    const { host: at, need } = placement.at(host);
    const ranked = [...left]
      .map((unit) => ({
        unit,
        relief: (now - excessOf(at, changed(need, [], vmsOf(unit)), goal)) / unit.length,
      }))
      .filter(({ relief }) => relief >= LEAST_PER_MOVE * first)
      .sort((a, b) => b.relief - a.relief);
    let steps: readonly Step[] | undefined;
    for (const { unit } of ranked) {
      left.delete(unit);
      steps = make(unit, run);
      if (steps !== undefined) break;
    }
    if (steps === undefined) break;
    made.push(steps);
  }
  const kept = pruned(made, run);
  const isEnough = !isOver(strainAt(host, placement), constraints.limits);
  if ((isEnough || first - excess() >= LEAST_IN_ALL * first) && paysOff(kept, shortBefore, run)) return kept;
  undo(kept, placement);
  return [];
}

/** Drops moves that turned out to be unnecessary, those with the most bytes first. */
function pruned(made: readonly (readonly Step[])[], run: Run): readonly Step[] {
  const { host, goal, placement, constraints } = run;
  const isDone = (): boolean => meets(strainAt(host, placement), goal);
  if (made.length < 2 || !isDone()) return made.flat();
  const dropped = new Set<readonly Step[]>();
  const byBytes = made.toSorted(
    (a, b) =>
      costOf(
        b.map(({ placed }) => placed.vm),
        constraints.bandwidth,
      ).bytes -
      costOf(
        a.map(({ placed }) => placed.vm),
        constraints.bandwidth,
      ).bytes,
  );
  for (const steps of byBytes) {
    undo(steps, placement);
    if (isDone()) {
      dropped.add(steps);
      continue;
    }
    for (const { placed, to } of steps) {
      placement.move(placed, to);
    }
  }
  return made.filter((steps) => !dropped.has(steps)).flat();
}
