import { expect, test } from 'vitest';
import { carryOver } from '../../../tuner/measure/carry-over.ts';
import { EVERY_MS, switchback } from './worlds.ts';

const OPTIONS = { alpha: 0.05, seed: 1 };

const suspectedIn = (carryOverMs: number, effect: number): number =>
  Array.from({ length: 100 }, (_, seed) => {
    const { samples, schedule } = switchback({ phi: 0.5, noise: 0.1, carryOverMs }, effect, seed);
    return carryOver(schedule, 'gauge', samples.figure, EVERY_MS, OPTIONS)?.suspected === true;
  }).filter(Boolean).length;

test('an effect that is still growing within the blocks is seen, one that has settled is not', () => {
  expect(suspectedIn(0, 0.5)).toBeLessThanOrEqual(10);
  expect(suspectedIn(40_000, 0.5)).toBeGreaterThan(90);
});

test('the later half shows more of the effect than the earlier one', () => {
  const { samples, schedule } = switchback({ phi: 0, noise: 0.01, carryOverMs: 40_000 }, 0.5, 1);
  const halves = carryOver(schedule, 'gauge', samples.figure, EVERY_MS, OPTIONS);
  expect(halves?.late.effect).toBeLessThan((halves?.early.effect ?? 0) - 0.05);
});

test('halves without a figure, or with one of 0, have no answer', () => {
  const { samples, schedule } = switchback({ phi: 0, noise: 0.01 }, 0.5, 1);
  expect(carryOver(schedule, 'gauge', [], EVERY_MS, OPTIONS)).toBeUndefined();
  const zeros = samples.figure.map((each) => ({ ...each, value: 0 }));
  expect(carryOver(schedule, 'gauge', zeros, EVERY_MS, OPTIONS)).toBeUndefined();
});
