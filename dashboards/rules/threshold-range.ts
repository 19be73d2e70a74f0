import type { Unit } from './rule.ts';

interface Range {
  readonly what: string;
  readonly isValid: (value: number) => boolean;
}

const ABOVE_ZERO = (value: number): boolean => value > 0;
const NOT_NEGATIVE = (value: number): boolean => value >= 0;

/** Valid thresholds by unit. An alert that compares a fraction with 0 or 1 would always or never fire. */
const RANGES: Readonly<Record<Unit, Range>> = {
  share: { what: 'a share above 0 and below 1 (0.05 is 5 %)', isValid: (value) => value > 0 && value < 1 },
  ratio: { what: 'a ratio above 0 (1.5 is 150 %)', isValid: ABOVE_ZERO },
  seconds: { what: 'a number of seconds above 0', isValid: ABOVE_ZERO },
  count: { what: 'a number above 0', isValid: ABOVE_ZERO },
  'per second': { what: 'a number per second, 0 or more', isValid: NOT_NEGATIVE },
  'pages per second': { what: 'a number of pages per second, 0 or more', isValid: NOT_NEGATIVE },
  'bytes per second': { what: 'a number of bytes per second, 0 or more', isValid: NOT_NEGATIVE },
};

/** For example `a share above 0 and below 1 (0.05 is 5 %)`. */
export const rangeText = (unit: Unit): string => RANGES[unit].what;

export const isInRange = (value: number, unit: Unit): boolean =>
  Number.isFinite(value) && RANGES[unit].isValid(value);
