import fc from 'fast-check';
import { expect, test } from 'vitest';
import { evaluate, type Figure, FigureError, parseFigure, SUBJECTS } from '../../../tuner/profile/rule.ts';
import { sizeText } from '../../../tuner/settings/values.ts';

/** The text form of a figure. */
function figureText(figure: Figure, dimension: 'count' | 'size'): string {
  const number = (value: number): string => (dimension === 'size' ? sizeText(value) : String(value));
  if (figure.kind === 'fixed') return number(figure.value);
  const { subject, percent, plus, min, max } = figure;
  const base = percent === 100 ? `= ${subject}` : `${percent} % of ${subject}`;
  const clauses = Object.entries({ plus, 'at least': min, 'at most': max }).flatMap(([word, bound]) =>
    bound === undefined ? [] : [`${word} ${number(bound)}`],
  );
  return [base, ...clauses].join(', ');
}

const GUEST = { vCPUs: 6, disks: 3, NICs: 1, iothreads: 2, memory: 8 * 1024 ** 2 };

test.each([
  ['4', 4],
  ['= vCPUs', 6],
  ['= vCPUs, at most 4', 4],
  ['= disks, at most 4', 3],
  ['50 % of vCPUs, at least 1', 3],
  ['10 % of vCPUs, at least 1', 1],
  ['10 % of vCPUs', 0],
  ['= iothreads, plus 1', 3],
  ['= NICs, plus 1, at least 4, at most 8', 4],
  ['= vCPUs, at most 4, plus 1', 4],
])('%s comes to %d for a guest of 6 vCPUs, 3 disks, 1 NIC and 2 iothreads', (text, value) => {
  expect(evaluate(parseFigure(text, 'count'), GUEST)).toBe(value);
});

test.each([
  ['2 GiB', 2 * 1024 ** 2],
  ['= memory, plus 2 GiB', 10 * 1024 ** 2],
  ['50 % of memory, at most 512 MiB', 512 * 1024],
])('%s comes to %d KiB for a guest of 8 GiB', (text, value) => {
  expect(evaluate(parseFigure(text, 'size'), GUEST)).toBe(value);
});

test.each([
  ['', 'count', /not a figure/],
  ['= vcpus', 'count', /"vcpus" cannot be used here; use vCPUs, disks/],
  ['=vCPUs', 'count', /not a figure/],
  ['= vCPUs,at most 4', 'count', /cannot be used here/],
  ['= vCPUs, at most', 'count', /"at most" in .* is not "plus N"/],
  ['= vCPUs, at most 4, at most 5', 'count', /has "at most" twice/],
  ['= vCPUs, at least 5, at most 4', 'count', /"at least" is above "at most"/],
  ['0 % of vCPUs', 'count', /1 to 1000 %/],
  ['2000 % of vCPUs', 'count', /1 to 1000 %/],
  ['4, at most 2', 'count', /fixed figure cannot have clauses/],
  ['-1', 'count', /not a figure/],
  ['= memory', 'count', /cannot be used here/],
  ['2 GiB', 'count', /not a figure/],
  ['2', 'size', /not a figure; write for example "2 GiB" or/],
  ['2 GB', 'size', /not a figure/],
  ['= memory, plus 2', 'size', /"plus 2" in/],
  ['= vCPUs', 'size', /use memory/],
] as const)('%j is not a %s', (text, dimension, message) => {
  expect(() => parseFigure(text, dimension)).toThrow(FigureError);
  expect(() => parseFigure(text, dimension)).toThrow(message);
});

const figure = (dimension: 'count' | 'size'): fc.Arbitrary<Figure> => {
  const number = fc.integer({ min: 0, max: 2 ** 40 });
  const bounds = fc
    .record({ plus: number, min: number, max: number }, { requiredKeys: [] })
    .filter(({ min, max }) => min === undefined || max === undefined || min <= max);
  return fc.oneof(
    number.map((value): Figure => ({ kind: 'fixed', value })),
    fc
      .tuple(fc.constantFrom(...SUBJECTS[dimension]), fc.integer({ min: 1, max: 1_000 }), bounds)
      .map(([subject, percent, rest]): Figure => ({ kind: 'of', subject, percent, ...rest })),
  );
};

test.each(['count', 'size'] as const)('a %s is written and read back the same', (dimension) => {
  fc.assert(
    fc.property(figure(dimension), (given) => {
      expect(parseFigure(figureText(given, dimension), dimension)).toEqual(given);
    }),
  );
});

test('nothing but the grammar is taken: whatever parses is written as it was, figures apart', () => {
  const piece = fc.constantFrom(
    '= ',
    'vCPUs',
    'disks',
    '50',
    ' % of ',
    ', ',
    'plus ',
    'at most ',
    'at least ',
    '4',
    ' ',
    '%',
    '=',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const text = pieces.join('');
      let parsed: Figure;
      try {
        parsed = parseFigure(text, 'count');
      } catch (error) {
        expect(error).toBeInstanceOf(FigureError);
        return;
      }
      expect(parseFigure(figureText(parsed, 'count'), 'count')).toEqual(parsed);
      expect(text).toMatch(/^(\d+|(= |\d+ % of )(vCPUs|disks)(, (plus|at least|at most) \d+)*)$/);
    }),
    { numRuns: 2_000 },
  );
});

test('a rule never leaves its bounds, and grows with what it counts', () => {
  fc.assert(
    fc.property(figure('count'), fc.nat(10_000), fc.nat(100), (rule, vCPUs, more) => {
      const value = evaluate(rule, { ...GUEST, vCPUs });
      if (rule.kind === 'of') {
        expect(value).toBeGreaterThanOrEqual(rule.min ?? 0);
        expect(value).toBeLessThanOrEqual(rule.max ?? Number.MAX_SAFE_INTEGER);
      }
      expect(evaluate(rule, { ...GUEST, vCPUs: vCPUs + more })).toBeGreaterThanOrEqual(value);
    }),
  );
});
