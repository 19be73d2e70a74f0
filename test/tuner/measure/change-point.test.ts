import { expect, test } from 'vitest';
import { findChangePoint, shareLost } from '../../../tuner/measure/change-point.ts';
import { changePointSeries } from './worlds.ts';

test('a shift of the level is found, where it is', () => {
  const change = findChangePoint(changePointSeries(0, 1.5, 3), 1);
  expect(change?.at).toBe(40);
  expect(change?.p).toBeLessThan(0.01);
  expect((change?.after ?? 0) / (change?.before ?? 1)).toBeCloseTo(1.5, 0);
});

test('memory does not pass for a change', () => {
  for (const phi of [0, 0.6]) {
    const alarms = Array.from({ length: 60 }, (_, seed) =>
      findChangePoint(changePointSeries(phi, 1, seed), seed),
    ).filter((change) => change !== undefined && change.p <= 0.05);
    expect(alarms.length, `AR(1) ${phi}`).toBeLessThanOrEqual(7);
  }
});

test('of a series that is short or constant nothing is claimed', () => {
  expect(findChangePoint([1, 1, 1, 2, 2, 2], 1)).toBeUndefined();
  expect(findChangePoint(Array(20).fill(3), 1)).toBeUndefined();
});

test('the share of an effect that is lost is counted on the scale of ratios', () => {
  const change = { at: 40, before: 8, after: 10, p: 0.01 };
  expect(shareLost(change, 0.8)).toBeCloseTo(1, 12);
  expect(shareLost({ ...change, after: Math.sqrt(80) }, 0.8)).toBeCloseTo(0.5, 12);
  expect(shareLost({ ...change, after: 6.4 }, 0.8)).toBeCloseTo(-1, 12);
  expect(shareLost({ ...change, p: 0.06 }, 0.8)).toBeUndefined();
  expect(shareLost(undefined, 0.8)).toBeUndefined();
});
