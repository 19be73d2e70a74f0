import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type EffectOptions, estimateEffect } from '../../../tuner/measure/effect.ts';
import type { Pair } from '../../../tuner/measure/pairs.ts';

const OPTIONS: EffectOptions = { alpha: 0.05, seed: 1 };

/** Two consecutive blocks with the values they would have without the setting, and their covariates. */
interface Potential {
  readonly blocks: readonly [number, number];
  readonly work: readonly [number, number];
}

/** The observed pairs for this sequence of coin tosses, if the setting multiplies the figure equally in every block. */
const observed = (world: readonly Potential[], coins: number, ratio: number): Pair[] =>
  world.map(({ blocks: [first, second], work: [w1, w2] }, at) =>
    (coins >> at) & 1
      ? { on: ratio * first, off: second, onFirst: true, covariates: [{ on: w1, off: w2 }] }
      : { on: ratio * second, off: first, onFirst: false, covariates: [{ on: w2, off: w1 }] },
  );

const positive = fc.double({ min: 0.01, max: 100, noNaN: true });
const withZeros = fc.oneof(fc.constant(0), positive);
const worlds = (value: fc.Arbitrary<number>) =>
  fc.array(fc.record({ blocks: fc.tuple(value, value), work: fc.tuple(positive, positive) }), {
    minLength: 8,
    maxLength: 8,
  });

/** Shares of false findings and of intervals that miss the truth, over all sequences of coin tosses. */
function errors(world: readonly Potential[], ratio: number, options: EffectOptions) {
  let [found, missed] = [0, 0];
  for (let coins = 0; coins < 256; coins++) {
    const nothing = estimateEffect(observed(world, coins, 1), options);
    if ((nothing?.p ?? 1) <= 0.05) found += 1;
    const some = estimateEffect(observed(world, coins, ratio), options);
    if (some === undefined || some.low > ratio * (1 + 1e-9) || some.high < ratio * (1 - 1e-9)) missed += 1;
  }
  return { found: found / 256, missed: missed / 256 };
}

for (const [what, value, options] of [
  ['plainly', positive, OPTIONS],
  ['adjusted for a covariate', positive, { ...OPTIONS, covariates: ['work'] }],
  ['with blocks that are 0', withZeros, OPTIONS],
] as const) {
  test(`whatever the blocks are, at most 5 % of all schedules mislead: ${what}`, () => {
    fc.assert(
      fc.property(worlds(value), fc.constantFrom(0.5, 0.9, 2), (world, ratio) => {
        const { found, missed } = errors(world, ratio, options);
        expect(found).toBeLessThanOrEqual(0.05);
        expect(missed).toBeLessThanOrEqual(0.05);
      }),
      { numRuns: 12 },
    );
  });
}

const pairs = (values: readonly (readonly [number, number])[]): Pair[] =>
  values.map(([off, on], at) => ({ off, on, onFirst: at % 2 === 0, covariates: [] }));

test('a ratio is the geometric mean over the pairs', () => {
  const effect = estimateEffect(
    pairs([
      [10, 8],
      [100, 80],
      [1, 0.8],
      [5, 4],
      [20, 16],
      [50, 45],
    ]),
    OPTIONS,
  );
  expect(effect).toMatchObject({ scale: 'ratio', pairs: 6, p: 2 / 64, adjustedFor: [] });
  expect(effect?.effect).toBeCloseTo((0.8 ** 5 * 0.9) ** (1 / 6), 12);
  expect(effect?.low).toBeCloseTo(0.8, 12);
  expect(effect?.high).toBeCloseTo(0.9, 12);
});

test('with blocks of 0 the effect is a ratio of sums, and blocks of 0 in both arms say nothing', () => {
  const some: (readonly [number, number])[] = [
    [10, 5],
    [20, 10],
    [30, 12],
    [8, 4],
    [6, 3],
    [4, 0],
  ];
  const effect = estimateEffect(pairs(some), OPTIONS);
  expect(effect).toMatchObject({ scale: 'ratio of sums', p: 2 / 64 });
  expect(effect?.effect).toBeCloseTo(34 / 78, 12);
  const more = estimateEffect(pairs([...some, [0, 0], [0, 0]]), OPTIONS);
  expect(more?.p).toBe(2 / 64);
});

