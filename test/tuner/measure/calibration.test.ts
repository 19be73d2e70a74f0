import { expect, test } from 'vitest';
import { calibrate, DESIGN, naiveFinds, type World } from './worlds.ts';

/** Few runs, of fixed seeds; `npm run bench -- measure` has 2,000 each. */
const RUNS = 150;
const design = { ...DESIGN, pairs: 8 };
/** Three standard errors of a share of 5 % in so many runs. */
const ERROR = 3 * Math.sqrt((0.05 * 0.95) / RUNS);

const worlds: Readonly<Record<string, World>> = {
  'independent noise': { phi: 0, noise: 0.2 },
  'AR(1) 0.8': { phi: 0.8, noise: 0.2 },
  'AR(1) 0.95': { phi: 0.95, noise: 0.2 },
  'a trend of 50 %': { phi: 0.5, noise: 0.2, trend: Math.log(1.5) },
  bursts: { phi: 0.5, noise: 0.2, bursts: 2 },
  'figures that are mostly 0': { phi: 0.5, noise: 0.2, bursts: 6, mostlyZero: true },
  'carry-over shorter than the settle time': { phi: 0.5, noise: 0.2, carryOverMs: 5_000 },
};

for (const [what, world] of Object.entries(worlds)) {
  test(`false findings stay at 5 %, and intervals hold the truth in 95 %, with ${what}`, () => {
    expect(calibrate(world, 1, { runs: RUNS, design }).found).toBeLessThanOrEqual(0.05 + ERROR);
    const { covered } = calibrate(world, 0.9, { runs: RUNS, first: 5_000, design });
    expect(covered).toBeGreaterThanOrEqual(0.95 - ERROR);
  });
}

test('a t-test on the samples before and after finds something where there is nothing, most of the time', () => {
  const naive = (world: World): number =>
    Array.from({ length: RUNS }, (_, seed) => naiveFinds(world, 1, seed, design)).filter(Boolean).length /
    RUNS;
  expect(naive({ phi: 0, noise: 0.2 })).toBeLessThanOrEqual(0.05 + ERROR);
  expect(naive({ phi: 0.95, noise: 0.2 })).toBeGreaterThan(0.5);
  expect(naive({ phi: 0.5, noise: 0.2, trend: Math.log(1.5) })).toBe(1);
});

test('an effect of 20 % is found in most experiments', () => {
  expect(calibrate({ phi: 0.5, noise: 0.2 }, 0.8, { runs: RUNS, design }).found).toBeGreaterThan(0.8);
});
