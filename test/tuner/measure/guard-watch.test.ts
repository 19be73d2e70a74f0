import { expect, test } from 'vitest';
import type { Observation } from '../../../tuner/measure/block-means.ts';
import type { Figure } from '../../../tuner/measure/figure.ts';
import { GuardWatch } from '../../../tuner/measure/guard-watch.ts';

const EVERY_MS = 5_000;
const DESIGN = { pairs: 6, blockMs: 10_000, settleMs: 0 };
const LIMITED: Figure = {
  name: 'steal',
  kind: 'gauge',
  direction: 'lower is better',
  guard: { ratio: 1.5, difference: 0, stretches: 1, limit: 20 },
};

/** Values at each interval, starting at 0; the first four samples are the baseline. */
function watchOf(values: readonly number[], figure = LIMITED): GuardWatch {
  const series = values.map((value, at): Observation => ({ atMs: at * EVERY_MS, run: 1, value }));
  return new GuardWatch([figure], () => series, EVERY_MS, 15_000, DESIGN);
}

test('a limit counts two samples with the setting in a row, though a block without it is in between', () => {
  const watch = watchOf([5, 6, 5, 6, 7, 25, 6, 5, 26]);
  expect(watch.findWorse(15_000, 25_000)).toBeUndefined();
  watch.ended({ arm: 'on', fromMs: 15_000, toMs: 25_000 });
  watch.ended({ arm: 'off', fromMs: 25_000, toMs: 35_000 });
  expect(watch.findWorse(35_000, 40_000)).toBe('steal is beyond its limit of 20');
});

test('a limit that was passed without the setting too does not count', () => {
  const watch = watchOf([5, 25, 5, 6, 25, 26]);
  expect(watch.findWorse(15_000, 25_000)).toBeUndefined();
});

test('what is guarded is in the report, with the reason where a figure has no rule', () => {
  expect(watchOf([5, 6, 5, 6]).report).toEqual({
    figures: [{ name: 'steal', missing: 'fewer than 10 values in the baseline', limit: 20 }],
  });
  expect(watchOf([5, 6], { ...LIMITED, guard: undefined }).report).toEqual({ figures: [] });
});

test('a figure without a rule does not leave the next one unwatched, and the one that gets worse is named', () => {
  const rare: Figure = { ...LIMITED, name: 'rare', guard: { ratio: 1.5, difference: 0, stretches: 1 } };
  const often: Figure = { ...rare, name: 'often' };
  const series = new Map(
    [rare, often].map(({ name }, which) => [
      name,
      Array.from(
        { length: 60 },
        (_, at): Observation => ({
          atMs: at * EVERY_MS,
          run: 1,
          value: which === 0 && at % 10 > 0 ? undefined : at < 40 ? 10 + (at % 3) : 40,
        }),
      ),
    ]),
  );
  const watch = new GuardWatch([rare, often], (name) => series.get(name) ?? [], EVERY_MS, 195_000, DESIGN);
  expect(watch.report.figures).toMatchObject([
    { name: 'rare', missing: 'fewer than 10 values in the baseline' },
    { name: 'often', rule: { windowMs: EVERY_MS } },
  ]);
  expect(watch.findWorse(195_000, 295_000)).toBe('often is clearly worse');
});
