import { correlationOfNeighbours, firstOrder } from './autoregression.ts';
import { autocorrelation, mean } from './moments.ts';
import type { Direction } from './verdict.ts';

/** How the guard decides on one figure of one VM, computed before the first block from the figure's baseline. */
export interface GuardRule {
  /** Length of the windows whose means are compared: long enough for one window to say little about the next. */
  readonly windowMs: number;
  /** This many windows with the setting in a row, each worse than every window without it, end the experiment. */
  readonly consecutive: number;
  /** Upper bound for the chance that this figure ends an experiment in which the setting does nothing. */
  readonly falseAlarms: number;
}

export interface GuardNeeds {
  /** Single values of the figure in the baseline. */
  readonly baseline: readonly number[];
  readonly everyMs: number;
  /** The blocks with the setting, and how long each lasts with its settle time: a window does not span two of them. */
  readonly blocksOn: number;
  readonly blockMs: number;
  /** Upper bound for the chance of a false alarm by this figure. */
  readonly falseAlarms: number;
}

/** Windows this independent count as exchangeable. */
const LARGEST_CORRELATION = 0.2;
/** One-sided 95 %: windows whose correlation is larger by this many standard errors are not independent enough. */
const SURELY = 1.645;
const FEWEST_WINDOWS = 10;
const MOST_CONSECUTIVE = 12;

/**
 * The rule with the fastest reaction. If windows are exchangeable, the chance that the last c of m + c are all worse
 * than the other m is 1 / binomial(m + c, c), whatever their distribution; it is summed over all looks. Windows are
 * made long enough for exchangeability to be plausible: their correlation is at most 0.2, as computed from all single
 * values, since so few windows say little: of 12 independent ones it exceeds 0.2 in a fifth of all baselines. If the
 * windows contradict that beyond their standard error, as with a drift below the noise, they decide.
 *
 * @returns the rule, or why there is none: the baseline is too short to bound false alarms. Then only a limit guards.
 */
export function guardRule(needs: GuardNeeds): GuardRule | { readonly missing: string } {
  const { baseline, everyMs, blocksOn, blockMs, falseAlarms } = needs;
  if (baseline.length === 0) return { missing: 'no value in the baseline' };
  if (baseline.length < FEWEST_WINDOWS) {
    return { missing: `fewer than ${FEWEST_WINDOWS} values in the baseline` };
  }
  const phi = firstOrder(baseline);
  const longest = Math.min(baseline.length / FEWEST_WINDOWS, blockMs / everyMs);
  let hasIndependent = false;
  for (let size = 1; size <= longest; size++) {
    const windows = windowMeans(baseline, size);
    const largest = LARGEST_CORRELATION + SURELY / Math.sqrt(windows.length);
    if (correlationOfNeighbours(phi, size) > LARGEST_CORRELATION || autocorrelation(windows) > largest) {
      continue;
    }
    hasIndependent = true;
    const windowMs = size * everyMs;
    const looks = blocksOn * Math.floor(blockMs / windowMs);
    for (let consecutive = 2; consecutive <= Math.min(looks, MOST_CONSECUTIVE); consecutive++) {
      const chance = looks / binomial(windows.length + consecutive, consecutive);
      if (chance <= falseAlarms) return { windowMs, consecutive, falseAlarms: chance };
    }
  }
  return {
    missing: hasIndependent
      ? 'too many figures for so short a baseline'
      : 'it changes too slowly for so short a baseline',
  };
}

/** Means of `size` values each, without an incomplete rest. */
export function windowMeans(values: readonly number[], size: number): number[] {
  return Array.from({ length: Math.floor(values.length / size) }, (_, at) =>
    mean(values.slice(at * size, (at + 1) * size)),
  );
}

/** How large a change of a guarded figure must be. All of it must hold, in addition to the rule. */
export interface GuardSize {
  /** At least this many times worse than the mean without the setting. */
  readonly ratio: number;
  /** And worse by at least this much, in the figure's unit: three times almost nothing is almost nothing. */
  readonly difference: number;
  /**
   * In how many stretches with the setting it must show, with one without it in between. A burst of load lasts for one:
   * with 14 VMs whose bursts were not in the baseline, one stretch gave 46 % false alarms and two gave 4 %.
   */
  readonly stretches: 1 | 2;
}

/** A window with the setting. */
export interface OnWindow {
  readonly mean: number;
  /** Which stretch it is in; between two of them there is one without the setting. */
  readonly stretch: number;
}

/**
 * Whether the setting makes a figure of a VM clearly worse. Call it after each window with the setting.
 *
 * @param off all windows without the setting so far, including those of the baseline; `on` those with it, in order.
 */
export function isClearlyWorse(
  { consecutive }: GuardRule,
  direction: Direction,
  { ratio, difference, stretches }: GuardSize,
  off: readonly number[],
  on: readonly OnWindow[],
): boolean {
  if (on.length < consecutive || off.length === 0) return false;
  const lower = direction === 'lower is better';
  const worst = lower ? Math.max(...off) : Math.min(...off);
  const isWorse = (window: OnWindow): boolean => (lower ? window.mean > worst : window.mean < worst);
  const streak = on.slice(on.findLastIndex((window) => !isWorse(window)) + 1);
  if (streak.length < consecutive) return false;
  if (stretches === 2 && streak[0]?.stretch === streak.at(-1)?.stretch) return false;
  const [without, now] = [mean(off), mean(streak.slice(-consecutive).map((window) => window.mean))];
  return lower
    ? now >= ratio * without && now - without >= difference
    : now * ratio <= without && without - now >= difference;
}

/**
 * Whether a figure is beyond a limit set by the operator, twice in a row, and never was without the setting. It reacts
 * after two samples, and has no known chance of a false alarm: it is as good as the limit.
 */
export function isBeyondLimit(
  limit: number,
  direction: Direction,
  off: readonly number[],
  on: readonly number[],
): boolean {
  const beyond = (value: number): boolean =>
    direction === 'lower is better' ? value > limit : value < limit;
  return on.length >= 2 && on.slice(-2).every(beyond) && !off.some(beyond);
}

function binomial(n: number, k: number): number {
  let result = 1;
  for (let at = 1; at <= k; at++) result *= (n - k + at) / at;
  return result;
}
