import { expect, test } from 'vitest';
import type { BlockMean } from '../../../tuner/measure/block-means.ts';
import { pairUp } from '../../../tuner/measure/pairs.ts';
import { makeSchedule } from '../../../tuner/measure/schedule.ts';

const schedule = makeSchedule({ pairs: 6, blockMs: 60_000, settleMs: 0 }, 1);
const have = (value: number): BlockMean => ({ value, covered: 1, samples: 12 });
const means = schedule.blocks.map(({ arm, pair }) => have(arm === 'on' ? 10 + pair : pair));
const demand = schedule.blocks.map((_, at) => have(100 + at));

test('the blocks of a pair are assigned by their arm, whichever came first', () => {
  const { pairs, lost } = pairUp(schedule, means, [demand]);
  expect(lost).toEqual([]);
  for (const [at, { on, off, onFirst, covariates }] of pairs.entries()) {
    expect([on, off]).toEqual([10 + at, at]);
    expect(onFirst).toBe(schedule.blocks[2 * at]?.arm === 'on');
    expect(covariates).toEqual([
      onFirst ? { on: 100 + 2 * at, off: 101 + 2 * at } : { on: 101 + 2 * at, off: 100 + 2 * at },
    ]);
  }
  expect(new Set(pairs.map(({ onFirst }) => onFirst)).size).toBe(2);
});

test('a pair with a missing block, or a missing covariate, is lost as a whole, with the reason', () => {
  const stopped = means.with(3, { missing: 'the VM was restarted' });
  const idle = demand.with(8, { missing: 'the figure is absent' });
  const { pairs, lost } = pairUp(schedule, stopped, [idle]);
  expect(pairs.map(({ off }) => off)).toEqual([0, 2, 3, 5]);
  expect(lost).toEqual([
    { pair: 1, reason: `block ${schedule.blocks[3]?.arm}: the VM was restarted` },
    { pair: 4, reason: `block ${schedule.blocks[8]?.arm}: the figure is absent` },
  ]);
});

test('an experiment that ended early has the pairs that were complete', () => {
  expect(pairUp(schedule, means.slice(0, 7)).pairs).toHaveLength(3);
});
