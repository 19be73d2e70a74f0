import { expect, test } from 'vitest';
import { blocksChart } from '../../../tuner/report/chart-blocks.ts';
import { intervalsChart } from '../../../tuner/report/chart-intervals.ts';
import { othersTable } from '../../../tuner/report/chart-others.ts';
import type { JournalReport, ReportFigure } from '../../../tuner/report/read-report.ts';

const figure = (name: string, low: number | null, effect: number, high: number | null): ReportFigure => ({
  name,
  blocks: [],
  effect: { scale: 'ratio', low, effect, high },
  judgement: { verdict: 'better' },
});

/** Two pairs; in the second, the block with the settings comes first. */
const REPORT: JournalReport = {
  format: 1,
  startedAt: '2026-01-02T03:04:05.000Z',
  baselineMs: 60_000,
  margin: 1.05,
  seed: 1,
  design: { pairs: 2, blockMs: 60_000, settleMs: 0 },
  blocks: (['off', 'on', 'on', 'off'] as const).map((arm, at) => ({
    pair: at >> 1,
    arm,
    startMs: at * 60_000,
    measureMs: at * 60_000,
    endMs: (at + 1) * 60_000,
  })),
  text: [],
  primary: figure('latency', 0.8, 0.9, 1),
  secondary: [],
  others: [],
};

const numbers = (text: string, pattern: RegExp): number[] =>
  [...text.matchAll(pattern)].map(([, number]) => Number(number));

test('an interval is drawn in per cent: from its lower to its upper end, its effect in between, one row below the other', () => {
  const { text } = intervalsChart({ ...REPORT, secondary: [figure('rate', 1, 1.1, 1.2)] });
  expect(text).toContain('latency: -10.0 %, 95 % interval -20.0 % to 0.0 %: better');
  expect(text).toContain('rate: 10.0 %, 95 % interval 0.0 % to 20.0 %: better');
  const [first = 0, second = 0] = numbers(text, /class="dot on" cx="([\d.]+)"/g);
  const lines = numbers(text, /class="interval" x1="([\d.]+)"/g);
  const ends = numbers(text, /class="interval" x1="[\d.]+" x2="([\d.]+)"/g);
  const [zero = 0] = numbers(text, /class="zero" x1="([\d.]+)"/g);
  expect([ends[0], lines[1]]).toEqual([zero, zero]);
  expect(first).toBeCloseTo(((lines[0] ?? 0) + zero) / 2, 0);
  expect(second).toBeCloseTo((zero + (ends[1] ?? 0)) / 2, 0);
  // Both intervals together span 40 %; the margin is 5 % to each side.
  const [band = 0] = numbers(text, /class="margin" x="[\d.]+" y="10" width="([\d.]+)"/g);
  expect(band / ((ends[1] ?? 0) - (lines[0] ?? 0))).toBeCloseTo(0.25, 2);
  const [above = 0, below = 0] = numbers(text, /class="dot on" cx="[\d.]+" cy="([\d.]+)"/g);
  expect(below - above).toBe(30);
});

test('an interval without an end, or with one above 200 %, ends in an arrow on that side', () => {
  const chart = (low: number | null, high: number | null): string =>
    intervalsChart({ ...REPORT, primary: figure('latency', low, 1.1, high) }).text;
  expect(chart(0.9, 3).match(/class="arrow"/g)).toBeNull();
  expect(chart(0.9, 3.1)).toMatch(/interval -10\.0 % to no limit.*class="arrow" d="M730,/);
  expect(chart(0.9, null)).toMatch(/interval -10\.0 % to no limit.*class="arrow" d="M730,/);
  expect(chart(null, 1.2)).toMatch(/interval no limit to 20\.0 %.*class="arrow" d="M340,/);
});

test('other VMs are listed by how much they rose, with the means of complete pairs and a bar for each block', () => {
  const { text } = othersTable({
    ...REPORT,
    others: [
      { name: 'same', blocks: [10, 10, 10, 10] },
      { name: 'absent', blocks: [null, null, null, null] },
      { name: 'doubled', blocks: [10, 20, 40, 20] },
      { name: 'half measured', blocks: [10, 11, 500, null] },
      { name: 'fell', blocks: [10, 5, 5, 10] },
    ],
  });
  const rows = [
    ...text.matchAll(/<th scope="row">([^<]*)<\/th><td>([^<]*)<\/td><td>([^<]*)<\/td><td>(.*)<\/td><\/tr>/g),
  ];
  expect(rows.map(([, ...cells]) => cells.slice(0, 3))).toEqual([
    ['doubled', '15', '30'],
    ['half measured', '10', '11'],
    ['same', '10', '10'],
    ['fell', '10', '5'],
    ['absent', 'no value', 'no value'],
  ]);
  const bars = rows.map(([, , , , chart = '']) =>
    [...chart.matchAll(/class="bar (\w+)"[^>]*><title>block (\d), /g)].map(
      ([, arm, block]) => `${block} ${arm}`,
    ),
  );
  expect(bars[0]).toEqual(['1 off', '2 on', '3 on', '4 off']);
  expect(bars[1]).toEqual(['1 off', '2 on', '3 on']);
  expect(bars[4]).toEqual([]);
  const heights = numbers(rows[0]?.[4] ?? '', /y1="([\d.]+)"/g);
  expect(heights.map((y) => heights.filter((other) => other > y).length)).toEqual([0, 1, 3, 1]);
});

test('after a baseline that is short beside the blocks, the labels are clear of each other', () => {
  const labels = (baselineMs: number): number[] =>
    numbers(blocksChart({ ...REPORT, baselineMs }).text, /class="tick start" x="([\d.]+)"/g);
  const [start = 0, second = 0, word = 0, next = 0] = labels(1_000);
  expect([word, next]).toEqual([start, second]);
  expect(second - start).toBe(64);
  expect(labels(120_000)[1]).toBeGreaterThan(start + 300);
});

test('what stands below the other VMs is called what it is: boots or blocks', () => {
  const other = { name: 'latency of "web-01"', blocks: [1, 2, 3, 4] };
  const header = (kind?: 'restarts'): string =>
    othersTable({ ...REPORT, ...(kind === undefined ? {} : { kind }), others: [other] }).text;
  expect(header()).toContain('<th>blocks</th>');
  expect(header('restarts')).toContain('<th>boots</th>');
});
