import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Watch } from '../../../tuner/watch/watch.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function watching(look: () => Promise<number | undefined>) {
  return new Watch({ look, settleMs: 2_000, intervalMs: 300_000 });
}

test('a burst of events causes one check, after it has settled', async () => {
  const look = vi.fn(async () => undefined);
  const watch = watching(look);
  for (let i = 0; i < 50; i++) watch.nudge();
  await vi.advanceTimersByTimeAsync(1_999);
  expect(look).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(look).toHaveBeenCalledTimes(1);
});

test('without an event it checks from time to time', async () => {
  const look = vi.fn(async () => undefined);
  const watch = watching(look);
  await watch.look();
  await vi.advanceTimersByTimeAsync(600_000);
  expect(look).toHaveBeenCalledTimes(3);
  await watch.close();
  await vi.advanceTimersByTimeAsync(600_000);
  expect(look).toHaveBeenCalledTimes(3);
});

test('an event during a check causes another check after it, never in parallel', async () => {
  let atOnce = 0;
  let most = 0;
  const look = vi.fn(async () => {
    most = Math.max(most, ++atOnce);
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    atOnce--;
    return undefined;
  });
  const watch = watching(look);
  watch.nudge();
  await vi.advanceTimersByTimeAsync(5_000);
  watch.nudge();
  watch.nudge();
  await vi.advanceTimersByTimeAsync(30_000);
  expect(look).toHaveBeenCalledTimes(2);
  expect(most).toBe(1);
});

test('a check that could not restore everything sets the time of the next one', async () => {
  const look = vi
    .fn(async (): Promise<number | undefined> => undefined)
    .mockResolvedValueOnce(4_000)
    .mockResolvedValueOnce(900_000);
  const watch = watching(look);
  await watch.look();
  await vi.advanceTimersByTimeAsync(3_999);
  expect(look).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(look).toHaveBeenCalledTimes(2);
  // The interval is the longest wait.
  await vi.advanceTimersByTimeAsync(300_000);
  expect(look).toHaveBeenCalledTimes(3);
  await watch.close();
});

test('events that never pause, as on a host whose VMs come and go, hold up no check for long', async () => {
  const look = vi.fn(async () => undefined);
  const watch = watching(look);
  for (let seconds = 0; seconds < 60; seconds++) {
    watch.nudge();
    await vi.advanceTimersByTimeAsync(1_000);
  }
  expect(look).toHaveBeenCalledTimes(6);
  await watch.close();
});
