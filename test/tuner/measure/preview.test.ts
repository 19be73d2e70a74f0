import { expect, test } from 'vitest';
import type { Experiment } from '../../../tuner/measure/experiment.ts';
import type { Figure } from '../../../tuner/measure/figure.ts';
import { describePreview, describeSchedule, previewOf } from '../../../tuner/measure/preview.ts';
import { normals, seededRandom } from '../../../tuner/measure/random.ts';
import { makeSchedule } from '../../../tuner/measure/schedule.ts';

const FIGURE: Figure = {
  name: 'latency',
  kind: 'gauge',
  direction: 'lower is better',
  guard: { ratio: 1.5, difference: 1, stretches: 1 },
};

function previewed(noise: number, change: Partial<Experiment> = {}) {
  const normal = normals(seededRandom(5));
  let nowMs = 0;
  const experiment: Experiment = {
    primary: FIGURE,
    secondary: [],
    covariates: [],
    guards: [],
    criterion: { margin: 1.05 },
    schedule: makeSchedule({ pairs: 6, blockMs: 60_000, settleMs: 15_000 }, 5),
    baselineMs: 900_000,
    everyMs: 5_000,
    keepIf: 'better',
    sample: async () => new Map([['latency', { run: 1, value: 20 * Math.exp(noise * normal()) }]]),
    ...change,
  };
  const clock = {
    nowMs: () => nowMs,
    wait: async (ms: number) => {
      nowMs += ms;
    },
  };
  const found = previewOf(experiment, clock);
  return { lines: found.then((preview) => describePreview(preview, experiment)), nowMs: () => nowMs };
}

test('little noise finds less than the margin, and takes no longer than the baseline', async () => {
  const { lines, nowMs } = previewed(0.02);
  expect(await lines).toEqual([
    expect.stringMatching(
      /^latency is (19\.\d|20(\.\d)?); 12 blocks detect a change of 1\.\d % with 80 % probability, if the load stays like this$/,
    ),
  ]);
  expect(nowMs()).toBe(900_000);
});

test('much noise says how many blocks the margin would take', async () => {
  const [found = ''] = await previewed(0.5).lines;
  const [, smallest = '', blocks = ''] =
    /detect a change of ([\d.]+) % .*; detecting 5\.0 % takes (\d+) blocks, \w+$/.exec(found) ?? [];
  expect(Number(smallest)).toBeGreaterThan(20);
  expect(Number(blocks)).toBeGreaterThan(100);
});

test('a short baseline is computed from single samples, and has no guard: both are stated', async () => {
  const lines = await previewed(0.02, { baselineMs: 40_000 }).lines;
  expect(lines.slice(1)).toEqual([
    'This is computed from single samples and misses slow changes: use a longer --baseline.',
    'no guard on any figure: fewer than 10 values in the baseline: latency',
    'so no figure that gets worse ends the experiment early',
  ]);
});

test('what would end the experiment after its baseline ends the preview', async () => {
  const sample = async () => new Map([['latency', { run: 1, value: 0 }]]);
  await expect(previewed(0, { sample }).lines).rejects.toThrow('latency was 0 throughout the baseline');
});

test('the schedule has the times of each pair, and not which block has the settings', () => {
  const lines = (seed: number) =>
    describeSchedule(makeSchedule({ pairs: 6, blockMs: 60_000, settleMs: 15_000 }, seed), 300_000);
  expect(lines(1).slice(0, 2)).toEqual([
    expect.stringMatching(/^pair +one block +the other$/),
    expect.stringMatching(/^1 +5m to 6m15s +6m15s to 7m30s$/),
  ]);
  expect(lines(1).at(-1)).toContain('The first 15s of each block are excluded.');
  expect(lines(1)).toEqual(lines(2));
});
