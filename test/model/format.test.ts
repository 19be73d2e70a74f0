import { expect, test } from 'vitest';
import { bytes, count, duration, milliseconds, pageSize, percent } from '../../model/format.ts';

test.each([
  [0, '0B'],
  [1, '1B'],
  [1_023, '1023B'],
  [1_024, '1.0K'],
  [10 * 1_024, '10K'],
  [1_048_575, '1.0M'],
  [1.5 * 2 ** 30, '1.5G'],
  [-2_048, '-2.0K'],
])('%d bytes are %s', (value, shown) => {
  expect(bytes(value)).toBe(shown);
});

test.each([
  [0, '0'],
  [0.25, '0.3'],
  [999, '999'],
  [999.99, '1.0k'],
  [12_345, '12k'],
])('%d is %s', (value, shown) => {
  expect(count(value)).toBe(shown);
});

test('percent, milliseconds and times keep three digits or so', () => {
  expect([0, 5.04, 99.94, 99.96, 400].map(percent)).toEqual(['0.0', '5.0', '99.9', '100', '400']);
  expect([0.123, 9.999, 12.34, 123.4].map(milliseconds)).toEqual(['0.12', '10.0', '12.3', '123']);
  expect([5, 65, 3_661, 90_061].map(duration)).toEqual(['0:05', '1:05', '1:01:01', '1d01h']);
  expect([2_048, 1_048_576].map(pageSize)).toEqual(['2M', '1G']);
});

test('no figure is wider than its column, whatever it is', () => {
  for (let power = -3; power < 17; power++) {
    for (const factor of [1, 2.5, 9.96, 9.9999]) {
      const value = factor * 10 ** power;
      expect(bytes(value).length, String(value)).toBeLessThanOrEqual(6);
      if (power < 14) expect(count(value).length, String(value)).toBeLessThanOrEqual(5);
    }
  }
});
