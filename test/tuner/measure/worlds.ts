import { blockMean, type Observation } from '../../../tuner/measure/block-means.ts';
import { estimateEffect } from '../../../tuner/measure/effect.ts';
import type { Figure } from '../../../tuner/measure/figure.ts';
import { GuardWatch } from '../../../tuner/measure/guard-watch.ts';
import { type Pair, pairUp } from '../../../tuner/measure/pairs.ts';
import { normals, seededRandom } from '../../../tuner/measure/random.ts';
import { type Arm, type Design, makeSchedule } from '../../../tuner/measure/schedule.ts';

/** A simulated figure with a known true effect. All parts multiply. */
export interface World {
  /** Correlation of the noise from one sample to the next. */
  readonly phi: number;
  /** Standard deviation of the noise, of the logarithm. */
  readonly noise: number;
  /** Growth of the level over the whole experiment, of the logarithm. */
  readonly trend?: number;
  /** Bursts per hundred samples, each twelve samples long on average, that triple the figure. */
  readonly bursts?: number;
  /** Time constant with which the effect follows a switch. */
  readonly carryOverMs?: number;
  /** Standard deviation of the effect from block to block, of the logarithm. */
  readonly varies?: number;
  /** Outside of bursts the figure is 0. */
  readonly mostlyZero?: boolean;
  /** The guest's demand, which the figure follows: deviation of the logarithm, correlated over about a block. */
  readonly demand?: number;
}

export const EVERY_MS = 5_000;
export const DESIGN: Design = { pairs: 12, blockMs: 60_000, settleMs: 15_000 };

export interface Sampled {
  readonly figure: readonly Observation[];
  readonly demand: readonly Observation[];
}

/** Samples of a world in which `armAt` decides when the setting is on. `effect` is the true ratio on / off. */
export function sample(
  world: World,
  effect: number,
  totalMs: number,
  armAt: (atMs: number) => Arm,
  seed: number,
): Sampled {
  const random = seededRandom(seed);
  const normal = normals(random);
  const { phi, noise, trend = 0, bursts = 0, carryOverMs = 0, varies = 0, demand = 0 } = world;
  const figure: Observation[] = [];
  const asked: Observation[] = [];
  let wander = normal() * noise;
  let load = normal() * demand;
  let inBurst = false;
  let applied = 0;
  let arm: Arm = 'off';
  let extra = 0;
  for (let atMs = 0; atMs < totalMs; atMs += EVERY_MS) {
    wander = phi * wander + Math.sqrt(1 - phi * phi) * noise * normal();
    load = 0.9 * load + Math.sqrt(1 - 0.81) * demand * normal();
    inBurst = inBurst ? random() > 1 / 12 : random() < bursts / 100;
    const now = armAt(atMs);
    if (now !== arm) extra = varies * normal();
    arm = now;
    const target = arm === 'on' ? Math.log(effect) + extra : 0;
    applied = carryOverMs === 0 ? target : target + (applied - target) * Math.exp(-EVERY_MS / carryOverMs);
    const level = wander + load + (trend * atMs) / totalMs + applied + (inBurst ? Math.log(3) : 0);
    const value = world.mostlyZero === true && !inBurst ? 0 : Math.exp(level);
    figure.push({ atMs, run: 1, value });
    asked.push({ atMs, run: 1, value: Math.exp(load) });
  }
  return { figure, demand: asked };
}

/** One switchback experiment in that world: its pairs, and its samples. */
export function switchback(
  world: World,
  effect: number,
  seed: number,
  design = DESIGN,
): { readonly pairs: Pair[]; readonly samples: Sampled; readonly schedule: ReturnType<typeof makeSchedule> } {
  const schedule = makeSchedule(design, seed);
  const everyMs = design.blockMs + design.settleMs;
  const armAt = (atMs: number): Arm => schedule.blocks[Math.floor(atMs / everyMs)]?.arm ?? 'off';
  const samples = sample(world, effect, schedule.totalMs, armAt, seed + 1_000_003);
  const means = (observations: readonly Observation[]) =>
    schedule.blocks.map(({ measureMs, endMs }) =>
      blockMean('gauge', observations, { fromMs: measureMs, toMs: endMs }, EVERY_MS),
    );
  const covariates = world.demand === undefined ? [] : [means(samples.demand)];
  const { pairs } = pairUp(schedule, means(samples.figure), covariates);
  return { pairs: [...pairs], samples, schedule };
}

