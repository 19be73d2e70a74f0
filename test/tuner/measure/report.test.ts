import { expect, test } from 'vitest';
import type { Observation } from '../../../tuner/measure/block-means.ts';
import { describeFigure, describeReport, readMeasured } from '../../../tuner/measure/describe.ts';
import type { Figure } from '../../../tuner/measure/figure.ts';
import type { GuardedFigure } from '../../../tuner/measure/guard-watch.ts';
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
      guards: [gauge('flush')],
      criterion: { margin: 1.05 },
    },
    {
      startedAt: '2026-01-01T00:00:00.000Z',
      baselineMs: 300_000,
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
  // Its own p-value is also 3.1 %, but it is one of two.
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
  expect(lost[0]).toMatch(
    /^inconclusive: broken: only 5 pairs of blocks have a figure, but at least 6 are needed to decide; /,
  );
  expect(lost[1]).toBe(
    `1 of 6 pairs of blocks are lost: 3, block ${schedule.blocks[4]?.arm}: the figure is absent`,
  );
});

test('blocks without a figure are null, and five pairs are too few to decide', () => {
  const { primary } = report('broken');
  expect(primary.blocks[4]).toBeNull();
  expect(primary).toMatchObject({ effect: { pairs: 5 }, judgement: { verdict: 'inconclusive' } });
});

test('an interval without a limit says so in words', () => {
  const { primary } = report('flush');
  const { effect } = primary;
  if (effect === undefined) throw new Error('no effect');
  const described = (change: Partial<typeof effect>): string =>
    describeFigure({ ...primary, effect: { ...effect, ...change } });
  const endless = { low: 0, high: Number.POSITIVE_INFINITY };
  expect(described({ ...endless, effect: 0.9 })).toContain('flush -10.0 % (95 % interval without limits)');
  expect(described({ ...endless, low: 0.9 })).toContain('(95 % interval from -10.0 %, no upper limit)');
  expect(described({ ...endless, high: 1.1 })).toContain('(95 % interval up to +10.0 %, no lower limit)');
  expect(described({ ...endless, effect: Number.POSITIVE_INFINITY })).toContain('flush up from 0 (');
});

const RULE = { windowMs: 5_000, consecutive: 4, falseAlarms: 0.0001 };

test('what the guard did not watch is in the report, by reason, and what could still end it', () => {
  const found = report('latency');
  const lines = (figures: GuardedFigure[]): string[] =>
    describeReport({ ...found, guard: { figures } }).slice(1);
  const short = { missing: 'fewer than 10 values in the baseline' };
  expect(lines([{ name: 'latency', rule: RULE }])).toEqual([]);
  const many = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, ...short }));
  expect(
    lines([{ name: 'latency', rule: RULE }, ...many, { name: 'f', missing: 'no value in the baseline' }]),
  ).toEqual([
    'no guard on 6 of 7 figures: fewer than 10 values in the baseline: a, b, c and 2 more; no value in the baseline: f',
  ]);
  expect(lines([{ name: 'latency', ...short }])).toEqual([
    'no guard on any figure: fewer than 10 values in the baseline: latency',
    'so no figure that gets worse ends the experiment early',
  ]);
  expect(lines([{ name: 'latency', ...short, limit: 0.05 }])[1]).toBe(
    'so only limits end the experiment early: latency above 0.05',
  );
});

test('a journal gives the verdict and the lines back, and nothing where it has something else', () => {
  const found = report('latency');
  const written: unknown = JSON.parse(JSON.stringify({ ...found, text: describeReport(found) }));
  expect(readMeasured(written)).toEqual({ verdict: 'better', text: describeReport(found) });
  expect(readMeasured(undefined)).toBeUndefined();
  expect(readMeasured({ format: 2 })).toBeUndefined();
});
