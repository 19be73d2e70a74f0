import { expect, test } from 'vitest';
import { beforeAfter } from '../../../tuner/measure/before-after.ts';
import { normals, seededRandom } from '../../../tuner/measure/random.ts';

const series = (before: number, after: number) => ({ before: [before, before], after: [after, after] });

test('what the other VMs of the host did at the same time is taken out', () => {
  const result = beforeAfter(series(10, 16), [series(1, 2), series(5, 10), series(7, 14), series(2, 4)]);
  expect(result?.change).toBeCloseTo(1.6, 12);
  expect(result?.others).toBeCloseTo(2, 12);
  expect(result?.effect).toBeCloseTo(0.8, 12);
  expect(result?.low).toBeCloseTo(0.8, 12);
  expect(result?.high).toBeCloseTo(0.8, 12);
});

test('the interval comes from how the others differ among themselves, and states how often it holds', () => {
  const result = beforeAfter(
    series(10, 5),
    [0.9, 1, 1.1, 1.25].map((ratio) => series(10, 10 * ratio)),
  );
  expect(result?.low).toBeCloseTo(0.5 / 1.25, 12);
  expect(result?.high).toBeCloseTo(0.5 / 0.9, 12);
  expect(result).toMatchObject({ confidence: 3 / 5, p: 1 / 5, controls: 4 });
});

test('a VM that changed like the others is not distinguished from them', () => {
  const others = [0.9, 1, 1.1, 1.25].map((ratio) => series(10, 10 * ratio));
  expect(beforeAfter(series(10, 10.5), others)?.p).toBe(1);
});

test('with exchangeable VMs the interval holds as often as it states', () => {
  const normal = normals(seededRandom(1));
  let held = 0;
  for (let run = 0; run < 2_000; run++) {
    const [own, ...others] = Array.from({ length: 10 }, () => series(10, 10 * Math.exp(0.2 * normal())));
    if (own === undefined) throw new Error('there are ten');
    const result = beforeAfter({ ...own, after: own.after.map((value) => value * 0.8) }, others);
    if (result !== undefined && result.low <= 0.8 && 0.8 <= result.high) held += 1;
  }
  expect(held / 2_000).toBeCloseTo(8 / 10, 1);
});

test('with fewer than three other VMs, or figures that are 0 or absent, there is no result', () => {
  const others = [series(1, 1), series(1, 1), series(1, 1)];
  expect(beforeAfter(series(1, 2), others.slice(1))).toBeUndefined();
  expect(beforeAfter(series(0, 2), others)).toBeUndefined();
  expect(beforeAfter({ before: [], after: [1] }, others)).toBeUndefined();
  expect(beforeAfter(series(1, 2), [...others.slice(1), series(1, 0)])).toBeUndefined();
});
