import { expect, test } from 'vitest';
import { carryOverP } from '../../../tuner/measure/carry-over.ts';
import { EVERY_MS, switchback } from './worlds.ts';

const suspectedIn = (carryOverMs: number, effect: number): number =>
  Array.from({ length: 100 }, (_, seed) => {
    const { samples, schedule } = switchback({ phi: 0.5, noise: 0.1, carryOverMs }, effect, seed);
    return carryOverP(schedule, 'gauge', samples.figure, EVERY_MS, 1) ?? 1;
  }).filter((p) => p <= 0.05).length;

test('an effect that is still growing within the blocks is seen, one that has settled is not', () => {
  expect(suspectedIn(0, 0.5)).toBeLessThanOrEqual(10);
  expect(suspectedIn(40_000, 0.5)).toBeGreaterThan(90);
});

test('a constant figure has no carry-over, whatever the last bits of its means are', () => {
  const { samples, schedule } = switchback({ phi: 0, noise: 0 }, 1, 1);
  // Samples are never taken exactly on time.
  const constant = samples.figure.map(({ run }, at) => ({
    run,
    atMs: at * 4_999 + (at ** 2 % 13) * 0.37,
    value: 0.1,
  }));
  expect(carryOverP(schedule, 'gauge', constant, EVERY_MS, 1)).toBe(1);
});

test('halves without a figure, or with one of 0, have no answer', () => {
  const { samples, schedule } = switchback({ phi: 0, noise: 0.01 }, 0.5, 1);
  expect(carryOverP(schedule, 'gauge', [], EVERY_MS, 1)).toBeUndefined();
  const zeros = samples.figure.map((each) => ({ ...each, value: 0 }));
  expect(carryOverP(schedule, 'gauge', zeros, EVERY_MS, 1)).toBeUndefined();
});
