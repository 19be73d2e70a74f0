import { autocorrelation, mean } from './moments.ts';
import type { Direction } from './verdict.ts';

/** How a guard decides, computed before the start from the baseline. */
export interface GuardRule {
  /** Means over so long are compared: long enough for one window to say little about the next. */
  readonly windowMs: number;
  /** So many windows with the setting in a row, each worse than every window without it, end the experiment. */
  readonly consecutive: number;
  /** Upper bound for the chance that it ends an experiment in which the setting does nothing, of all VMs and figures. */
  readonly falseAlarms: number;
}

export interface GuardNeeds {
  /** Samples of the baseline, by series: of each VM and each figure that is guarded. */
  readonly baselines: readonly (readonly number[])[];
  readonly everyMs: number;
  /** How long the setting is on in the whole experiment. */
  readonly onMs: number;
  /** At most this chance of a false alarm. */
  readonly falseAlarms: number;
}

/** Windows this independent count as exchangeable. */
const LARGEST_CORRELATION = 0.2;
const FEWEST_WINDOWS = 10;
const MOST_CONSECUTIVE = 12;

/**
 * The rule with the fastest reaction. If windows are exchangeable, the chance that the last c of m + c are all worse than
 * the other m is 1 / binomial(m + c, c), whatever their distribution; it is added up over all looks and all series. The
 * windows are made long enough for exchangeability to be plausible: their correlation in every baseline is at most 0.2.
 *
 * @returns undefined where the baseline is too short to bound false alarms. Then only limits can guard.
 */
export function guardRule({ baselines, everyMs, onMs, falseAlarms }: GuardNeeds): GuardRule | undefined {
  const shortest = Math.min(...baselines.map((series) => series.length));
  for (let size = 1; size * FEWEST_WINDOWS <= shortest; size++) {
    const windowed = baselines.map((series) => windowMeans(series, size));
    if (windowed.some((series) => autocorrelation(series) > LARGEST_CORRELATION)) continue;
    const windowMs = size * everyMs;
    const looks = baselines.length * Math.max(1, Math.ceil(onMs / windowMs));
    const windows = Math.floor(shortest / size);
    for (let consecutive = 2; consecutive <= MOST_CONSECUTIVE; consecutive++) {
      const chance = looks / binomial(windows + consecutive, consecutive);
      if (chance <= falseAlarms) return { windowMs, consecutive, falseAlarms: chance };
    }
  }
  return undefined;
}

/** Means of `size` values each; what remains at the end is left out. */
export function windowMeans(values: readonly number[], size: number): number[] {
  return Array.from({ length: Math.floor(values.length / size) }, (_, at) =>
    mean(values.slice(at * size, (at + 1) * size)),
  );
}

/** From which size on a change of a guarded figure matters. All three must hold, beside the rule. */
export interface GuardSize {
  readonly direction: Direction;
  /** At least so many times worse than the mean without the setting. */
  readonly ratio: number;
  /** And at least by so much, in the figure's unit: three times almost nothing is almost nothing. */
  readonly difference: number;
}

/**
 * Whether the setting makes a figure of a VM clearly worse. To call after each window with the setting.
 *
 * @param off all windows without the setting so far, those of the baseline included; `on` those with it, in order.
 */
export function isClearlyWorse(
  { consecutive }: GuardRule,
  { direction, ratio, difference }: GuardSize,
  off: readonly number[],
  on: readonly number[],
): boolean {
  if (on.length < consecutive || off.length === 0) return false;
  const last = on.slice(-consecutive);
  const [without, now] = [mean(off), mean(last)];
  if (direction === 'lower is better') {
    const worst = Math.max(...off);
    return last.every((value) => value > worst) && now >= ratio * without && now - without >= difference;
  }
  const worst = Math.min(...off);
  return last.every((value) => value < worst) && now * ratio <= without && without - now >= difference;
}

/**
 * Whether a figure is beyond a limit that the operator has set, twice in a row, and was never beyond it without the
 * setting. It reacts after two samples, and has no stated chance of a false alarm: it is as good as the limit.
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
