import { expect, test } from 'vitest';
import {
  type GuardNeeds,
  guardRule,
  isBeyondLimit,
  isClearlyWorse,
  type OnWindow,
  windowMeans,
} from '../../../tuner/measure/guard.ts';
import { normals, seededRandom } from '../../../tuner/measure/random.ts';
import { type GuardedOptions, type GuardedRun, guarded } from './worlds.ts';

const RULE = { windowMs: 5_000, consecutive: 3, falseAlarms: 0.01 };
const SIZE = { ratio: 1.5, difference: 2, stretches: 1 } as const;

/** Alternating, independent values. */
const calm = Array.from({ length: 120 }, (_, at) => 10 + (at % 3));

const NEEDS = { everyMs: 5_000, blocksOn: 6, blockMs: 75_000, falseAlarms: 0.01 };
const windowOf = (baseline: readonly number[]): number | undefined => {
  const rule = guardRule({ ...NEEDS, baseline });
  return 'missing' in rule ? undefined : rule.windowMs;
};

test('the rule bounds false alarms by counting orders, over all looks', () => {
  // 90 looks / (123 over 3 = 302621) = 0.03 %, where two in a row would give 90 / (122 over 2 = 7381) = 1.2 %.
  expect(guardRule({ ...NEEDS, baseline: calm })).toEqual({
    windowMs: 5_000,
    consecutive: 3,
    falseAlarms: 90 / 302_621,
  });
  expect(guardRule({ ...NEEDS, baseline: calm, falseAlarms: 0.01 / 100 })).toMatchObject({ consecutive: 4 });
});

test('a figure with memory gets longer windows, but never longer than a block', () => {
  const slow = Array.from({ length: 120 }, (_, at) => 10 + (Math.floor(at / 4) % 2));
  const windowMs = windowOf(slow) ?? 0;
  expect(windowMs).toBeGreaterThan(5_000);
  expect(guardRule({ ...NEEDS, baseline: slow, blockMs: windowMs - 5_000 })).toEqual({
    missing: 'it changes too slowly for so short a baseline',
  });
});

test('independent noise has a rule in nearly all baselines of five minutes, though their correlations vary', () => {
  const seeds = Array.from({ length: 200 }, (_, seed) => seed);
  const baseline = (seed: number): number[] => {
    const normal = normals(seededRandom(seed));
    return Array.from({ length: 60 }, () => 10 + normal());
  };
  expect(seeds.filter((seed) => windowOf(baseline(seed)) !== undefined)).toHaveLength(200);
});

test('a slow wave that is small beside the noise makes windows longer, since they contradict the noise', () => {
  const normal = normals(seededRandom(3));
  const wave = Array.from({ length: 120 }, (_, at) => normal() + 1.2 * Math.sin((at * Math.PI) / 30));
  expect(windowOf(wave)).toBeGreaterThan(30_000);
});

test('a baseline without values, with few, or for too many figures has no rule, and says why', () => {
  const reasonOf = (change: Partial<GuardNeeds>): unknown =>
    guardRule({ ...NEEDS, baseline: calm, ...change });
  expect(reasonOf({ baseline: [] })).toEqual({ missing: 'no value in the baseline' });
  expect(reasonOf({ baseline: calm.slice(0, 9) })).toEqual({
    missing: 'fewer than 10 values in the baseline',
  });
  expect(reasonOf({ baseline: calm.map((_, at) => at) })).toEqual({
    missing: 'it changes too slowly for so short a baseline',
  });
  expect(reasonOf({ baseline: calm.slice(0, 10), falseAlarms: 1e-9 })).toEqual({
    missing: 'too many figures for so short a baseline',
  });
});

const windows = (means: readonly number[], stretchOf = (_at: number): number => 1): OnWindow[] =>
  means.map((mean, at) => ({ mean, stretch: stretchOf(at) }));

