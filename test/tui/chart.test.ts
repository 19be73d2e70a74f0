import { expect, test } from 'vitest';
import { bytes, count } from '../../model/format.ts';
import { type ChartOptions, chart } from '../../tui/render/chart.ts';
import { plain, span, widthOfLine } from '../../tui/text/line.ts';

const drawn = (change: Partial<ChartOptions>): string[] =>
  chart({
    title: [span('Title')],
    series: [],
    minimumMax: 1,
    base: 1_000,
    format: count,
    spanSeconds: 60,
    width: 60,
    height: 10,
    ascii: false,
    ...change,
  }).map(plain);

const line = (values: readonly number[]) => [{ title: 'a', values, role: 'line1' as const }];
const flat = (length: number, value: number): number[] => Array.from({ length }, () => value);

/** Whether a column of the drawing, right of the axis, has a dot in it. */
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
    spanSeconds: 9,
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
