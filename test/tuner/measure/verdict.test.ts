import { expect, test } from 'vitest';
import type { Effect, Scale } from '../../../tuner/measure/effect.ts';
import { type Direction, judge } from '../../../tuner/measure/verdict.ts';

function effectOf(low: number, high: number, scale: Scale = 'ratio', effect = Math.sqrt(low * high)): Effect {
  const estimate = { scale, effect, low, high, p: 0.01, spread: 0.1 };
  return { ...estimate, pairs: 12, plain: estimate, adjustedFor: [], moved: [] };
}

const verdict = (low: number, high: number, direction: Direction) => {
  const { verdict: found, notWorse } = judge(effectOf(low, high), { direction, margin: 1.05 });
  return [found, notWorse];
};

test('an interval on one side of 1 is better or worse, by the direction of the figure', () => {
  expect(verdict(0.8, 0.95, 'lower is better')).toEqual(['better', true]);
  expect(verdict(0.8, 0.95, 'higher is better')).toEqual(['worse', false]);
  expect(verdict(1.06, 1.3, 'higher is better')).toEqual(['better', true]);
  expect(verdict(1.06, 1.3, 'lower is better')).toEqual(['worse', false]);
});

test('one of several figures is not better while its adjusted p-value is above 5 %', () => {
  const criterion = { direction: 'lower is better', margin: 1.05 } as const;
  expect(judge(effectOf(0.8, 0.95), criterion, 0.06).verdict).toBe('inconclusive');
  expect(judge(effectOf(0.97, 0.99), criterion, 0.06).verdict).toBe('no difference');
  expect(judge(effectOf(1.06, 1.3), criterion, 0.06).verdict).toBe('inconclusive');
  expect(judge(effectOf(1.06, 1.3), criterion, 0.05).verdict).toBe('worse');
});

test('an effect that is certain, but below the margin, does not matter', () => {
  expect(verdict(0.97, 0.99, 'lower is better')).toEqual(['no difference', true]);
  expect(verdict(0.97, 0.99, 'higher is better')).toEqual(['no difference', true]);
});

test('an interval within the margin on both sides excludes any difference larger than that', () => {
  expect(verdict(0.97, 1.04, 'lower is better')).toEqual(['no difference', true]);
  const { within } = judge(effectOf(0.98, 1.04), { direction: 'lower is better', margin: 1.05 });
  expect(within).toBeCloseTo(1.04, 12);
  expect(judge(effectOf(0.96, 1.01), { direction: 'lower is better', margin: 1.05 }).within).toBeCloseTo(
    1 / 0.96,
    12,
  );
});

test('an interval that allows both cannot decide, and says how many pairs would', () => {
  expect(verdict(0.8, 1.2, 'lower is better')).toEqual(['inconclusive', false]);
  // Not worse by the margin, but possibly much better.
  expect(verdict(0.8, 1.02, 'lower is better')).toEqual(['inconclusive', true]);
  expect(verdict(0.8, 1.02, 'higher is better')).toEqual(['inconclusive', false]);
  const { pairsNeeded = 0 } = judge(effectOf(0.8, 1.2), { direction: 'lower is better', margin: 1.05 });
  // (1.96 + 0.84)^2 (0.1 / ln 1.05)^2 = 33, and a few more for a short experiment.
  expect(pairsNeeded).toBeGreaterThanOrEqual(33);
  expect(pairsNeeded).toBeLessThan(37);
  const wide = { ...effectOf(0.8, 1.2), pairs: 50 };
  expect(judge(wide, { direction: 'lower is better', margin: 1.05 }).pairsNeeded).toBe(51);
});

test('a figure that takes negative values has no change in per cent, and is not decided', () => {
  const effect = effectOf(-3, -1, 'difference', -2);
  expect(judge(effect, { direction: 'lower is better', margin: 1.05 })).toMatchObject({
    verdict: 'inconclusive',
    reason: 'the figure has negative values, so a change in percent is meaningless',
  });
});

test('nothing measured, or nothing but 0, cannot decide, with the reason', () => {
  expect(judge(undefined, { direction: 'lower is better', margin: 1.05 })).toMatchObject({
    verdict: 'inconclusive',
    reason: 'no pair of blocks was complete',
    notWorse: false,
  });
  const zero = effectOf(0, Number.POSITIVE_INFINITY, 'ratio of sums', Number.NaN);
  expect(judge(zero, { direction: 'lower is better', margin: 1.05 })).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('0 in every block'),
  });
});

test('too few pairs with a figure cannot decide, whatever they show, and both numbers are in the reason', () => {
  const criterion = { direction: 'lower is better', margin: 1.05 } as const;
  const few = (pairs: number) => judge({ ...effectOf(0.5, 0.6), pairs }, criterion);
  expect(few(5)).toEqual({
    verdict: 'inconclusive',
    within: Number.POSITIVE_INFINITY,
    notWorse: false,
    reason:
      'only 5 pairs of blocks have a figure, but at least 6 are needed to decide; repeat with more --blocks, so that some can be lost',
  });
  expect(few(1).reason).toContain('only 1 pair of blocks has a figure');
  expect(few(6)).toMatchObject({ verdict: 'better' });
});
