import { blockMean, type FigureKind, type Observation } from './block-means.ts';
import { type Effect, type EffectOptions, estimateEffect } from './effect.ts';
import { pairUp } from './pairs.ts';
import type { Schedule } from './schedule.ts';

/** The effect in the first and in the second half of the measured time of all blocks. */
export interface CarryOver {
  readonly early: Effect;
  readonly late: Effect;
  /** Of the hypothesis that the setting changes nothing about how the two halves of a block differ. */
  readonly p: number;
  /** The effect still changes within blocks (p <= 0.05): the settle time is too short, and the interval not valid. */
  readonly suspected: boolean;
}

/**
 * Whether the settle time was long enough. If what a block leaves behind lasts into the measured time of the next, the
 * halves of a block differ, and differently in the two arms; under the hypothesis that they do not, the same coins give
 * an exact test. It finds carry-over that changes within a block; one that lasts far longer than a block looks constant
 * and cannot be seen in any switchback experiment of this length.
 *
 * @returns undefined where halves have no figure, or one that is 0 or negative.
 */
export function carryOver(
  schedule: Pick<Schedule, 'blocks'>,
  kind: FigureKind,
  observations: readonly Observation[],
  everyMs: number,
  options: EffectOptions,
): CarryOver | undefined {
  const halves = schedule.blocks.map(({ measureMs, endMs }) => {
    const middleMs = (measureMs + endMs) / 2;
    return {
      early: blockMean(kind, observations, { fromMs: measureMs, toMs: middleMs }, everyMs),
      late: blockMean(kind, observations, { fromMs: middleMs, toMs: endMs }, everyMs),
    };
  });
  const early = pairUp(
    schedule,
    halves.map((each) => each.early),
  ).pairs;
  const late = pairUp(
    schedule,
    halves.map((each) => each.late),
  ).pairs;
  if (early.length === 0 || early.length !== late.length) return undefined;
  if ([...early, ...late].some(({ on, off }) => on <= 0 || off <= 0)) return undefined;
  const plain = { alpha: options.alpha, seed: options.seed };
  const growth = estimateEffect(
    early.map(({ on, off, onFirst }, at) => ({
      on: (late[at]?.on ?? on) / on,
      off: (late[at]?.off ?? off) / off,
      onFirst,
      covariates: [],
    })),
    plain,
  );
  const [first, second] = [estimateEffect(early, plain), estimateEffect(late, plain)];
  if (growth === undefined || first === undefined || second === undefined) return undefined;
  return { early: first, late: second, p: growth.p, suspected: growth.p <= 0.05 };
}
