import { seededRandom } from './random.ts';
import { Reassignments } from './reassignments.ts';

/**
 * What a test of "the effect is theta" sums over pairs: `a - theta b`, whose sign the coin of the pair decides under that
 * hypothesis. For a difference of logarithms `b` is 1; for a ratio of sums `a` is the figure with the setting and `b`
 * without it.
 */
export interface Term {
  readonly a: number;
  readonly b: number;
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
export class SignFlips extends Reassignments {
  /** @param seed of the draws, if there are too many pairs to enumerate. */
  constructor(terms: readonly Term[], seed = 0) {
    const a = terms.map((term) => term.a);
    const b = terms.map((term) => term.b);
    const drawn = terms.length > MOST_ENUMERATED;
    // The first subset is the empty one: what was observed.
    super({
      a: drawn ? drawnSums(a, seed) : allSums(a),
      b: drawn ? drawnSums(b, seed) : allSums(b),
      scaleA: a.reduce((total, value) => total + Math.abs(value), 0),
      scaleB: b.reduce((total, value) => total + Math.abs(value), 0),
    });
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
