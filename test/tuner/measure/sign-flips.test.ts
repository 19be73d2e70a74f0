import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SignFlips, type Term } from '../../../tuner/measure/sign-flips.ts';

const differences = (values: readonly number[]): Term[] => values.map((a) => ({ a, b: 1 }));

/** Small integers, so that ties are frequent and sums exact. */
const integers = fc.array(fc.integer({ min: -6, max: 6 }), { minLength: 1, maxLength: 9 });

/** The p-value by definition: the share of all schedules whose sum is at least as far from 0. */
function byDefinition(values: readonly number[]): number {
  const happened = Math.abs(values.reduce((total, value) => total + value, 0));
  let asFar = 0;
  for (let coins = 0; coins < 2 ** values.length; coins++) {
    const sum = values.reduce((total, value, at) => total + ((coins >> at) & 1 ? -value : value), 0);
    if (Math.abs(sum) >= happened) asFar += 1;
  }
  return asFar / 2 ** values.length;
}

test('the p-value is the share of schedules with a sum at least as extreme', () => {
  fc.assert(
    fc.property(integers, (values) => {
      expect(new SignFlips(differences(values)).pValue(0)).toBeCloseTo(byDefinition(values), 12);
    }),
  );
});

test('the interval holds exactly the effects that the test does not reject', () => {
  const terms = fc.array(
    fc.record({ a: fc.integer({ min: -50, max: 50 }), b: fc.integer({ min: 0, max: 4 }) }),
    { minLength: 1, maxLength: 9 },
  );
  fc.assert(
    fc.property(terms, fc.constantFrom(0.05, 0.1, 0.5), (pairs, alpha) => {
      const flips = new SignFlips(pairs);
      const { low, high } = flips.interval(alpha);
      for (const theta of [low, high].filter(Number.isFinite)) {
        expect(flips.pValue(theta)).toBeGreaterThan(alpha);
      }
      if (Number.isFinite(low)) expect(flips.pValue(low - 1e-6)).toBeLessThanOrEqual(alpha);
      if (Number.isFinite(high)) expect(flips.pValue(high + 1e-6)).toBeLessThanOrEqual(alpha);
    }),
    { numRuns: 300 },
  );
});

test('with negative weights, as covariates may give, no effect outside of the interval is kept', () => {
  const terms = fc.array(
    fc.record({ a: fc.integer({ min: -50, max: 50 }), b: fc.integer({ min: -2, max: 4 }) }),
    { minLength: 6, maxLength: 8 },
  );
  fc.assert(
    fc.property(terms, fc.double({ min: -100, max: 100, noNaN: true }), (pairs, theta) => {
      const flips = new SignFlips(pairs);
      const { low, high } = flips.interval(0.05);
      if (flips.pValue(theta) > 0.05) {
        expect(low).toBeLessThanOrEqual(theta + 1e-9);
        expect(high).toBeGreaterThanOrEqual(theta - 1e-9);
      }
    }),
    { numRuns: 300 },
  );
});

test('six pairs that agree are the fewest with a finite interval: from the smallest to the largest difference', () => {
  const six = new SignFlips(differences([3, 1, 4, 2, 6, 5]));
  expect(six.pValue(0)).toBe(2 / 64);
  expect(six.interval(0.05)).toEqual({ low: 1, high: 6 });
  const five = new SignFlips(differences([3, 1, 4, 2, 5]));
  expect(five.pValue(0)).toBe(2 / 32);
  expect(five.interval(0.05)).toEqual({ low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY });
});

test('beyond twenty pairs schedules are drawn: nearly the same result, the same for the same seed, and never 0', () => {
  const values = Array.from({ length: 20 }, (_, at) => Math.sin(7 * at) + 0.4);
  const all = new SignFlips(differences(values));
  const drawn = new SignFlips(differences([...values, 0]), 5);
  expect(drawn.pValue(0)).toBeCloseTo(all.pValue(0), 2);
  expect(drawn.interval(0.05).low).toBeCloseTo(all.interval(0.05).low, 1);
  expect(new SignFlips(differences([...values, 0]), 5).interval(0.05)).toEqual(drawn.interval(0.05));
  const certain = new SignFlips(differences(Array.from({ length: 40 }, () => 1)), 5);
  expect(certain.pValue(0)).toBe(2 / 20_000);
});

test('pairs that do not differ at all show no effect, with a p-value of 1', () => {
  const flips = new SignFlips(differences([0, 0, 0, 0, 0, 0]));
  expect(flips.pValue(0)).toBe(1);
  expect(flips.interval(0.05)).toEqual({ low: 0, high: 0 });
});
