import { expect, test } from 'vitest';
import { blockMean, type Observation } from '../../../tuner/measure/block-means.ts';

const WINDOW = { fromMs: 10_000, toMs: 70_000 };
const EVERY_MS = 10_000;

/** An observation every ten seconds, starting at 0. */
const series = (values: readonly (number | undefined)[], per?: readonly number[]): Observation[] =>
  values.map((value, at) => ({ atMs: at * EVERY_MS, run: 7, value, per: per?.[at] }));

const mean = (kind: 'gauge' | 'rate' | 'quotient', observations: readonly Observation[]) =>
  blockMean(kind, observations, WINDOW, EVERY_MS);

/** A failure that more samples would have avoided. */
const tooFew = (missing: string) => ({ missing, tooFewSamples: true });

test('a gauge is averaged over the measured time only', () => {
  expect(mean('gauge', series([900, 1, 2, 3, 4, 5, 6, 6, 900]))).toEqual({
    value: 3.5,
    covered: 1,
    samples: 7,
  });
});

test('a rate is the growth of its counter over the time between the first and the last sample', () => {
  const counter = series([0, 100, 100, 100, 100, 100, 100, 700]);
  expect(mean('rate', counter)).toEqual({ value: 10, covered: 1, samples: 7 });
});

test('a quotient divides once, so that a busy second counts more than an idle one', () => {
  // 1 request of 100 ms in the first interval, then 99 of 1 ms each: 199 ms / 100 requests, where the mean of means is 18 ms.
  const times = series([0, 0, 100, 199, 199, 199, 199, 199], [0, 0, 1, 100, 100, 100, 100, 100]);
  expect(mean('quotient', times)).toMatchObject({ value: 1.99 });
});

test('a missed sample in the middle costs a rate nothing, and a gauge the time it stood for', () => {
  const counter = series([0, 0, 10, undefined, 30, 40, 50, 60]);
  expect(mean('rate', counter)).toMatchObject({ value: 1, covered: 1, samples: 6 });
  expect(mean('gauge', series([0, 1, 1, undefined, 1, 1, 1, 1]))).toMatchObject({ value: 1, samples: 6 });
  const gauge = mean('gauge', series([0, 4, undefined, undefined, 1, 1, 1, 1]));
  expect(gauge).toMatchObject({ samples: 5 });
  // The first 4 counts for 10 s, until the next sample, which has no value.
  expect('value' in gauge && gauge.value).toBeCloseTo((4 * 10 + 3 * 10) / 40, 12);
});

test('a block that samples cover by less than half has no figure', () => {
  const sparse = series([0, 1, 2, 3, undefined, undefined, undefined, undefined]);
  expect(mean('rate', sparse)).toEqual({ missing: 'samples cover only 33 % of its time' });
  const atTheEnd = [{ atMs: WINDOW.toMs, run: 7, value: 5 }];
  expect(mean('gauge', atTheEnd)).toEqual(tooFew('samples cover only 0 % of its time'));
  expect(mean('gauge', sparse.slice(0, 2))).toEqual(tooFew('samples cover only 42 % of its time'));
});

test('a block in which the VM stopped, was restarted or had its counters reset has no figure', () => {
  const running = series([0, 10, 20, 30, 40, 50, 60, 70]);
  const at4 = (change: Partial<Observation>) =>
    running.map((each, at) => (at === 4 ? { ...each, ...change } : each));
  expect(mean('rate', at4({ run: undefined }))).toEqual({ missing: 'the VM did not run all the time' });
  expect(mean('gauge', at4({ run: 8 }))).toEqual({ missing: 'the VM was restarted' });
  expect(mean('rate', at4({ value: 0 }))).toEqual({ missing: 'its counter was reset' });
});

test('what is absent is absent, and never 0', () => {
  expect(mean('gauge', [])).toEqual(tooFew('there is no sample'));
  expect(mean('gauge', series(Array(8).fill(undefined)))).toEqual({ missing: 'the figure is absent' });
  expect(mean('rate', series([0, undefined, 5]))).toEqual({ missing: 'a rate needs two samples' });
  expect(mean('rate', series([0, 5]))).toEqual(tooFew('a rate needs two samples'));
  expect(mean('rate', series(Array(8).fill(5)))).toMatchObject({ value: 0 });
  expect(mean('quotient', series(Array(8).fill(5), Array(8).fill(9)))).toEqual({
    missing: 'no work was done (no requests, or no demand for CPU), so there is no figure per unit of work',
  });
});
