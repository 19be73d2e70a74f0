import { covarianceOfMeans, firstOrder } from './autoregression.ts';
import { blockMean, type FigureKind, type Observation } from './block-means.ts';
import { autocorrelation, mean, standardDeviation } from './moments.ts';
import { smallestEffect } from './power.ts';
import type { Design } from './schedule.ts';

/** What a figure did while nothing was changed, and what an experiment could therefore show. */
export interface Baseline {
  /** Over the whole time, in the figure's unit. */
  readonly level: number;
  /** Standard deviation of single samples, as a share of the level. */
  readonly spread: number;
  /** Between consecutive samples. */
  readonly autocorrelation: number;
  /** Standard deviation of the differences between (logarithms of) neighbouring blocks. */
  readonly pairSpread: number;
  /**
   * `measured`: from differences between blocks of the baseline. `modelled`: from single samples, as a first order
   * autoregression, since the baseline holds fewer than four pairs of blocks; it misses slower changes.
   */
  readonly basis: 'measured' | 'modelled';
  /** The smallest ratio above 1 that the design finds with 80 % probability if the figure keeps behaving like this. */
  readonly smallestEffect: number;
}

/** A baseline must hold this many pairs of blocks for their differences to show their spread. */
const LEAST_PAIRS = 4;
/** The spread of fewer values says little. */
export const LEAST_SAMPLES = 8;

/**
 * @param everyMs how often samples are taken.
 * @returns the baseline, or why there is none: the figure is absent, is 0 or has too few samples.
 */
export function measureBaseline(
  kind: FigureKind,
  observations: readonly Observation[],
  everyMs: number,
  { pairs, blockMs, settleMs }: Design,
): Baseline | { readonly missing: string } {
  const [fromMs, toMs] = [observations[0]?.atMs ?? 0, observations.at(-1)?.atMs ?? 0];
  const whole = blockMean(kind, observations, { fromMs, toMs }, everyMs);
  if ('missing' in whole) return { missing: whole.missing };
  if (whole.value <= 0)
    return { missing: `its mean is ${whole.value}, so changes have no size relative to it` };
  const singles = singleValues(kind, observations);
  if (singles.length < LEAST_SAMPLES) {
    return {
      missing: `it has ${singles.length} values, and a baseline needs ${LEAST_SAMPLES}: measure for longer`,
    };
  }
  const spanMs = 2 * (settleMs + blockMs);
  const differences: number[] = [];
  for (const { atMs } of observations) {
    if (atMs + spanMs > toMs + everyMs) break;
    const [first, second] = [atMs + settleMs, atMs + 2 * settleMs + blockMs].map((from) =>
      blockMean(kind, observations, { fromMs: from, toMs: from + blockMs }, everyMs),
    );
    if (first === undefined || second === undefined || 'missing' in first || 'missing' in second) continue;
    differences.push(changeBetween(first.value, second.value, whole.value));
  }
  const measured = toMs - fromMs >= LEAST_PAIRS * spanMs && differences.length > 0;
  const pairSpread = measured
    ? Math.sqrt(mean(differences.map((difference) => difference ** 2)))
    : modelledSpread(
        singles.map((value) => value / whole.value),
        blockMs / everyMs,
        settleMs / everyMs,
      );
  return {
    level: whole.value,
    spread: standardDeviation(singles) / whole.value,
    autocorrelation: autocorrelation(singles),
    pairSpread,
    basis: measured ? 'measured' : 'modelled',
    smallestEffect: smallestEffect(pairs, pairSpread),
  };
}

/** Of logarithms; relative to the level if a value is 0. */
const changeBetween = (first: number, second: number, level: number): number =>
  first > 0 && second > 0 ? Math.log(second / first) : (second - first) / level;

/** The figure of every sample, or, for counters, of every interval between two samples. */
export function singleValues(kind: FigureKind, observations: readonly Observation[]): number[] {
  if (kind === 'gauge') return observations.flatMap(({ value }) => (value === undefined ? [] : [value]));
  // A sample that the VM did not answer does not split an interval.
  const known = observations.filter(({ run, value }) => run === undefined || value !== undefined);
  return known.slice(1).flatMap((second, at) => {
    const first = known[at] as Observation;
    const single = blockMean(
      kind,
      [first, second],
      { fromMs: first.atMs, toMs: second.atMs },
      second.atMs - first.atMs,
    );
    return 'missing' in single ? [] : [single.value];
  });
}

/**
 * The standard deviation of differences between means of `samples` values each, `between` values apart, if single values
 * are a first order autoregression. Corrects the bias of both estimates in short series.
 */
function modelledSpread(singles: readonly number[], samples: number, between: number): number {
  const phi = firstOrder(singles);
  const size = Math.max(1, Math.round(samples));
  const biased = Math.max(0.05, 1 - covarianceOfMeans(phi, singles.length, 0));
  const variance = standardDeviation(singles) ** 2 / biased;
  const within = covarianceOfMeans(phi, size, 0);
  const across = covarianceOfMeans(phi, size, size + Math.round(between));
  return Math.sqrt(2 * variance * Math.max(0, within - across));
}
