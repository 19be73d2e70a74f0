import { expect, test } from 'vitest';
import { pairsFor, powerOf, smallestEffect, smallestShift } from '../../../tuner/measure/power.ts';

test('without an effect the test finds one in at most 5 % of experiments, whatever their length', () => {
  for (const pairs of [6, 8, 10, 11, 20, 40]) expect(powerOf(pairs, 0)).toBeLessThanOrEqual(0.06);
});

test('the smallest shift is found with 80 % probability', () => {
  for (const pairs of [6, 10, 11, 40]) expect(powerOf(pairs, smallestShift(pairs))).toBeCloseTo(0.8, 1);
});

test('six pairs find 1.8 times their spread: all six must agree', () => {
  // All six differences have the sign of the effect with probability 0.8 if each one has it with 0.9635.
  expect(smallestShift(6)).toBeCloseTo(1.793, 1);
  expect(smallestShift(5)).toBe(Number.POSITIVE_INFINITY);
});

test('longer experiments find smaller effects, without a jump where the method of computing changes', () => {
  const shifts = [6, 8, 10, 11, 12, 20, 40, 41, 80].map(smallestShift);
  expect(shifts).toEqual(shifts.toSorted((a, b) => b - a));
  expect((shifts[7] as number) / (shifts[6] as number)).toBeGreaterThan(0.93);
});

test('the smallest effect is a ratio that grows with the spread', () => {
  expect(smallestEffect(12, 0)).toBe(1);
  expect(smallestEffect(12, 0.1)).toBeCloseTo(Math.exp(0.1 * smallestShift(12)), 12);
});

test('so many pairs find an effect, and one less does not', () => {
  for (const spread of [0.05, 0.1, 0.3]) {
    const pairs = pairsFor(1.1, spread) as number;
    expect(smallestEffect(pairs, spread)).toBeLessThanOrEqual(1.1);
    if (pairs > 6) expect(smallestEffect(pairs - 1, spread)).toBeGreaterThan(1.1);
    expect(pairsFor(1 / 1.1, spread)).toBe(pairs);
  }
  expect(pairsFor(1.5, 0)).toBe(6);
  expect(pairsFor(1, 0.1)).toBeUndefined();
  expect(pairsFor(1.1, Number.NaN)).toBeUndefined();
  expect(pairsFor(1.0001, 10)).toBeUndefined();
});
