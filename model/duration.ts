import { VirtuneError } from './virtune-error.ts';

/** A text that is not a duration, or one out of range; the message says what is expected. */
export class DurationError extends VirtuneError {
  override readonly name = 'DurationError';
  constructor(message: string) {
    super('MODEL_DURATION', message);
  }
}

export interface DurationRange {
  /** Default: 0. */
  readonly minSeconds?: number;
  /** Default: no limit. */
  readonly maxSeconds?: number;
  /** Why there is a maximum, where that is not obvious. */
  readonly maxReason?: string;
  /** Whether a plain `90` is refused: where the file format gives a bare number another meaning, or once did. */
  readonly needsUnit?: boolean;
  /** Whether fractions of a second are refused. */
  readonly isWhole?: boolean;
}

const UNITS_PER_SECOND: Readonly<Record<string, number>> = {
  ms: 1_000,
  us: 1_000_000,
  µs: 1_000_000,
  μs: 1_000_000,
  ns: 1_000_000_000,
};
const SECONDS_PER_UNIT: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };
const NUMBER = String.raw`\d+(?:\.\d*)?|\.\d+`;
const PLAIN = new RegExp(`^(?:${NUMBER})$`);
const TERM = new RegExp(`(${NUMBER})(ms|us|µs|μs|ns|s|m|h|d|w)`, 'y');

/**
 * The one grammar of durations, in flags, configuration files and headers: a number of seconds (`90`, `2.5`), or
 * numbers with units, added up (`500ms`, `15m`, `1h30m`). Units: ns, us, ms, s, m, h, d, w. A superset of what
 * Prometheus (except years) and Go's time.ParseDuration (except signs) accept.
 * @returns seconds
 * @throws DurationError that says what is expected, with the range
 */
export function parseSeconds(text: string, range: DurationRange = {}): number {
  const { minSeconds = 0, maxSeconds = Number.MAX_SAFE_INTEGER } = range;
  const seconds = PLAIN.test(text) ? plainSeconds(text, range) : sumOfTerms(text);
  const fits = seconds !== undefined && seconds >= minSeconds && seconds <= maxSeconds;
  if (!fits || (range.isWhole === true && !Number.isInteger(seconds))) {
    throw new DurationError(expectedDuration(range));
  }
  return seconds;
}

/** Zero needs no unit. */
function plainSeconds(text: string, { needsUnit = false }: DurationRange): number | undefined {
  const value = Number(text);
  return needsUnit && value !== 0 ? undefined : value;
}

function sumOfTerms(text: string): number | undefined {
  let seconds = 0;
  let end = 0;
  TERM.lastIndex = 0;
  for (let term = TERM.exec(text); term !== null; term = TERM.exec(text)) {
    const [, value, unit = ''] = term;
    const factor = SECONDS_PER_UNIT[unit];
    seconds +=
      factor === undefined ? Number(value) / (UNITS_PER_SECOND[unit] as number) : Number(value) * factor;
    end = TERM.lastIndex;
  }
  return end > 0 && end === text.length ? seconds : undefined;
}

/** `expected seconds, or a duration such as 500ms, 15m or 1h30m, from 1s to 1h`: the one error text. */
export function expectedDuration({
  minSeconds = 0,
  maxSeconds,
  maxReason,
  needsUnit = false,
  isWhole = false,
}: DurationRange): string {
  const what = needsUnit
    ? 'a duration with a unit,'
    : isWhole
      ? 'whole seconds, or a duration'
      : 'seconds, or a duration';
  const from = minSeconds === 0 ? '0' : formatSeconds(minSeconds);
  const range =
    maxSeconds === undefined ? `at least ${from}` : `from ${from} to ${formatSeconds(maxSeconds)}`;
  const why = maxReason === undefined ? '' : ` (${maxReason})`;
  return `expected ${what} such as ${isWhole ? '90s' : '500ms'}, 15m or 1h30m, ${range}${why}`;
}

/**
 * `1h30m`, in units that Prometheus accepts, rounded to milliseconds.
 * @param seconds at least 0
 */
export function formatSeconds(seconds: number): string {
  let restMs = Math.round(seconds * 1_000);
  let text = '';
  for (const [unit, unitMs] of [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1_000],
    ['ms', 1],
  ] as const) {
    const count = Math.floor(restMs / unitMs);
    if (count > 0) text += `${count}${unit}`;
    restMs -= count * unitMs;
  }
  return text === '' ? '0s' : text;
}
