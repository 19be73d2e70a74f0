import { expect, test } from 'vitest';
import { withinCpuTime } from '../../sampler/cpu-time.ts';

test('what is done in time is done', () => {
  expect(withinCpuTime(10_000, () => 7)).toEqual({ value: 7 });
  expect(withinCpuTime(10_000, () => undefined)).toEqual({ value: undefined });
});

test('what never ends is interrupted, and what comes after it runs', () => {
  let rounds = 0;
  const endless = (): never => {
    for (;;) rounds++;
  };
  expect(withinCpuTime(20, endless)).toBeUndefined();
  expect(rounds).toBeGreaterThan(0);
  expect(withinCpuTime(10_000, () => 8)).toEqual({ value: 8 });
});

test('an error is passed on', () => {
  expect(() => withinCpuTime(10_000, () => JSON.parse('{'))).toThrow(SyntaxError);
});
