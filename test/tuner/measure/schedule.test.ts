import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeSchedule } from '../../../tuner/measure/schedule.ts';

const DESIGN = { pairs: 6, blockMs: 60_000, settleMs: 15_000 };

test('every pair has one block with the setting and one without, and leaves out the time to settle', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 6, max: 40 }), (seed, pairs) => {
      const { blocks, totalMs } = makeSchedule({ ...DESIGN, pairs }, seed);
      expect(blocks).toHaveLength(2 * pairs);
      for (const [index, block] of blocks.entries()) {
        expect(block.startMs).toBe(index * 75_000);
        expect(block.measureMs - block.startMs).toBe(15_000);
        expect(block.endMs - block.measureMs).toBe(60_000);
        expect(block.pair).toBe(Math.floor(index / 2));
        if (index % 2 === 1) expect(block.arm).not.toBe(blocks[index - 1]?.arm);
      }
      expect(totalMs).toBe(2 * pairs * 75_000);
    }),
  );
});

test('the same seed gives the same schedule, and another seed another one', () => {
  expect(makeSchedule(DESIGN, 42)).toEqual(makeSchedule(DESIGN, 42));
  const orders = new Set(
    Array.from({ length: 300 }, (_, seed) =>
      makeSchedule(DESIGN, seed)
        .blocks.map(({ arm }) => arm)
        .join(),
    ),
  );
  expect(orders.size).toBe(64);
});

test('each coin is fair, and independent of the one before', () => {
  const first = Array.from({ length: 2_000 }, (_, seed) =>
    makeSchedule(DESIGN, seed).blocks.flatMap(({ arm }, at) => (at % 2 === 0 ? [arm] : [])),
  );
  for (let pair = 0; pair < 6; pair++) {
    const on = first.filter((arms) => arms[pair] === 'on').length;
    expect(Math.abs(on - 1_000)).toBeLessThan(3 * Math.sqrt(500));
    const same = first.filter((arms) => arms[pair] === arms[(pair + 1) % 6]).length;
    expect(Math.abs(same - 1_000)).toBeLessThan(3 * Math.sqrt(500));
  }
});

test('a design that can show nothing is refused, with the reason', () => {
  expect(() => makeSchedule({ ...DESIGN, pairs: 5 }, 1)).toThrow(
    'an experiment needs at least 12 blocks, an even number: fewer than 6 pairs cannot reach a p-value of 5 %; there are 10',
  );
  expect(() => makeSchedule({ ...DESIGN, pairs: 6.5 }, 1)).toThrow('there are 13');
  expect(() => makeSchedule({ ...DESIGN, blockMs: 0 }, 1)).toThrow('use a longer --block');
});
