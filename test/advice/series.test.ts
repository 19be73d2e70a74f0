import { expect, test } from 'vitest';
import { isLasting } from '../../advice/evidence.ts';
import { Series } from '../../advice/series.ts';

test('figures follow each new value, and the oldest are dropped', () => {
  const series = new Series(4);
  expect([series.mean, series.median, series.max, series.last]).toEqual(Array(4).fill(undefined));
  for (const value of [1, 4, 2]) series.add(value);
  expect([series.mean, series.median, series.quantile(0), series.max, series.last]).toEqual([
    7 / 3,
    2,
    1,
    4,
    2,
  ]);
  series.add(10);
  expect([series.mean, series.median, series.quantile(1), series.last]).toEqual([4.25, 2, 10, 10]);
  series.add(10);
  expect(series.values).toEqual([4, 2, 10, 10]);
  expect([series.mean, series.median, series.count]).toEqual([6.5, 4, 4]);
});

test('what is absent or not a number does not count', () => {
  const series = Series.of([1]);
  for (const value of [undefined, Number.NaN, Number.POSITIVE_INFINITY]) series.add(value);
  expect(series.values).toEqual([1]);
});

test('a quantile is a value that was there: the smallest that so many do not exceed', () => {
  const series = Series.of([4, 1, 3, 2]);
  expect([0, 0.25, 0.26, 0.5, 0.75, 0.9, 1].map((share) => series.quantile(share))).toEqual([
    1, 1, 2, 2, 3, 4, 4,
  ]);
});

test('a share of values is above a limit, not at it; without values, none is', () => {
  expect(Series.of([1, 2, 3, 4]).shareAbove(2)).toBe(0.5);
  expect(Series.of([2, 2]).shareAbove(2)).toBe(0);
  expect(new Series().shareAbove(0)).toBe(0);
});

test('a figure lasts if half of enough values are above the limit', () => {
  expect(isLasting(Series.of([1, 1, 0, 0]), 0.5, 4)).toBe(true);
  expect(isLasting(Series.of([1, 0, 0, 0]), 0.5, 4)).toBe(false);
  expect(isLasting(Series.of([1, 1, 1, 1]), 0.5, 5)).toBe(false);
  expect(isLasting(new Series(), -1, 0)).toBe(false);
});
