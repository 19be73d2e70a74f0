import { blockMean, type FigureKind, type Observation } from './block-means.ts';
import { type Pair, pairUp } from './pairs.ts';
import type { Schedule } from './schedule.ts';
import { SignFlips } from './sign-flips.ts';

/** Below this, logarithms of equal means differ only by rounding. */
const ROUNDING = 1e-9;

/**
 * Tests whether the settle time was long enough. If effects of a block last into the measured time of the next, the
 * halves of a block differ, and differently in the two arms; under the hypothesis that they do not, the same coins give
 * an exact test. It finds carry-over that changes within a block; one that lasts far longer than a block looks constant
 * and cannot be seen in any switchback experiment of this length.
 *
 * @param seed of the draws, if there are too many pairs to enumerate.
 * @returns the p-value of the hypothesis that the setting changes nothing about how the halves differ; undefined if
 * halves have no figure, or one that is 0 or negative.
 */
export function carryOverP(
  schedule: Pick<Schedule, 'blocks'>,
  kind: FigureKind,
  observations: readonly Observation[],
  everyMs: number,
  seed: number,
): number | undefined {
  const pairsOf = (fromShare: number, toShare: number): readonly Pair[] => {
    const means = schedule.blocks.map(({ measureMs, endMs }) => {
      const at = (share: number): number => measureMs + share * (endMs - measureMs);
      return blockMean(kind, observations, { fromMs: at(fromShare), toMs: at(toShare) }, everyMs);
    });
    return pairUp(schedule, means).pairs;
  };
  const [early, late] = [pairsOf(0, 0.5), pairsOf(0.5, 1)];
  if (early.length === 0 || early.length !== late.length) return undefined;
  if ([...early, ...late].some(({ on, off }) => on <= 0 || off <= 0)) return undefined;
  const terms = early.map((before, at) => {
    const after = late[at] as Pair;
    const a = Math.log(after.on / before.on) - Math.log(after.off / before.off);
    return { a: Math.abs(a) < ROUNDING ? 0 : a, b: 1 };
  });
  return new SignFlips(terms, seed).pValue(0);
}
