import { mostCovariates, residuals } from './covariates.ts';
import { standardDeviation, sum } from './moments.ts';
import type { Pair } from './pairs.ts';
import type { Interval } from './reassignments.ts';
import { SignFlips, type Term } from './sign-flips.ts';

/**
 * `ratio`: the geometric mean of on / off, if all blocks are positive. `ratio of sums`: sum of on / sum of off, if some
 * blocks are 0 and have no logarithm. `difference`: mean of on - off in the figure's unit, if some are negative.
 */
export type Scale = 'ratio' | 'ratio of sums' | 'difference';

export interface Estimate extends Interval {
  readonly scale: Scale;
  /** A ratio of 1, or a difference of 0, means that nothing changed. */
  readonly effect: number;
  /** Two-sided, of the hypothesis that the setting changes nothing in any block. */
  readonly p: number;
  /** Standard deviation between pairs: of the logarithm of their ratio, or of their difference. NaN below two pairs. */
  readonly spread: number;
}

export interface Effect extends Estimate {
  readonly pairs: number;
  /** Without covariates. The same as the effect itself if there are none. */
  readonly plain: Estimate;
  /** The names of the covariates that the effect is adjusted for. */
  readonly adjustedFor: readonly string[];
  /**
   * Covariates that themselves differ between the arms (p <= 0.05). Adjusting for what the setting changes biases the
   * result, so the interval then covers both the adjusted and the plain one, and `p` is the larger.
   */
  readonly moved: readonly string[];
}

export interface EffectOptions {
  /** Of the intervals: 0.05 for 95 %. */
  readonly alpha: number;
  /** Of the draws, if there are too many pairs to enumerate. */
  readonly seed: number;
  /** Names of the covariates of the pairs, in order, declared before the start. */
  readonly covariates?: readonly string[];
}

/**
 * The effect of the setting on a figure. The scale depends on the values of all blocks, not on which of them had the
 * setting, so choosing it costs no certainty.
 *
 * Covariates are fitted without the setting: on what would have been measured without it under the tested hypothesis
 * (Rosenbaum 2002, "Covariance adjustment in randomized experiments"). So the test stays exact whatever the covariates
 * are, and a bad model only costs precision. They are not used if blocks are 0.
 *
 * @returns undefined without pairs.
 */
export function estimateEffect(measured: readonly Pair[], options: EffectOptions): Effect | undefined {
  if (measured.length === 0) return undefined;
  const pairs = measured.map(withoutRounding);
  const scale = scaleOf(pairs);
  const plain = estimate(scale, plainTerms(scale, pairs), options);
  const names = (options.covariates ?? []).slice(0, mostCovariates(pairs.length));
  if (scale === 'ratio of sums' || names.length === 0) {
    return { ...plain, pairs: pairs.length, plain, adjustedFor: [], moved: [] };
  }
  const columns = names.map((_, index) => changesOf(covariate(pairs, index)));
  const adjusted = estimate(scale, adjustedTerms(scale, pairs, columns), options);
  const moved = names.filter((_, index) => {
    const terms = armTerms(covariate(pairs, index));
    return new SignFlips(terms, options.seed).pValue(0) <= 0.05;
  });
  return {
    ...(moved.length === 0 ? adjusted : holdingBoth(adjusted, plain)),
    pairs: pairs.length,
    plain,
    adjustedFor: names,
    moved,
  };
}

/** Keeps a constant figure constant for the test: means of equal values differ in their last bits. */
function withoutRounding(pair: Pair): Pair {
  const { on, off } = pair;
  return Math.abs(on - off) > 1e-9 * Math.max(Math.abs(on), Math.abs(off)) ? pair : { ...pair, on: off };
}

function scaleOf(pairs: readonly Pair[]): Scale {
  const values = pairs.flatMap(({ on, off }) => [on, off]);
  if (values.some((value) => value < 0)) return 'difference';
  return values.every((value) => value > 0) ? 'ratio' : 'ratio of sums';
}

/** One pair on the scale on which effects are additive. */
type Sides = Pick<Pair, 'on' | 'off' | 'onFirst'>;

const logs = ({ on, off, onFirst }: Sides): Sides => ({ on: Math.log(on), off: Math.log(off), onFirst });

const armTerms = (sides: readonly Sides[]): Term[] => sides.map(({ on, off }) => ({ a: on - off, b: 1 }));

function plainTerms(scale: Scale, pairs: readonly Pair[]): Term[] {
  if (scale === 'ratio of sums') return pairs.map(({ on, off }) => ({ a: on, b: off }));
  return armTerms(scale === 'ratio' ? pairs.map(logs) : pairs);
}

/** A covariate as sides of the pairs: logarithms if all are positive, so that its coefficient is an elasticity. */
function covariate(pairs: readonly Pair[], index: number): Sides[] {
  const sides = pairs.map(({ covariates, onFirst }) => {
    const { on = 0, off = 0 } = covariates[index] ?? {};
    return { on, off, onFirst };
  });
  return sides.every(({ on, off }) => on > 0 && off > 0) ? sides.map(logs) : sides;
}

/** Second block minus first: an order in time, independent of the setting. */
const changesOf = (sides: readonly Sides[]): number[] =>
  sides.map(({ on, off, onFirst }) => (onFirst ? off - on : on - off));

function adjustedTerms(
  scale: Scale,
  pairs: readonly Pair[],
  columns: readonly (readonly number[])[],
): Term[] {
  const sides = scale === 'ratio' ? pairs.map(logs) : pairs;
  const signs = pairs.map(({ onFirst }) => (onFirst ? -1 : 1));
  const figure = residuals(changesOf(sides), columns);
  const setting = residuals(signs, columns);
  return signs.map((sign, at) => ({
    a: sign * (figure[at] as number),
    b: sign * (setting[at] as number),
  }));
}

function estimate(scale: Scale, terms: readonly Term[], { alpha, seed }: EffectOptions): Estimate {
  const flips = new SignFlips(terms, seed);
  const { low, high } = flips.interval(alpha);
  const total = sum(terms.map(({ b }) => b));
  const effect = sum(terms.map(({ a }) => a)) / total;
  const deviation = standardDeviation(terms.map(({ a, b }) => a - effect * b));
  const spread = (deviation * terms.length) / total;
  switch (scale) {
    case 'ratio':
      return {
        scale,
        effect: Math.exp(effect),
        p: flips.pValue(0),
        low: Math.exp(low),
        high: Math.exp(high),
        spread,
      };
    case 'ratio of sums':
      return { scale, effect, p: flips.pValue(1), low: Math.max(0, low), high, spread: spread / effect };
    case 'difference':
      return { scale, effect, p: flips.pValue(0), low, high, spread };
  }
}

/** What either estimate allows: the wider interval and the larger p-value. */
export function holdingBoth(one: Estimate, other: Estimate): Estimate {
  return {
    ...one,
    p: Math.max(one.p, other.p),
    low: Math.min(one.low, other.low),
    high: Math.max(one.high, other.high),
  };
}
