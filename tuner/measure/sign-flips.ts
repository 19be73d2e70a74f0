import { seededRandom } from './random.ts';

/**
 * What a test of "the effect is theta" sums over pairs: `a - theta b`, whose sign the coin of the pair decides under that
 * hypothesis. For a difference of logarithms `b` is 1; for a ratio of sums `a` is the figure with the setting and `b`
 * without it.
 */
export interface Term {
  readonly a: number;
  readonly b: number;
}

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Up to this many pairs every schedule is enumerated: 2^20 of them. */
const MOST_ENUMERATED = 20;

/** How many schedules are drawn beyond that. */
const DRAWS = 19_999;

/**
 * The randomisation test of the design: over all schedules that the coins could have given. Flipping the coins of a set
 * of pairs changes the sum by twice that of the set, so the sums of all subsets of pairs say how extreme the sum is
 * (Hartigan 1969, "Using subsample values as typical values").
 */
export class SignFlips {
  /** Sums of `a` and `b` over each subset of pairs; the first subset is the empty one, which stands for what happened. */
  readonly #a: Float64Array;
  readonly #b: Float64Array;
  readonly #scaleA: number;
  readonly #scaleB: number;

  /** @param seed of the draws, where there are too many pairs to enumerate. */
  constructor(terms: readonly Term[], seed = 0) {
    const a = terms.map((term) => term.a);
    const b = terms.map((term) => term.b);
    const drawn = terms.length > MOST_ENUMERATED;
    this.#a = drawn ? drawnSums(a, seed) : allSums(a);
    this.#b = drawn ? drawnSums(b, seed) : allSums(b);
    this.#scaleA = a.reduce((total, value) => total + Math.abs(value), 0);
    this.#scaleB = b.reduce((total, value) => total + Math.abs(value), 0);
  }

  /**
   * Two-sided p-value of "the effect is theta": twice the share of schedules that give at least such a sum, in the
   * direction where that share is smaller. What happened counts as one of them, drawn or enumerated, so it is never 0.
   */
  pValue(theta: number): number {
    const near = 1e-12 * (this.#scaleA + Math.abs(theta) * this.#scaleB);
    let [asHigh, asLow] = [0, 0];
    for (let at = 0; at < this.#a.length; at++) {
      const flipped = (this.#a[at] as number) - theta * (this.#b[at] as number);
      if (flipped <= near) asHigh += 1;
      if (flipped >= -near) asLow += 1;
    }
    return Math.min(1, (2 * Math.min(asHigh, asLow)) / this.#a.length);
  }

  /**
   * All effects that the test does not reject at `alpha`, as an interval: test inversion. A limit is infinite where the
   * pairs cannot exclude anything on that side. Where covariates make the set of these effects broken, it is the
   * smallest interval that holds all of them.
   */
  interval(alpha: number): Interval {
    const low = this.#lowestKept(alpha, 1);
    const high = -this.#lowestKept(alpha, -1);
    return { low, high };
  }

  /** The lowest theta that is kept; with `sign` -1 of the mirrored problem, where it is minus the highest. */
  #lowestKept(alpha: number, sign: 1 | -1): number {
    const size = this.#a.length;
    const near = 1e-12 * this.#scaleA;
    /** Subsets that count at every theta, and those that count from, or up to, a theta. */
    let always = 0;
    const from: number[] = [];
    const upTo: number[] = [];
    for (let at = 0; at < size; at++) {
      const [a, b] = [sign * (this.#a[at] as number), this.#b[at] as number];
      if (Math.abs(b) <= 1e-12 * this.#scaleB) {
        if (a <= near) always += 1;
      } else if (b > 0) from.push(a / b);
      else upTo.push(a / b);
    }
    const needed = Math.floor((alpha * size) / 2) + 1;
    let counted = always + upTo.length;
    if (counted >= needed) return Number.NEGATIVE_INFINITY;
    const starts = Float64Array.from(from).sort();
    const ends = Float64Array.from(upTo).sort();
    let ended = 0;
    for (const theta of starts) {
      while (ended < ends.length && (ends[ended] as number) < theta) {
        ended += 1;
        counted -= 1;
      }
      counted += 1;
      if (counted >= needed) return theta;
    }
    return Number.POSITIVE_INFINITY;
  }
}

function allSums(values: readonly number[]): Float64Array {
  const sums = new Float64Array(2 ** values.length);
  for (const [bit, value] of values.entries()) {
    const half = 2 ** bit;
    for (let at = 0; at < half; at++) sums[half + at] = (sums[at] as number) + value;
  }
  return sums;
}

/** The same subsets for the same seed; the first is the empty one. */
function drawnSums(values: readonly number[], seed: number): Float64Array {
  const random = seededRandom(seed);
  const sums = new Float64Array(DRAWS + 1);
  for (let at = 1; at <= DRAWS; at++) {
    for (const value of values) if (random() < 0.5) sums[at] = (sums[at] as number) + value;
  }
  return sums;
}
