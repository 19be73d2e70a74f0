import { singleValues } from './baseline.ts';
import type { Observation } from './block-means.ts';
import type { Figure } from './figure.ts';
import { type GuardRule, guardRule, isBeyondLimit, isClearlyWorse, windowMeans } from './guard.ts';
import type { Arm } from './schedule.ts';

/** At most this chance that a guard ends an experiment whose setting does nothing. */
const FALSE_ALARMS = 0.01;

/** A stretch of time in one state; of the time to settle after a change to `off` nothing is in it. */
export interface Stretch {
  readonly arm: Arm;
  readonly fromMs: number;
  readonly toMs: number;
}

type Series = (name: string) => readonly Observation[];

/** The rule for all figures that guard; undefined where none does, or the baseline is too short to bound false alarms. */
export function ruleOf(
  figures: readonly Figure[],
  series: Series,
  everyMs: number,
  onMs: number,
): GuardRule | undefined {
  const baselines = figures
    .filter(({ guard }) => guard !== undefined)
    .map(({ name, kind }) => singleValues(kind, series(name)))
    .filter((values) => values.length > 0);
  if (baselines.length === 0) return undefined;
  return guardRule({ baselines, everyMs, onMs, falseAlarms: FALSE_ALARMS });
}

/** Which figure is clearly worse with the setting, in words; undefined while none is. */
export function findWorse(
  figures: readonly Figure[],
  rule: GuardRule | undefined,
  series: Series,
  everyMs: number,
  stretches: readonly Stretch[],
): string | undefined {
  for (const { name, kind, direction, guard } of figures) {
    if (guard === undefined) continue;
    const all = series(name);
    const valuesOf = (arm: Arm): number[][] =>
      stretches
        .filter((stretch) => stretch.arm === arm)
        .map(({ fromMs, toMs }) =>
          singleValues(
            kind,
            all.filter(({ atMs }) => atMs > fromMs && atMs <= toMs),
          ),
        );
    const [off, on] = [valuesOf('off'), valuesOf('on')];
    const { limit } = guard;
    if (limit !== undefined && isBeyondLimit(limit, direction, off.flat(), on.flat())) {
      return `${name} is beyond its limit of ${limit}`;
    }
    if (rule === undefined) continue;
    const size = Math.round(rule.windowMs / everyMs);
    const windows = (values: readonly number[][]): number[] =>
      values.flatMap((each) => windowMeans(each, size));
    if (isClearlyWorse(rule, guard, windows(off), windows(on))) return `${name} is clearly worse`;
  }
  return undefined;
}
