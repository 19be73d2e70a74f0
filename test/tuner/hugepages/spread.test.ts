import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Demand, spread } from '../../../tuner/hugepages/spread.ts';

const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);

/**
 * The maximum that can be allocated, by the deficiency version of Hall's theorem: for every set of demands, what
 * exceeds the pages of their cells together is lost. Exhaustive, so only for few demands.
 */
function most(demands: readonly Demand[], free: ReadonlyMap<number, number>): number {
  let lost = 0;
  for (let mask = 0; mask < 1 << demands.length; mask++) {
    const chosen = demands.filter((_, index) => (mask & (1 << index)) !== 0);
    const cells = new Set(chosen.flatMap((demand) => demand.cells));
    const held = total([...cells].map((cell) => free.get(cell) ?? 0));
    lost = Math.max(lost, total(chosen.map(({ pages }) => pages)) - held);
  }
  return total(demands.map(({ pages }) => pages)) - lost;
}

test('demand for any cell leaves room for demand bound to one', () => {
  const free = new Map([
    [0, 10],
    [1, 10],
  ]);
  const demands = [
    { pages: 10, cells: [0, 1] },
    { pages: 10, cells: [0] },
  ];
  expect(spread(demands, free)).toEqual([10, 10]);
});

test('demand that fits elsewhere is moved on, through as many cells as needed', () => {
  const free = new Map([
    [0, 5],
    [1, 5],
    [2, 5],
  ]);
  const demands = [
    { pages: 5, cells: [0, 1] },
    { pages: 5, cells: [1, 2] },
    { pages: 5, cells: [0, 1] },
  ];
  expect(spread(demands, free)).toEqual([5, 5, 5]);
});

test('never more is allocated than asked or available, and never less than possible', () => {
  const anyDemand = fc.record({
    pages: fc.integer({ min: 0, max: 20 }),
    cells: fc.uniqueArray(fc.nat(3), { minLength: 0, maxLength: 4 }),
  });
  fc.assert(
    fc.property(
      fc.array(anyDemand, { maxLength: 6 }),
      fc.array(fc.nat(20), { minLength: 4, maxLength: 4 }),
      (demands, counts) => {
        const free = new Map(counts.map((count, cell) => [cell, count]));
        const given = spread(demands, free);
        given.forEach((pages, index) => {
          expect(pages).toBeLessThanOrEqual(demands[index]?.pages ?? 0);
        });
        expect(total(given)).toBe(most(demands, free));
      },
    ),
    { numRuns: 500 },
  );
});
