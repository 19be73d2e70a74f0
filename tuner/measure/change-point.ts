import { autocorrelation, mean, standardDeviation } from './moments.ts';
import { normals, seededRandom } from './random.ts';

export interface ChangePoint {
  /** The first value after the change. */
  readonly at: number;
  readonly before: number;
  readonly after: number;
  /** Chance of such a change in a series without one. */
  readonly p: number;
}

const SERIES = 999;
/** With a longer memory than this, so few values look like a change whatever they do. */
const LONGEST_MEMORY = 0.9;
const FEWEST_VALUES = 12;
/**
 * In units of (1 + 3 r) / n, by which an autocorrelation about a fitted mean is too small (Kendall 1954). There are two means,
 * and the point between them is chosen to fit; the calibration of docs/method.md needs this much.
 */
const BIAS = 5;

/**
 * The most likely place where the level of a series changed, and how surprising it is: the largest difference between the
 * means before and after a point, compared with the same in simulated series that have the memory of this one (a first
 * order autoregression) and no change. A
 * daily pattern passes for a change: give it one value per day, or values divided by those of the other VMs.
 *
 * @param values positive; at least twelve.
 * @returns undefined where the series is too short, constant, or has too long a memory to say anything.
 */
export function findChangePoint(values: readonly number[], seed: number): ChangePoint | undefined {
  const logs = values.map(Math.log);
  const found = largestShift(logs, 2);
  const spread = standardDeviation(logs);
  const count = values.length;
  if (found === undefined || count < FEWEST_VALUES || !(spread > 0)) return undefined;
  const level = logs.map((value, index) => value - (index < found.at ? found.before : found.after));
  const r = autocorrelation(level);
  const memory = Math.max(0, r + (BIAS * (1 + 3 * r)) / count);
  if (memory > LONGEST_MEMORY) return undefined;
  const size = found.size / spread;
  const normal = normals(seededRandom(seed));
  let asLarge = 1;
  for (let run = 0; run < SERIES; run++) {
    const series = autoregression(count, memory, normal);
    if ((largestShift(series, 2)?.size ?? 0) / standardDeviation(series) >= size) asLarge += 1;
  }
  const { at, before, after } = found;
  return { at, before: Math.exp(before), after: Math.exp(after), p: asLarge / (SERIES + 1) };
}

function autoregression(count: number, memory: number, normal: () => number): number[] {
  const step = Math.sqrt(1 - memory * memory);
  let value = normal();
  return Array.from({ length: count }, () => {
    const now = value;
    value = memory * value + step * normal();
    return now;
  });
}

/**
 * How much of an effect is gone: 1 for all of it. Undefined where no change was found at 5 %.
 *
 * @param effect as ratio on / off, when it was measured; the series is of the same figure, since then, all positive.
 */
export function shareLost(change: ChangePoint | undefined, effect: number): number | undefined {
  if (change === undefined || change.p > 0.05) return undefined;
  return Math.log(change.after / change.before) / -Math.log(effect);
}

/** Standardised, so that a point near an end is not favoured; at least `least` values on each side. */
function largestShift(
  values: readonly number[],
  least: number,
): { at: number; size: number; before: number; after: number } | undefined {
  const count = values.length;
  const total = mean(values) * count;
  let best: { at: number; size: number; before: number; after: number } | undefined;
  let left = 0;
  for (let at = 1; at <= count - least; at++) {
    left += values[at - 1] as number;
    if (at < least) continue;
    const [before, after] = [left / at, (total - left) / (count - at)];
    const size = Math.abs(after - before) * Math.sqrt((at * (count - at)) / count);
    if (best === undefined || size > best.size) best = { at, size, before, after };
  }
  return best;
}
