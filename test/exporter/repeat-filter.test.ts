import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RepeatFilter } from '../../exporter/repeat-filter.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'Date'], now: 1_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

test('a failure that goes on is logged once a minute, whatever its numbers; another one at once', () => {
  const said: string[] = [];
  const filter = new RepeatFilter((message) => said.push(message));
  filter.log('7 documents were refused');
  vi.advanceTimersByTime(59_000);
  filter.log('8 documents were refused');
  filter.log('the disk is full');
  vi.advanceTimersByTime(1_000);
  filter.log('9 documents were refused');
  expect(said).toEqual(['7 documents were refused', 'the disk is full', '9 documents were refused']);
});

test('a clock that was set back silences nothing', () => {
  const said: string[] = [];
  const filter = new RepeatFilter((message) => said.push(message));
  filter.log('the disk is full');
  vi.setSystemTime(0);
  vi.advanceTimersByTime(60_000);
  filter.log('the disk is full');
  expect(said).toHaveLength(2);
});
