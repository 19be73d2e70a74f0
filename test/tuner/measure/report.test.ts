import { expect, test } from 'vitest';
import type { Observation } from '../../../tuner/measure/block-means.ts';
import { describeReport, readMeasured } from '../../../tuner/measure/describe.ts';
import type { Figure } from '../../../tuner/measure/figure.ts';
import { type Report, reportOn } from '../../../tuner/measure/report.ts';
import { makeSchedule } from '../../../tuner/measure/schedule.ts';

const EVERY_MS = 5_000;
const schedule = makeSchedule({ pairs: 6, blockMs: 60_000, settleMs: 15_000 }, 7);
const gauge = (name: string): Figure => ({ name, kind: 'gauge', direction: 'lower is better' });

/** Values by block and arm, the same in all samples of a block. */
const series = (of: (block: number, on: boolean) => number | undefined): Observation[] =>
  schedule.blocks.flatMap(({ startMs, endMs, arm }, block) =>
    Array.from({ length: (endMs - startMs) / EVERY_MS }, (_, at) => ({
      atMs: startMs + (at + 1) * EVERY_MS,
      run: 1,
      value: of(block, arm === 'on'),
    })),
  );

const noisy = (block: number): number => 10 + Math.sin(block * block) / 2;
const SERIES: Readonly<Record<string, Observation[]>> = {
  latency: series((block, on) => noisy(block) * (on ? 0.7 : 1)),
  steal: series((block, on) => noisy(block + 3) * (on ? 0.6 : 1)),
  flush: series(noisy),
  broken: series((block) => (block === 4 ? undefined : noisy(block))),
};

function report(primary: string, ...secondary: readonly string[]): Report {
  return reportOn(
    {
      primary: gauge(primary),
      secondary: secondary.map(gauge),
      covariates: [],
      criterion: { margin: 1.05 },
    },
    {
      seed: schedule.seed,
      design: schedule,
      blocks: schedule.blocks,
      everyMs: EVERY_MS,
      series: (name) => SERIES[name] ?? [],
    },
  );
}

test('the figure that was named decides by its p-value alone, the others only together', () => {
  const { primary, secondary } = report('latency', 'steal', 'flush');
  expect(primary).toMatchObject({ p: 2 / 64, judgement: { verdict: 'better' } });
  // Its own p-value is 3.1 % as well, but it is one of two.
  expect(secondary[0]).toMatchObject({ name: 'steal', p: 4 / 64, judgement: { verdict: 'inconclusive' } });
  expect(report('steal', 'latency').secondary[0]).toMatchObject({
    p: 2 / 64,
    judgement: { verdict: 'better' },
  });
});

test('a report in lines: what decides first, then lost pairs, and the others', () => {
  const lines = describeReport(report('latency', 'steal', 'absent'));
  expect(lines[0]).toMatch(/^better: latency -\d+\.\d % \(95 % interval -\d+\.\d % to -\d+\.\d %\)$/);
  expect(lines[1]).toMatch(/^also inconclusive: steal .*, p 0\.063 among 2$/);
  expect(lines).toHaveLength(2);
  const lost = describeReport(report('broken'));
  expect(lost[1]).toBe(
    `1 of 6 pairs of blocks are lost: 3, block ${schedule.blocks[4]?.arm}: the figure is absent`,
  );
});

test('blocks without a figure are null, and five pairs are too few to decide', () => {
  const { primary } = report('broken');
  expect(primary.blocks[4]).toBeNull();
  expect(primary).toMatchObject({ effect: { pairs: 5 }, judgement: { verdict: 'inconclusive' } });
});

test('a journal gives the verdict and the lines back, and nothing where it has something else', () => {
  const found = report('latency');
  const written: unknown = JSON.parse(JSON.stringify({ ...found, text: describeReport(found) }));
  expect(readMeasured(written)).toEqual({ verdict: 'better', text: describeReport(found) });
  expect(readMeasured(undefined)).toBeUndefined();
  expect(readMeasured({ format: 2 })).toBeUndefined();
});
