import { normals, seededRandom } from './random.ts';
import { FEWEST_PAIRS } from './schedule.ts';
import { SignFlips } from './sign-flips.ts';

/** The probability with which an effect should be found, and the level of the test. */
const POWER = 0.8;
const ALPHA = 0.05;

/** Standard normal quantiles for them: 97.5 % and 80 %. */
export const [TWO_SIDED, POWER_QUANTILE] = [1.959964, 0.841621];

const RUNS = 2_000;
/** Up to this many pairs the test itself is run; beyond it the sum over all schedules is close to normal. */
const ENUMERATED = 10;
/** Beyond this many pairs the power follows from the normal distribution. */
const SIMULATED = 40;
const MOST_PAIRS = 100_000;
/** In units of the spread: six pairs find it with certainty. */
const LARGEST_SHIFT = 100;
const SEED = 20_210_034;
/** Smallest shifts by number of pairs, on which alone they depend. */
const KNOWN = new Map<number, number>();

/**
 * The share of simulated experiments in which the test finds an effect, with normal noise between the blocks of a pair.
 *
 * @param shift the effect on the logarithm of the figure, in units of the spread of differences between the blocks of a
 * pair.
 */
export function powerOf(pairs: number, shift: number): number {
  const normal = normals(seededRandom(SEED));
  let found = 0;
  for (let run = 0; run < RUNS; run++) {
    const differences = Array.from({ length: pairs }, () => shift + normal());
    if (isFound(differences)) found += 1;
  }
  return found / RUNS;
}

function isFound(differences: readonly number[]): boolean {
  if (differences.length <= ENUMERATED) {
    return new SignFlips(differences.map((a) => ({ a, b: 1 }))).pValue(0) <= ALPHA;
  }
  const total = differences.reduce((sum, value) => sum + value, 0);
  const squares = differences.reduce((sum, value) => sum + value * value, 0);
  return Math.abs(total) >= TWO_SIDED * Math.sqrt(squares);
}

/** The smallest shift that this many pairs find with 80 % probability, in units of the spread; infinite below six. */
export function smallestShift(pairs: number): number {
  if (pairs < FEWEST_PAIRS) return Number.POSITIVE_INFINITY;
  const inTheLimit = (TWO_SIDED + POWER_QUANTILE) / Math.sqrt(pairs);
  if (pairs > SIMULATED) return inTheLimit;
  const known = KNOWN.get(pairs);
  if (known !== undefined) return known;
  let [low, high] = [inTheLimit / 2, inTheLimit * 3];
  for (let step = 0; step < 12; step++) {
    const middle = (low + high) / 2;
    if (powerOf(pairs, middle) < POWER) low = middle;
    else high = middle;
  }
  KNOWN.set(pairs, high);
  return high;
}

/**
 * Smallest effect that this many pairs find with 80 % probability, as a ratio above 1; its inverse is as detectable.
 *
 * @param spread standard deviation of the differences between logarithms of two neighbouring blocks.
 */
export function smallestEffect(pairs: number, spread: number): number {
  return spread === 0 && pairs >= FEWEST_PAIRS ? 1 : Math.exp(smallestShift(pairs) * spread);
}

/** The fewest pairs that find a ratio with 80 % probability; undefined if no sensible number does. */
export function pairsFor(ratio: number, spread: number): number | undefined {
  const shift = Math.min(LARGEST_SHIFT, Math.abs(Math.log(ratio)) / spread);
  if (!(shift > 0)) return undefined;
  const isEnough = (pairs: number): boolean =>
    pairs > SIMULATED ? smallestShift(pairs) <= shift : powerOf(pairs, shift) >= POWER;
  let high = FEWEST_PAIRS;
  while (!isEnough(high)) {
    high *= 2;
    if (high > MOST_PAIRS) return undefined;
  }
  let low = high === FEWEST_PAIRS ? high : high / 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isEnough(middle)) high = middle;
    else low = middle + 1;
  }
  return high;
}
