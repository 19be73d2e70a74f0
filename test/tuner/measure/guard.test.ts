import { expect, test } from 'vitest';
import { guardRule, isBeyondLimit, isClearlyWorse, windowMeans } from '../../../tuner/measure/guard.ts';
import { guarded } from './worlds.ts';

const RULE = { windowMs: 5_000, consecutive: 3, falseAlarms: 0.01 };
const LOWER = { direction: 'lower is better', ratio: 1.5, difference: 2 } as const;
const HIGHER = { direction: 'higher is better', ratio: 1.5, difference: 2 } as const;

/** Independent values that alternate. */
const calm = Array.from({ length: 120 }, (_, at) => 10 + (at % 3));

test('the rule bounds false alarms by counting orders, over all looks and all series', () => {
  const needs = { everyMs: 5_000, onMs: 450_000, falseAlarms: 0.01 };
  // 90 looks / (123 over 3 = 302621) = 0.03 %, where two in a row would give 90 / (122 over 2 = 7381) = 1.2 %.
  expect(guardRule({ ...needs, baselines: [calm] })).toEqual({
    windowMs: 5_000,
    consecutive: 3,
    falseAlarms: 90 / 302_621,
  });
  expect(guardRule({ ...needs, baselines: Array(40).fill(calm) })).toMatchObject({ consecutive: 4 });
});

test('a figure with memory gets longer windows, and one with too long a memory no rule', () => {
  const slow = Array.from({ length: 120 }, (_, at) => 10 + (Math.floor(at / 4) % 2));
  const needs = { everyMs: 5_000, onMs: 450_000, falseAlarms: 0.01 };
  const rule = guardRule({ ...needs, baselines: [calm, slow] });
  expect(rule?.windowMs).toBeGreaterThan(5_000);
  expect(guardRule({ ...needs, baselines: [calm.map((_, at) => at)] })).toBeUndefined();
  expect(guardRule({ ...needs, baselines: [calm.slice(0, 9)] })).toBeUndefined();
});

test('three windows in a row, each worse than all without the setting, and by enough, end the experiment', () => {
  const off = [10, 11, 12, 10, 15];
  expect(isClearlyWorse(RULE, LOWER, off, [9, 20, 21, 22])).toBe(true);
  expect(isClearlyWorse(RULE, LOWER, off, [20, 21])).toBe(false);
  expect(isClearlyWorse(RULE, LOWER, off, [20, 15, 40])).toBe(false);
  // Worse than all, but not half as much again.
  expect(isClearlyWorse(RULE, LOWER, off, [16, 16.5, 17])).toBe(false);
  // Twice almost nothing.
  expect(isClearlyWorse(RULE, LOWER, [0.1, 0.2], [1, 1, 1])).toBe(false);
  expect(isClearlyWorse(RULE, LOWER, [], [99, 99, 99])).toBe(false);
});

test('where higher is better, lower is worse', () => {
  expect(isClearlyWorse(RULE, HIGHER, [10, 11, 9], [5, 5, 5])).toBe(true);
  expect(isClearlyWorse(RULE, HIGHER, [10, 11, 9], [20, 20, 20])).toBe(false);
  expect(isClearlyWorse(RULE, HIGHER, [10, 11, 9, 4], [5, 5, 5])).toBe(false);
  expect(isClearlyWorse(RULE, HIGHER, [10, 11, 9], [8.5, 8.5, 8.5])).toBe(false);
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

test('in simulated experiments it stops what doubles a figure, and hardly ever what does nothing', () => {
  const world = { phi: 0.5, noise: 0.2 };
  const seeds = Array.from({ length: 100 }, (_, seed) => 1 + seed);
  const stops = (effect: number, ratio: number) =>
    seeds.filter((seed) => guarded(world, effect, seed, ratio).afterMs !== undefined).length;
  expect(stops(1, 1)).toBeLessThanOrEqual(4);
  expect(stops(2, 1.5)).toBeGreaterThan(90);
});
