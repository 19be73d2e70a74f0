import { expect, test } from 'vitest';
import { History } from '../../tui/model/history.ts';
import { Residency } from '../../tui/model/residency.ts';

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

const vm = (key: string, delay: number, ...vcpus: readonly (readonly [cpu: number, run: number])[]) => ({
  key,
  delay,
  vcpus: vcpus.map(([cpu, run], vcpu) => ({ vcpu, cpu, run })),
});

test('who ran on the CPUs of a VM while it waited is named, the most first', () => {
  const residency = new Residency();
  residency.add([vm('db', 0.5, [0, 0.5]), vm('noisy', 0, [0, 0.6]), vm('other', 0, [0, 0.2], [1, 1])]);
  const blame = residency.blame('db', new Set([0]));
  expect(blame?.delay).toBeCloseTo(0.5);
  expect(blame?.neighbours.map(({ key }) => key)).toEqual(['noisy', 'other']);
  expect(blame?.neighbours[0]?.share).toBeCloseTo(0.75);
  expect(blame?.neighbours[1]?.cpus).toEqual([0]);
});

test('who ran while nobody waited is not to blame', () => {
  const residency = new Residency();
  residency.add([vm('db', 0, [0, 0.9]), vm('innocent', 0, [0, 1])]);
  expect(residency.blame('db', undefined)).toBeUndefined();
  residency.add([vm('db', 0.8, [0, 0.2]), vm('noisy', 0, [0, 0.8])]);
  expect(residency.blame('db', undefined)?.neighbours.map(({ key }) => key)).toEqual(['noisy']);
});

test('a VM that is pinned nowhere is compared with who was where it was seen', () => {
  const residency = new Residency();
  residency.add([vm('db', 0.3, [4, 0.5]), vm('near', 0, [4, 0.5]), vm('far', 0, [5, 1])]);
  expect(residency.blame('db', undefined)).toMatchObject({
    cpus: [4],
    neighbours: [{ key: 'near', share: 1 }],
  });
});

test('old samples are forgotten', () => {
  const residency = new Residency(2);
  residency.add([vm('db', 1, [0, 1]), vm('then', 0, [0, 1])]);
  residency.add([vm('db', 0, [0, 1])]);
  residency.add([vm('db', 0, [0, 1])]);
  expect(residency.ticks).toBe(2);
  expect(residency.blame('db', undefined)).toBeUndefined();
  expect(
    residency
      .now()
      .get(0)
      ?.map(({ key }) => key),
  ).toEqual(['db']);
});