/** Whether the naive method finds an effect: Welch's t-test on the samples before and after a single change. */
export function naiveFinds(world: World, effect: number, seed: number, design = DESIGN): boolean {
  const totalMs = 2 * design.pairs * (design.blockMs + design.settleMs);
  const half = totalMs / 2;
  const { figure } = sample(world, effect, totalMs, (atMs) => (atMs < half ? 'off' : 'on'), seed + 1_000_003);
  const logs = figure.map(({ value = 0 }) => (world.mostlyZero === true ? value : Math.log(value)));
  const [before, after] = [logs.slice(0, logs.length / 2), logs.slice(logs.length / 2)];
  const [one, other] = [momentsOf(before), momentsOf(after)];
  return Math.abs(other.mean - one.mean) > 1.96 * Math.sqrt(one.error + other.error);
}

function momentsOf(values: readonly number[]): { mean: number; error: number } {
  const mean = values.reduce((total, value) => total + value, 0) / values.length;
  const squares = values.reduce((total, value) => total + (value - mean) ** 2, 0);
  return { mean, error: squares / (values.length - 1) / values.length };
}

export interface Calibration {
  /** Share of runs in which the test finds something at 5 %. */
  readonly found: number;
  /** Share of runs whose 95 % interval contains the true ratio. */
  readonly covered: number;
  /** Median width of the intervals, high / low. */
  readonly width: number;
}

/** Runs that many experiments in that world, with consecutive seeds from `first`. */
export function calibrate(
  world: World,
  effect: number,
  { runs, first = 1, design = DESIGN, adjust = false }: CalibrateOptions,
): Calibration {
  let [found, covered] = [0, 0];
  const widths: number[] = [];
  for (let run = 0; run < runs; run++) {
    const { pairs } = switchback(world, effect, first + run * 7, design);
    const result = estimateEffect(pairs, {
      alpha: 0.05,
      seed: run,
      covariates: adjust ? ['demand'] : [],
    });
    if (result === undefined) continue;
    if (result.p <= 0.05) found += 1;
    if (result.low <= effect && effect <= result.high) covered += 1;
    widths.push(result.high / result.low);
  }
  widths.sort((a, b) => a - b);
  return { found: found / runs, covered: covered / runs, width: widths[widths.length >> 1] ?? Number.NaN };
}

interface CalibrateOptions {
  readonly runs: number;
  readonly first?: number;
  readonly design?: Design;
  readonly adjust?: boolean;
}

/** Defaults of `apply --measure`. */
const DEFAULTS = { baselineMs: 300_000, design: { ...DESIGN, pairs: 6 } };

export interface GuardedOptions {
  /** VMs of the host, with two guarded figures each; the first VM is tuned. */
  readonly vms: number;
  /** Which VM the setting makes worse, and how much: the true ratio of its first figure. */
  readonly worse?: { readonly vm: number; readonly ratio: number };
  /** The smallest ratio that matters. */
  readonly ratio: number;
}

export interface GuardedRun {
  /** Share of the figures that have a rule. */
  readonly watched: number;
  /** Time from the first switch until it stopped; undefined if it did not stop. */
  readonly afterMs: number | undefined;
}

/** One guarded experiment with the defaults, with all figures of all VMs in the same world. */
export function guarded(world: World, { vms, worse, ratio }: GuardedOptions, seed: number): GuardedRun {
  const { baselineMs, design } = DEFAULTS;
  const schedule = makeSchedule(design, seed);
  const everyMs = design.blockMs + design.settleMs;
  // The last sample of a block is taken before the switch.
  const armAt = (atMs: number): Arm =>
    schedule.blocks[Math.ceil((atMs - baselineMs) / everyMs) - 1]?.arm ?? 'off';
  const figures = Array.from({ length: 2 * vms }, (_, at): Figure & { readonly at: number } => ({
    at,
    name: String(at),
    kind: 'gauge',
    direction: 'lower is better',
    guard: { ratio, difference: 0, stretches: at < 2 ? 1 : 2 },
  }));
  const series = figures.map(({ at }) => {
    const effect = worse !== undefined && at === 2 * worse.vm ? worse.ratio : 1;
    return sample(world, effect, baselineMs + schedule.totalMs, armAt, 1_000 * seed + at).figure;
  });
  const guard = new GuardWatch(figures, (name) => series[Number(name)] ?? [], EVERY_MS, baselineMs, design);
  const watched = guard.report.figures.filter(({ rule }) => rule !== undefined).length / figures.length;
  const firstOnMs = baselineMs + (schedule.blocks.find(({ arm }) => arm === 'on')?.startMs ?? 0);
  for (const { arm, startMs, measureMs, endMs } of schedule.blocks) {
    const fromMs = baselineMs + (arm === 'on' ? startMs : measureMs);
    const toMs = baselineMs + endMs;
    for (let atMs = fromMs + EVERY_MS; arm === 'on' && atMs <= toMs; atMs += EVERY_MS) {
      if (guard.findWorse(fromMs, atMs) !== undefined) return { watched, afterMs: atMs - firstOnMs };
    }
    guard.ended({ arm, fromMs, toMs });
  }
  return { watched, afterMs: undefined };
}
