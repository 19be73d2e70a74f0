import { expect, test } from 'vitest';
import { counted, listed, sized } from '../../../tuner/placement/amounts.ts';

test('an amount has its noun in the singular for one alone, and its thousands apart', () => {
  expect([0, 1, 2, 1_024].map((count) => counted(count, 'core'))).toEqual([
    '0 cores',
    '1 core',
    '2 cores',
    '1,024 cores',
  ]);
  expect([1, 2].map((count) => counted(count, 'memory', 'memories'))).toEqual(['1 memory', '2 memories']);
});

test('a size is in the largest unit that it fills, with one decimal', () => {
  expect([4, 1_023, 1_024, 1_536, 1_048_575, 1_048_576, 1_572_864].map(sized)).toEqual([
    '4 KiB',
    '1,023 KiB',
    '1 MiB',
    '1.5 MiB',
    '1,024 MiB',
    '1 GiB',
    '1.5 GiB',
  ]);
  expect(sized(2_000 * 1_048_576)).toBe('2,000 GiB');
});

test('of a long list the first ones are shown, and the rest is counted', () => {
  expect([[], ['a'], ['a', 'b'], ['a', 'b', 'c', 'd']].map((items) => listed(items))).toEqual([
    '',
    'a',
    'a and b',
    'a, b, c and d',
  ]);
  expect(listed(['a', 'b', 'c', 'd', 'e', 'f'])).toBe('a, b, c, d and 2 more');
  expect(listed(['a', 'b', 'c'], 1)).toBe('a and 2 more');
});
