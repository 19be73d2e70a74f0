import { expect, test } from 'vitest';
import { type Baseline, measureBaseline, singleValues } from '../../../tuner/measure/baseline.ts';
import type { Observation } from '../../../tuner/measure/block-means.ts';
import { smallestEffect } from '../../../tuner/measure/power.ts';
import { DESIGN, EVERY_MS, sample, switchback, type World } from './worlds.ts';

const baselineOf = (world: World, totalMs: number, seed: number): Baseline => {
  const { figure } = sample(world, 1, totalMs, () => 'off', seed);
  const baseline = measureBaseline('gauge', figure, EVERY_MS, DESIGN);
  if ('missing' in baseline) throw new Error(baseline.missing);
  return baseline;
};

const spreadOf = (values: readonly number[]): number =>
  Math.sqrt(values.reduce((total, value) => total + value * value, 0) / values.length);

/** The spread of pairs in a world, from many experiments. */
const trueSpread = (world: World): number =>
  spreadOf(
    Array.from({ length: 60 }, (_, seed) => switchback(world, 1, seed).pairs)
      .flat()
      .map(({ on, off }) => Math.log(on / off)),
  );

test('a sample that the VM did not answer does not split the rate over it, and a restart does', () => {
  const counter = (...values: readonly (number | undefined)[]): Observation[] =>
    values.map((value, at) => ({ atMs: at * 1_000, run: 7, value }));
  expect(singleValues('rate', counter(0, 10, undefined, 30, 45))).toEqual([10, 10, 15]);
  const restarted = counter(0, 10, 20).map((each, at) => (at === 2 ? { ...each, run: 8 } : each));
  expect(singleValues('rate', restarted)).toEqual([10]);
  const off = counter(0, 10, undefined, 30).map((each, at) =>
    at === 2 ? { ...each, run: undefined } : each,
  );
  expect(singleValues('rate', off)).toEqual([10]);
});

test('level, spread and autocorrelation of single samples', () => {
  const { level, spread, autocorrelation } = baselineOf({ phi: 0.8, noise: 0.2 }, 14_400_000, 1);
  expect(level).toBeCloseTo(Math.exp(0.02), 1);
  expect(spread).toBeCloseTo(0.2, 1);
  expect(autocorrelation).toBeCloseTo(0.8, 1);
});

for (const phi of [0, 0.5, 0.9]) {
  test(`the spread of pairs is that of later experiments, with noise of AR(1) ${phi}, from a long and from a short baseline`, () => {
    const world = { phi, noise: 0.2 };
    const wanted = trueSpread(world);
    const long = baselineOf(world, 7_200_000, 3);
    expect(long.basis).toBe('measured');
    expect(long.pairSpread / wanted).toBeGreaterThan(0.75);
    expect(long.pairSpread / wanted).toBeLessThan(1.3);
    expect(long.smallestEffect).toBe(smallestEffect(DESIGN.pairs, long.pairSpread));
    const short = Array.from({ length: 40 }, (_, seed) => baselineOf(world, 300_000, seed));
    expect(new Set(short.map(({ basis }) => basis))).toEqual(new Set(['modelled']));
    const middle = short.map(({ pairSpread }) => pairSpread).sort((a, b) => a - b)[20] as number;
    expect(middle / wanted).toBeGreaterThan(0.7);
    expect(middle / wanted).toBeLessThan(1.4);
  });
}

test('a slow swing that a short model would miss counts in a measured baseline', () => {
  const calm = baselineOf({ phi: 0, noise: 0.05 }, 3_600_000, 4);
  const rising = baselineOf({ phi: 0, noise: 0.05, trend: 4 }, 3_600_000, 4);
  expect(rising.pairSpread).toBeGreaterThan(2 * calm.pairSpread);
});

test('the figure of a counter is computed as in an experiment', () => {
  const counters: Observation[] = Array.from({ length: 400 }, (_, at) => ({
    atMs: at * EVERY_MS,
    run: 1,
    value: at * 30 + (at % 2) * 10,
    per: at * 10,
  }));
  const baseline = measureBaseline('quotient', counters, EVERY_MS, DESIGN);
  expect(baseline).toMatchObject({ basis: 'measured' });
  expect('level' in baseline && baseline.level).toBeCloseTo(3, 1);
  expect('autocorrelation' in baseline && baseline.autocorrelation).toBeCloseTo(-1, 1);
});

test('without a figure, without values above 0, or with too few, there is a reason in its place', () => {
  const gauge = (values: readonly (number | undefined)[]) =>
    measureBaseline(
      'gauge',
      values.map((value, at) => ({ atMs: at * EVERY_MS, run: 1, value })),
      EVERY_MS,
      DESIGN,
    );
  expect(gauge([])).toEqual({ missing: 'there is no sample' });
  expect(gauge(Array(20).fill(undefined))).toEqual({ missing: 'the figure is absent' });
  expect(gauge(Array(20).fill(0))).toEqual({
    missing: 'its mean is 0, so changes have no size relative to it',
  });
  expect(gauge([1, 2, 3])).toEqual({
    missing: 'it has 3 values, and a baseline needs 8: measure for longer',
  });
});