test('three windows in a row, each worse than all without the setting, and by enough, end the experiment', () => {
  const off = [10, 11, 12, 10, 15];
  const isWorse = (on: readonly number[], without = off): boolean =>
    isClearlyWorse(RULE, 'lower is better', SIZE, without, windows(on));
  expect(isWorse([9, 20, 21, 22])).toBe(true);
  expect(isWorse([20, 21])).toBe(false);
  expect(isWorse([20, 15, 40])).toBe(false);
  expect(isWorse([40, 40, 40, 9])).toBe(false);
  // Worse than the whole baseline, but by less than half.
  expect(isWorse([16, 16.5, 17])).toBe(false);
  // Twice a negligible value.
  expect(isWorse([1, 1, 1], [0.1, 0.2])).toBe(false);
  expect(isWorse([99, 99, 99], [])).toBe(false);
});

test('where higher is better, lower is worse', () => {
  const isWorse = (off: readonly number[], on: readonly number[]): boolean =>
    isClearlyWorse(RULE, 'higher is better', SIZE, off, windows(on));
  expect(isWorse([10, 11, 9], [5, 5, 5])).toBe(true);
  expect(isWorse([10, 11, 9], [20, 20, 20])).toBe(false);
  expect(isWorse([10, 11, 9, 4], [5, 5, 5])).toBe(false);
  expect(isWorse([10, 11, 9], [8.5, 8.5, 8.5])).toBe(false);
});

test('where two stretches are asked for, one with a burst of load does not end it', () => {
  const isWorse = (stretchOf: (at: number) => number): boolean =>
    isClearlyWorse(
      RULE,
      'lower is better',
      { ...SIZE, stretches: 2 },
      [10, 12],
      windows([30, 31, 32, 33], stretchOf),
    );
  expect(isWorse(() => 1)).toBe(false);
  // Four in a row, but only the last three are in the same stretch.
  expect(isWorse((at) => (at < 1 ? 1 : 2))).toBe(true);
});

test('a limit counts after two samples in a row, unless it was passed without the setting too', () => {
  expect(isBeyondLimit(20, 'lower is better', [5, 6], [5, 21, 22])).toBe(true);
  expect(isBeyondLimit(20, 'lower is better', [5, 6], [21, 5, 22])).toBe(false);
  expect(isBeyondLimit(20, 'lower is better', [5, 25], [21, 22])).toBe(false);
  expect(isBeyondLimit(100, 'higher is better', [200], [90, 80])).toBe(true);
  expect(isBeyondLimit(100, 'higher is better', [200], [80])).toBe(false);
});

test('windows are means of as many samples, without what remains', () => {
  expect(windowMeans([1, 3, 5, 7, 100], 2)).toEqual([2, 6]);
});

test('in simulated experiments of 14 VMs it stops what doubles a figure, and hardly ever what does nothing', () => {
  const world = { phi: 0.3, noise: 0.2 };
  const seeds = Array.from({ length: 60 }, (_, seed) => 1 + seed);
  const all = (options: Omit<GuardedOptions, 'vms'>): GuardedRun[] =>
    seeds.map((seed) => guarded(world, { vms: 14, ...options }, seed));
  const stops = (runs: readonly GuardedRun[]): number =>
    runs.filter(({ afterMs }) => afterMs !== undefined).length;
  const nothing = all({ ratio: 1 });
  expect(Math.min(...nothing.map(({ watched }) => watched))).toBeGreaterThan(0.9);
  expect(stops(nothing)).toBeLessThanOrEqual(2);
  expect(stops(all({ ratio: 1.5, worse: { vm: 0, ratio: 2 } }))).toBeGreaterThan(55);
  expect(stops(all({ ratio: 1.5, worse: { vm: 9, ratio: 2 } }))).toBeGreaterThan(40);
});

test('load that comes in bursts hardly ever ends an experiment', () => {
  const world = { phi: 0.5, noise: 0.2, bursts: 2 };
  const seeds = Array.from({ length: 60 }, (_, seed) => 1 + seed);
  const stopped = seeds.filter((seed) => guarded(world, { vms: 14, ratio: 1.5 }, seed).afterMs !== undefined);
  expect(stopped.length).toBeLessThan(15);
});
