import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DurationError, formatSeconds, parseSeconds } from '../../model/duration.ts';
import { secondsSchema } from '../../model/duration-schema.ts';

test.each([
  ['90', 90],
  ['2.5', 2.5],
  ['.5', 0.5],
  ['0', 0],
  ['0s', 0],
  ['250ms', 0.25],
  ['1500us', 0.0015],
  ['3µs', 0.000003],
  ['5ns', 0.000000005],
  ['15m', 900],
  ['1h30m', 5_400],
  ['1.5h', 5_400],
  ['1m1h', 3_660],
  ['2d', 172_800],
  ['1w', 604_800],
])('%j is %d seconds', (text, seconds) => {
  expect(parseSeconds(text)).toBe(seconds);
});

test.each([
  '',
  ' ',
  '1 s',
  ' 1s',
  '1s ',
  '-1s',
  '-1',
  '+1',
  's',
  '1x',
  '1e3',
  '0x10',
  'NaN',
  'Infinity',
  '1h30',
  '1..5s',
  '1,5s',
  '1S',
  '1y',
  '9'.repeat(400),
])('%j is not a duration', (text) => {
  expect(() => parseSeconds(text)).toThrow(DurationError);
});

test('the range, the need for a unit and whole seconds are enforced, and the error text names them', () => {
  const range = { minSeconds: 0.1, maxSeconds: 5_400 };
  expect([parseSeconds('0.1', range), parseSeconds('1h30m', range)]).toEqual([0.1, 5_400]);
  const expected = 'expected seconds, or a duration such as 500ms, 15m or 1h30m, from 100ms to 1h30m';
  for (const text of ['99ms', '5401', 'soon']) expect(() => parseSeconds(text, range)).toThrow(expected);

  const withUnit = { needsUnit: true };
  expect([parseSeconds('12h', withUnit), parseSeconds('0', withUnit)]).toEqual([43_200, 0]);
  expect(() => parseSeconds('12', withUnit)).toThrow(
    'expected a duration with a unit, such as 500ms, 15m or 1h30m, at least 0',
  );
  expect(() => parseSeconds('1500ms', { isWhole: true })).toThrow('expected whole seconds, or a duration');
  expect(parseSeconds('1000ms', { isWhole: true })).toBe(1);
});

test('in YAML a number and a text mean the same, and anything else gets the same error', () => {
  const schema = secondsSchema({ minSeconds: 1, maxSeconds: 60 });
  expect([schema.parse(30), schema.parse('30'), schema.parse('30s')]).toEqual([30, 30, 30]);
  for (const given of [0, 61, true, null, [], '61s', Number.NaN]) {
    const { error } = schema.safeParse(given);
    expect(error?.issues.map(({ message }) => message)).toEqual([
      'expected seconds, or a duration such as 500ms, 15m or 1h30m, from 1s to 1m',
    ]);
  }
});

test('what is formatted is read back, to the millisecond', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10 * 365 * 86_400_000 }), (ms) => {
      expect(Math.round(parseSeconds(formatSeconds(ms / 1_000)) * 1_000)).toBe(ms);
    }),
  );
});

const UNIT_SECONDS = { ms: 0.001, s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 } as const;
const term = fc.tuple(
  fc.oneof(
    fc.nat({ max: 100_000 }),
    fc.double({ min: 0, max: 1_000, noNaN: true }).map((x) => Number(x.toFixed(3))),
  ),
  fc.constantFrom(...(Object.keys(UNIT_SECONDS) as (keyof typeof UNIT_SECONDS)[])),
);

test('terms add up, in any order', () => {
  const textOf = (terms: readonly (readonly [number, string])[]): string =>
    terms.map(([value, unit]) => `${value}${unit}`).join('');
  fc.assert(
    fc.property(fc.array(term, { minLength: 1, maxLength: 6 }), (terms) => {
      const sum = terms.reduce((total, [value, unit]) => total + value * UNIT_SECONDS[unit], 0);
      // The order of summation may change the last bits of a double.
      const tolerance = sum * 1e-12;
      expect(Math.abs(parseSeconds(textOf(terms)) - sum)).toBeLessThanOrEqual(tolerance);
      expect(Math.abs(parseSeconds(textOf(terms.toReversed())) - sum)).toBeLessThanOrEqual(tolerance);
    }),
  );
});

test('any text is a number of seconds within the range, or the one error', () => {
  const texts = fc.oneof(
    fc.string(),
    fc.string({ unit: fc.constantFrom('0', '1', '9', '.', 's', 'm', 'h', 'd', 'u', '-', 'e', ' ') }),
  );
  fc.assert(
    fc.property(texts, fc.nat(1_000), fc.nat(1_000_000), (text, minSeconds, more) => {
      const range = { minSeconds, maxSeconds: minSeconds + more };
      try {
        const seconds = parseSeconds(text, range);
        expect(seconds).toBeGreaterThanOrEqual(minSeconds);
        expect(seconds).toBeLessThanOrEqual(range.maxSeconds);
      } catch (error) {
        expect(error).toBeInstanceOf(DurationError);
      }
    }),
    { numRuns: 1_000 },
  );
});