test('a figure that is 0 in all blocks has no ratio, and one that is 0 only without the setting an infinite one', () => {
  const zero = estimateEffect(pairs(Array(6).fill([0, 0])), OPTIONS);
  expect(zero).toMatchObject({ effect: Number.NaN, p: 1, low: 0, high: Number.POSITIVE_INFINITY });
  const from0 = estimateEffect(pairs(Array(6).fill([0, 3])), OPTIONS);
  expect(from0).toMatchObject({ effect: Number.POSITIVE_INFINITY, p: 2 / 64 });
});

test('a figure that is constant but for rounding shows no effect', () => {
  const rounded = [1, 2, 3, 4, 5, 6].map((last): [number, number] => [40.5, 40.5 * (1 + last * 2 ** -50)]);
  expect(estimateEffect(pairs(rounded), OPTIONS)).toMatchObject({ p: 1, effect: 1, low: 1, high: 1 });
});

test('negative figures are compared by difference, in their unit', () => {
  const effect = estimateEffect(
    pairs([
      [-1, 1],
      [0, 3],
      [2, 6],
      [1, 2],
      [0, 5],
      [3, 4],
    ]),
    OPTIONS,
  );
  expect(effect).toMatchObject({ scale: 'difference', low: 1, high: 5, p: 2 / 64 });
  expect(effect?.effect).toBeCloseTo(16 / 6, 12);
});

test('a covariate takes its part out: what follows the demand of the guest is not taken for the effect', () => {
  const demand = [1, 3, 2, 8, 4, 1, 7, 2, 5, 3, 2, 9, 4, 6, 3, 1];
  const world: Potential[] = Array.from({ length: 8 }, (_, at) => {
    const work = [demand[2 * at] as number, demand[2 * at + 1] as number] as const;
    return { blocks: [10 * work[0] ** 2, 10 * work[1] ** 2], work };
  });
  const measured = observed(world, 0b10110100, 0.9);
  const plain = estimateEffect(measured, OPTIONS);
  const adjusted = estimateEffect(measured, { ...OPTIONS, covariates: ['demand'] });
  expect(plain?.p).toBeGreaterThan(0.05);
  expect(adjusted).toMatchObject({ adjustedFor: ['demand'], moved: [] });
  expect(adjusted?.p).toBeLessThanOrEqual(0.05);
  for (const value of [adjusted?.effect, adjusted?.low, adjusted?.high]) expect(value).toBeCloseTo(0.9, 6);
  expect(adjusted?.plain.effect).toBe(plain?.effect);
});

test('where the setting changes the covariate itself, the interval also holds what is found without it', () => {
  const measured = Array.from({ length: 8 }, (_, at): Pair => {
    const noise = 1 + Math.sin(at) / 20;
    return {
      off: 10,
      on: 20 * noise,
      onFirst: at % 2 === 0,
      covariates: [{ off: 5, on: 10 * noise * (1 + Math.cos(3 * at) / 50) }],
    };
  });
  const effect = estimateEffect(measured, { ...OPTIONS, covariates: ['transactions'] });
  expect(effect?.moved).toEqual(['transactions']);
  expect(effect?.low).toBeLessThanOrEqual(effect?.plain.low ?? 0);
  expect(effect?.high).toBeGreaterThanOrEqual(effect?.plain.high ?? Number.POSITIVE_INFINITY);
  expect(effect?.p).toBeGreaterThanOrEqual(effect?.plain.p ?? 1);
});

test('of a covariate that the setting changes, the larger p-value counts', () => {
  const demand = [1.007, 0.613, 0.609, 0.716, 0.461, 0.647, 0.404, 0.452];
  const measured = demand.map(
    (grown, at): Pair => ({
      off: 10,
      on: 10 * Math.exp(grown - 0.552),
      onFirst: [1, 3, 5, 6].includes(at),
      covariates: [{ off: 5, on: 5 * Math.exp(grown) }],
    }),
  );
  const effect = estimateEffect(measured, { ...OPTIONS, covariates: ['transactions'] });
  expect(effect?.moved).toEqual(['transactions']);
  expect(effect?.p).toBeGreaterThan(effect?.plain.p ?? 1);
});

test('no more covariates are used than the pairs can carry, the first that were declared', () => {
  const one = observed(
    Array.from({ length: 6 }, (_, at) => ({ blocks: [at + 1, at + 2], work: [at + 1, 3] })),
    5,
    1,
  ).map((pair) => ({ ...pair, covariates: [...pair.covariates, { on: 1, off: 2 }] }));
  expect(estimateEffect(one, { ...OPTIONS, covariates: ['work', 'other'] })?.adjustedFor).toEqual(['work']);
});

test('without a complete pair there is no effect', () => {
  expect(estimateEffect([], OPTIONS)).toBeUndefined();
});
