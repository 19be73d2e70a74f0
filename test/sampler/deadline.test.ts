import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Deadline, inTime, timerMs } from '../../sampler/deadline.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

test('a timer waits 1 ms at least, and as long as a timer of Node.js can', () => {
  expect([0, -5, 1, 1.5, 2_000].map(timerMs)).toEqual([1, 1, 1, 1.5, 2_000]);
  expect([2 ** 31 - 1, 2 ** 31, 1e15, Number.POSITIVE_INFINITY, Number.NaN].map(timerMs)).toEqual(
    Array(5).fill(2_147_483_647),
  );
});

test('what is left of a deadline shrinks with time, to 1 ms and no less', () => {
  const deadline = new Deadline(1_000);
  expect(deadline.remainingMs).toBe(1_000);
  expect(deadline.aborted).toBe(false);
  vi.advanceTimersByTime(400);
  expect(deadline.remainingMs).toBe(600);
  vi.advanceTimersByTime(599.5);
  expect(deadline.remainingMs).toBe(1);
  vi.advanceTimersByTime(5_000);
  expect(deadline.remainingMs).toBe(1);
});

test('a pending result is awaited until the deadline, and its timer ends with it', async () => {
  await expect(inTime(Promise.resolve('there'), 50)).resolves.toBe('there');
  await expect(inTime(Promise.reject(new Error('no')), 50)).rejects.toThrow('no');
  expect(vi.getTimerCount()).toBe(0);
  const late = inTime(new Promise<string>(() => undefined), 50);
  await vi.advanceTimersByTimeAsync(49);
  expect(vi.getTimerCount()).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  await expect(late).resolves.toBeUndefined();
});
