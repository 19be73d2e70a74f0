import { expect, test } from 'vitest';
import { bytes, count } from '../../model/format.ts';
import { type ChartOptions, chart } from '../../tui/render/chart.ts';
import { timeLabels, withOutages } from '../../tui/render/time-axis.ts';
import { plain, span, widthOfLine } from '../../tui/text/line.ts';

/** One second between values, unless times are given. */
const drawn = ({ series = [], ...change }: Partial<ChartOptions>): string[] =>
  chart({
    title: [span('Title')],
    series,
    minimumMax: 1,
    base: 1_000,
    format: count,
    times: everySecond(series[0]?.values.length ?? 0),
    width: 60,
    height: 10,
    ascii: false,
    ...change,
  }).map(plain);

const line = (values: readonly number[]) => [{ title: 'a', values, role: 'line1' as const }];
const everySecond = (length: number): number[] => Array.from({ length }, (_, index) => index * 1_000);
const flat = (length: number, value: number): number[] => Array.from({ length }, () => value);

/** Whether a column of the chart, right of the axis, has a dot. */
const inkAt = (lines: readonly string[], column: number): boolean =>
  lines.slice(1, -2).some((row) => /[\u2801-\u28ff]/.test(row[column] ?? ' '));

test('it is as large as it is asked to be, with a title above', () => {
  const options = { series: line(flat(20, 3)) };
  expect(drawn(options)).toHaveLength(10);
  expect(drawn(options)[0]).toBe('Title');
  const whole = chart({
    title: [],
    minimumMax: 1,
    base: 1_000,
    format: count,
    times: everySecond(20),
    width: 41,
    height: 7,
    ascii: false,
    ...options,
  });
  expect(whole.map(widthOfLine)).toEqual(flat(7, 41));
});

test('what is not known is a gap in the line, and not a line through it', () => {
  const lines = drawn({ series: line([...flat(20, 1), ...flat(60, Number.NaN), ...flat(20, 1)]) });
  expect(inkAt(lines, 12)).toBe(true);
  expect([25, 30, 35, 40].map((column) => inkAt(lines, column))).toEqual([false, false, false, false]);
  expect(inkAt(lines, 56)).toBe(true);
});

test('figures of the axis are round, in their unit, and shown for a series of zeros too', () => {
  const axis = (change: Partial<ChartOptions>): string[] =>
    drawn({ height: 12, ...change }).flatMap(
      (row) => /^ *([\d.]+[KMGk]?B?) *[\u2800-\u28ff]/.exec(row)?.[1] ?? [],
    );
  expect(axis({ series: line(flat(9, 100)), minimumMax: 100 })).toEqual(['100', '75', '50', '25', '0']);
  expect(axis({ series: line(flat(9, 0)), minimumMax: 10 })).toEqual(['10', '7.5', '5', '2.5', '0']);
  expect(axis({ series: line(flat(9, 3.5 * 2 ** 30)), base: 1_024, format: bytes })).toEqual([
    '4.0G',
    '3.0G',
    '2.0G',
    '1.0G',
    '0B',
  ]);
});

test('without any figure it says so', () => {
  expect(drawn({ series: line(flat(5, Number.NaN)) }).join('\n')).toContain('no data yet');
});

test('in ASCII it is drawn in ASCII', () => {
  expect(drawn({ series: line([1, 2, 3]), ascii: true }).join('\n')).toMatch(/^[\n -~]*$/);
});

/** The labels of the time axis, and the column of each. */
const axisOf = (lines: readonly string[]): Map<string, number> =>
  new Map([...(lines.at(-1) ?? '').matchAll(/-\d+[smh]|now/g)].map((match) => [match[0], match.index]));

test('each time of the axis is that of its value after the interval was changed', () => {
  // A minute with a sample every second, then ten minutes with one every 10 s.
  const times = [...everySecond(60), ...flat(60, 0).map((_, index) => 59_000 + (index + 1) * 10_000)];
  const series = line([...flat(60, 1), ...flat(60, 0)]);
  const axis = axisOf(drawn({ series, times, width: 120 }));
  expect([...axis.keys()][0]).toBe('-11m');
  // If values were spaced evenly, minutes would be further left: the last ten of eleven have half of the values.
  const inMinutes = [...axis].flatMap(([text, column]) => {
    const minutes = Number(/^-([1-9])m$/.exec(text)?.[1]);
    return Number.isNaN(minutes) ? [] : [{ minutes, column }];
  });
  expect(inMinutes.length).toBeGreaterThan(1);
  for (const { minutes, column } of inMinutes) {
    const share = (119 - minutes * 6) / 119;
    expect(Math.abs(column - (7 + share * 113))).toBeLessThan(6);
  }
});

test.each([
  ['an outage', [1, 1, 60, 1, 1], ['-64s', '-63s', '-62s', '-32s', '-2s', '-1s', 'now']],
  ['a longer interval', [1, 1, 10, 10], ['-22s', '-21s', '-20s', '-10s', 'now']],
  ['a shorter interval', [10, 10, 1, 1], ['-22s', '-12s', '-2s', '-1s', 'now']],
  // It may be the first of a longer interval.
  ['a step that is not known to be one', [1, 1, 60], ['-62s', '-61s', '-60s', 'now']],
  ['hours', [3_600, 3_600, 3_600], ['-3h', '-2h', '-60m', 'now']],
])('after %s, times and values stay together', (_, steps, labels) => {
  const times = [0];
  for (const step of steps) times.push((times.at(-1) ?? 0) + step * 1_000);
  const given = { times, rows: [{ values: times.map((time) => time / 1_000) }, { values: [] }] };
  const axis = withOutages(given);
  expect(timeLabels(axis.times)).toEqual(labels);
  const isOutage = labels.length > times.length;
  expect(axis.rows[0]?.values).toEqual(
    axis.times.map((time, index) => (isOutage && index === 3 ? Number.NaN : time / 1_000)),
  );
  expect(axis.rows[1]?.values).toEqual([]);
});

test('no line is drawn through an outage', () => {
  const times = [...everySecond(10), ...everySecond(10).map((time) => time + 600_000)];
  const lines = drawn({ series: line(flat(20, 1)), times });
  const blank = [...(lines[1] ?? '')].map((_, column) => column).filter((column) => !inkAt(lines, column));
  const [from, to] = [7, 58];
  expect(blank.filter((column) => column > from + 10 && column < to - 10)).not.toEqual([]);
});
