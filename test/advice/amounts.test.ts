import { expect, test } from 'vitest';
import { amount } from '../../advice/amounts.ts';

test('amounts have the units of evidence, and two decimals below ten', () => {
  const GIB = 1024 ** 3;
  expect(
    [0, 1, 1_023, 1_024, 1_536, 1_048_575, 7 * GIB, 341.92 * GIB, 1_024 * GIB, -2 * GIB].map(amount),
  ).toEqual(['0 B', '1 B', '1023 B', '1 KiB', '1.50 KiB', '1 MiB', '7 GiB', '341.9 GiB', '1 TiB', '-2 GiB']);
  expect(amount(5_000 * 1024 * GIB)).toBe('5000 TiB');
  expect(amount(0.4)).toBe('0 B');
});
