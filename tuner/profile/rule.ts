import { VirtuneError } from '../../model/virtune-error.ts';
import { parseSize } from '../settings/values.ts';

/**
 * Figures of a profile: constants, and rules that depend on the guest.
 *
 *     figure  = number / base *( ", " clause )
 *     base    = "= " subject / percent " % of " subject
 *     clause  = "plus " number / "at least " number / "at most " number
 *     number  = 1*DIGIT, or for sizes 1*DIGIT " " ( "KiB" / "MiB" / "GiB" / "TiB" )
 *     percent = 1*3DIGIT
 *
 * Each clause at most once, in any order; they always apply in this one: plus, at least, at most. Results are rounded
 * down: 50 % of 3 vCPUs is 1. Case and blanks are significant.
 */
export type Figure =
  | { readonly kind: 'fixed'; readonly value: number }
  | {
      readonly kind: 'of';
      readonly subject: Subject;
      readonly percent: number;
      readonly plus?: number | undefined;
      readonly min?: number | undefined;
      readonly max?: number | undefined;
    };

/** What is counted, and what is measured: in KiB. */
export const SUBJECTS = { count: ['vCPUs', 'disks', 'NICs', 'iothreads'], size: ['memory'] } as const;
export type Dimension = keyof typeof SUBJECTS;
export type Subject = (typeof SUBJECTS)[Dimension][number];
export type Subjects = Readonly<Record<Subject, number>>;

/** States what is wrong in a figure, and what is allowed there. */
export class FigureError extends VirtuneError {
  override readonly name = 'FigureError';
  constructor(message: string, options?: ErrorOptions) {
    super('FIGURE', message, options);
  }
}

const PERCENT_MAX = 1_000;
const CLAUSES = { 'plus ': 'plus', 'at least ': 'min', 'at most ': 'max' } as const;
const EXAMPLES = {
  count: '"= vCPUs, at most 4" or "50 % of vCPUs, at least 1"',
  size: '"2 GiB" or "= memory, plus 2 GiB"',
} as const;

/** @throws FigureError */
export function parseFigure(text: string, dimension: Dimension): Figure {
  const [base = '', ...clauses] = text.split(', ');
  const value = parseNumber(base, dimension);
  if (value !== undefined) {
    if (clauses.length > 0)
      throw new FigureError(`"${text}": a fixed figure cannot have clauses; remove them, or start with "= "`);
    return { kind: 'fixed', value };
  }
  const [, percent, subject] = /^(?:= |(\d{1,4}) % of )(.+)$/.exec(base) ?? [];
  if (subject === undefined)
    throw new FigureError(`"${text}" is not a figure; write for example ${EXAMPLES[dimension]}`);
  const bounds: { plus?: number; min?: number; max?: number } = {};
  for (const clause of clauses) {
    const [word, name] = Object.entries(CLAUSES).find(([each]) => clause.startsWith(each)) ?? [];
    const bound = word === undefined ? undefined : parseNumber(clause.slice(word.length), dimension);
    if (name === undefined || bound === undefined) {
      throw new FigureError(`"${clause}" in "${text}" is not "plus N", "at least N" or "at most N"`);
    }
    if (bounds[name] !== undefined)
      throw new FigureError(`"${text}" has "${word?.trim()}" twice; remove one`);
    bounds[name] = bound;
  }
  if (bounds.min !== undefined && bounds.max !== undefined && bounds.min > bounds.max) {
    throw new FigureError(`"${text}": "at least" is above "at most"`);
  }
  return {
    kind: 'of',
    subject: parseSubject(subject, dimension),
    percent: parsePercent(percent, text),
    ...bounds,
  };
}

function parseSubject(word: string, dimension: Dimension): Subject {
  const known: readonly Subject[] = SUBJECTS[dimension];
  const subject = known.find((each) => each === word);
  if (subject === undefined) throw new FigureError(`"${word}" cannot be used here; use ${known.join(', ')}`);
  return subject;
}

function parsePercent(text: string | undefined, whole: string): number {
  const percent = Number(text ?? 100);
  if (percent < 1 || percent > PERCENT_MAX) throw new FigureError(`"${whole}": use 1 to ${PERCENT_MAX} %`);
  return percent;
}

function parseNumber(text: string, dimension: Dimension): number | undefined {
  if (dimension === 'size') return parseSize(text);
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Value of a figure for this guest. */
export function evaluate(figure: Figure, subjects: Subjects): number {
  if (figure.kind === 'fixed') return figure.value;
  const { subject, percent, plus = 0, min = 0, max = Number.MAX_SAFE_INTEGER } = figure;
  const value = Math.floor((subjects[subject] * percent) / 100) + plus;
  return Math.min(Math.max(value, min), max);
}
