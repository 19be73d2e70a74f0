import { expect, test } from 'vitest';
import { History } from '../../tui/model/history.ts';

test('a series is what was added, oldest first, and no longer than the ring', () => {
  const history = new History(3);
  for (const [tick, cpu] of [1, 2, 3, 4].entries()) {
    history.start(tick * 1_000, new Set(['a']));
    history.add('a', { cpu });
  }
  expect(history.series('a', 'cpu', 10)).toEqual([2, 3, 4]);
  expect(history.series('a', 'cpu', 2)).toEqual([3, 4]);
  expect(history.times(10)).toEqual([1_000, 2_000, 3_000]);
  expect(history.series('a', 'cpu', 10, 2_000)).toEqual([2, 3]);
});

test('a VM that was not there has a gap, and one that is gone takes no memory', () => {
  const history = new History(4);
  const keys = new Set(['a', 'b']);
  history.start(0, keys);
  history.add('a', { cpu: 1 });
  history.start(1, keys);
  history.start(2, keys);
  history.add('a', { cpu: 3 });
  expect(history.series('a', 'cpu', 10)).toEqual([1, Number.NaN, 3]);
  expect(history.series('a', 'steal', 10)).toEqual([Number.NaN, Number.NaN, Number.NaN]);
  history.start(3, keys);
  expect(history.series('a', 'cpu', 10)).toEqual([1, Number.NaN, 3, Number.NaN]);
  history.start(4, new Set(['b']));
  expect(history.vms).toBe(0);
  expect(history.series('a', 'cpu', 10)).toEqual([]);
});
