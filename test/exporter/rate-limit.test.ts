import { expect, test } from 'vitest';
import { TokenBucket } from '../../exporter/http/rate-limit.ts';

test('a bucket starts full, refills one token an interval, and holds no more than its burst', () => {
  let nowMs = 0;
  const bucket = new TokenBucket({ intervalMs: 1_000, burst: 3 }, () => nowMs);
  const taken = (): number => {
    let count = 0;
    while (bucket.take()) count++;
    return count;
  };
  expect(taken()).toBe(3);
  nowMs += 999;
  expect(bucket.take()).toBe(false);
  expect(bucket.retryAfterSeconds).toBe(1);
  nowMs += 1;
  expect(taken()).toBe(1);
  nowMs += 2_500;
  expect(taken()).toBe(2);
  nowMs += 500;
  expect(taken()).toBe(1);
  nowMs += 3_600_000;
  expect(taken()).toBe(3);
});

test('requests that are refused do not put off the next one that is answered', () => {
  let nowMs = 0;
  const bucket = new TokenBucket({ intervalMs: 1_000, burst: 1 }, () => nowMs);
  bucket.take();
  for (nowMs = 100; nowMs < 1_000; nowMs += 100) expect(bucket.take()).toBe(false);
  expect(bucket.take()).toBe(true);
});
