import { expect, test } from 'vitest';
import { StartTimes } from '../../../exporter/otlp/start-times.ts';

test('a series counts since it was first seen, and since its VM started where that is known', () => {
  const starts = new StartTimes();
  expect(starts.startOf('host', 1_000, 5)).toBe(1_000);
  expect(starts.startOf('host', 2_000, 6)).toBe(1_000);
  expect(starts.startOf('vm', 2_000, 6, 300)).toBe(300);
  expect(starts.startOf('vm', 3_000, 6, 300)).toBe(300);
});

test('a start that becomes known later moves nothing: that would be a reset to readers', () => {
  const starts = new StartTimes();
  expect(starts.startOf('vm', 2_000, 6)).toBe(2_000);
  expect(starts.startOf('vm', 3_000, 7, 300)).toBe(2_000);
});

test('after a reset a series counts since the point before, or since its VM was started again', () => {
  const starts = new StartTimes();
  starts.startOf('vm', 1_000, 50, 300);
  expect(starts.startOf('vm', 2_000, 10, 300)).toBe(1_000);
  expect(starts.startOf('vm', 3_000, 11, 300)).toBe(1_000);
  expect(starts.startOf('vm', 4_000, 12, 3_500)).toBe(3_500);
  expect(starts.startOf('vm', 5_000, 13, 3_500)).toBe(3_500);
});

test('a start after the time of the point is the time of the point', () => {
  expect(new StartTimes().startOf('vm', 1_000, 1, 1_400)).toBe(1_000);
});

test('a gap of minutes is not a reset; after hours a series is forgotten', () => {
  const starts = new StartTimes();
  starts.sweep(0);
  starts.startOf('vm', 1_000, 5);
  starts.sweep(1_000_000);
  expect(starts.startOf('vm', 1_000_000, 6)).toBe(1_000);
  starts.startOf('other', 9_000_000, 6);
  starts.sweep(9_000_000);
  expect(starts.size).toBe(1);
  expect(starts.startOf('vm', 9_010_000, 7)).toBe(9_010_000);
});
