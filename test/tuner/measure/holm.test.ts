import { expect, test } from 'vitest';
import { holm } from '../../../tuner/measure/holm.ts';

test('the smallest of n p-values is multiplied by n, the next by n - 1, and none becomes smaller than one before', () => {
  expect(holm([0.04, 0.01, 0.03])).toEqual([0.06, 0.03, 0.06]);
  expect(holm([0.6, 0.7])).toEqual([1, 1]);
  expect(holm([0.02])).toEqual([0.02]);
  expect(holm([])).toEqual([]);
});
