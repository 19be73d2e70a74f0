import { expect, test } from 'vitest';
import {
  bootsWith,
  FEWEST_RESTARTS,
  makeBootSchedule,
  smallestP,
} from '../../../../tuner/measure/boots/schedule.ts';

const DESIGN = { restarts: 6, blockMs: 600_000, settleMs: 300_000 };

test('half of the boots have the settings, and each choice of them is as likely as the others', () => {
  const counts = new Map<string, number>();
  for (let seed = 0; seed < 4_000; seed++) {
    const { arms } = makeBootSchedule(DESIGN, seed);
    const choice = arms.join();
    counts.set(choice, (counts.get(choice) ?? 0) + 1);
  }
  expect(counts.size).toBe(20);
  // 200 each on average, with a standard deviation of 14.
  for (const count of counts.values()) expect(Math.abs(count - 200)).toBeLessThan(5 * 14);
});

test('the same seed draws the same boots, and one boot more has no settings where their number is odd', () => {
  expect(makeBootSchedule(DESIGN, 7)).toEqual(makeBootSchedule(DESIGN, 7));
  const { arms, totalMs } = makeBootSchedule({ ...DESIGN, restarts: 7 }, 7);
  expect(arms.filter((arm) => arm === 'on')).toHaveLength(3);
  expect(totalMs).toBe(7 * 900_000);
  expect(makeBootSchedule({ ...DESIGN, restarts: 1 }, 1).arms).toEqual(['on']);
});

test('the smallest p-value is two of all choices, and eight restarts are the fewest below 5 %', () => {
  const least = (restarts: number) => smallestP(restarts - bootsWith(restarts), bootsWith(restarts));
  expect([2, 3, 4, 6].map(least)).toEqual([1, 2 / 3, 2 / 6, 2 / 20]);
  expect(least(7)).toBeCloseTo(2 / 35);
  expect(least(8)).toBeCloseTo(2 / 70);
  expect(FEWEST_RESTARTS).toBe(8);
  expect(smallestP(1, 1)).toBe(1);
});

test.each([0, 1.5, 21])('%s restarts are refused', (restarts) => {
  expect(() => makeBootSchedule({ ...DESIGN, restarts }, 1)).toThrow('cannot be measured; use 1 to 20');
});
