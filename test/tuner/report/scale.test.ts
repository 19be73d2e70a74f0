import fc from 'fast-check';
import { expect, test } from 'vitest';
import { linearScale } from '../../../tuner/report/scale.ts';

test('all values and ticks are inside, in their order, with a few ticks', () => {
  const value = fc.double({ min: -1e9, max: 1e9, noNaN: true });
  fc.assert(
    fc.property(fc.array(value, { minLength: 1 }), (values) => {
      const { ticks, at } = linearScale(values, 0, 1_000);
      for (const each of [...values, ...ticks]) {
        expect(at(each)).toBeGreaterThanOrEqual(0);
        expect(at(each)).toBeLessThanOrEqual(1_000);
      }
      expect(ticks.length).toBeGreaterThan(0);
      expect(ticks.length).toBeLessThanOrEqual(7);
      expect(ticks).toEqual(ticks.toSorted((a, b) => a - b));
    }),
  );
});

test('ticks are round numbers', () => {
  expect(linearScale([0, 10], 0, 100).ticks).toEqual([0, 2, 4, 6, 8, 10]);
  expect(linearScale([0.0001, 0.0003], 0, 100).ticks.map((tick) => tick.toFixed(5))).toEqual([
    '0.00010',
    '0.00015',
    '0.00020',
    '0.00025',
    '0.00030',
  ]);
});

test('a constant is in the middle, and a chart without values has a scale too', () => {
  expect(linearScale([5, 5], 0, 100).at(5)).toBe(50);
  expect(linearScale([0], 0, 100).at(0)).toBe(50);
  expect(linearScale([], 0, 100).at(0.5)).toBe(50);
});
