import type { Effect } from './effect.ts';
import { pairsFor } from './power.ts';
import { FEWEST_PAIRS } from './schedule.ts';

export type Direction = 'lower is better' | 'higher is better';

/**
 * `no difference`: none larger than the margin, in either direction; a smaller one may be certain. `inconclusive`: the
 * data allow both a difference that matters and none.
 */
export type Verdict = 'better' | 'worse' | 'no difference' | 'inconclusive';

export interface Judgement {
  readonly verdict: Verdict;
  /** The largest difference that the interval allows, as a ratio above 1, in either direction. */
  readonly within: number;
  /** Whether even the bad end of the interval is within the margin. */
  readonly notWorse: boolean;
  /** Pairs that would decide it with 80 % probability, including these; only for `inconclusive`, if computable. */
  readonly pairsNeeded?: number | undefined;
  /** The same in restarts, for settings that need a boot. */
  readonly restartsNeeded?: number | undefined;
  /** Why it cannot be decided, if not because the experiment was too short. */
  readonly reason?: string | undefined;
}

/** Fixed before the start: decides what a result means. */
export interface Criterion {
  readonly direction: Direction;
  /** The smallest ratio above 1 that matters: 1.05 for 5 %. */
  readonly margin: number;
}

/** Significance level of a test, and of several. */
export const ALPHA = 0.05;

/**
 * @param effect undefined if no pair was complete.
 * @param p its p-value, adjusted if it is one of several: above 5 % nothing is better or worse, whatever its interval.
 */
export function judge(
  effect: Effect | undefined,
  criterion: Criterion,
  p: number = effect?.p ?? 1,
): Judgement {
  if (effect === undefined) return undecided('no pair of blocks was complete');
  if (Number.isNaN(effect.effect)) {
    return undecided('the figure was 0 in every block, so there was nothing to improve; measure under load');
  }
  if (effect.scale === 'difference') {
    return undecided('the figure has negative values, so a change in percent is meaningless');
  }
  if (effect.pairs < FEWEST_PAIRS) {
    return undecided(
      `only ${effect.pairs} ${effect.pairs === 1 ? 'pair' : 'pairs'} of blocks ${effect.pairs === 1 ? 'has' : 'have'} a figure, but at least ${FEWEST_PAIRS} are needed to decide; repeat with more --blocks, so that some can be lost`,
    );
  }
  const judged = judgeInterval(effect, criterion, p);
  if (judged.verdict !== 'inconclusive') return judged;
  return { ...judged, pairsNeeded: moreThan(effect, criterion.margin) };
}

/** What an interval of a ratio shows. */
export function judgeInterval(
  effect: Pick<Effect, 'low' | 'high'>,
  criterion: Criterion,
  p: number,
): Judgement {
  const [low, high, margin] = [Math.log(effect.low), Math.log(effect.high), Math.log(criterion.margin)];
  const [good, bad] = criterion.direction === 'lower is better' ? [-low, high] : [high, -low];
  const largest = Math.max(good, bad);
  const judged = {
    within: Math.exp(largest),
    notWorse: bad < margin,
  };
  // Then even a certain difference does not matter.
  if (largest < margin) return { ...judged, verdict: 'no difference' };
  const isFound = p <= ALPHA;
  if (isFound && bad < 0) return { ...judged, verdict: 'better' };
  if (isFound && good < 0) return { ...judged, verdict: 'worse' };
  return { ...judged, verdict: 'inconclusive' };
}

/** An undecided result, with its reason. */
export function undecided(reason: string): Judgement {
  return {
    verdict: 'inconclusive',
    within: Number.POSITIVE_INFINITY,
    notWorse: false,
    reason,
  };
}

/** Pairs that would show a difference of the margin; more than there are, since these have not decided it. */
function moreThan({ pairs, spread }: Effect, margin: number): number | undefined {
  const needed = pairsFor(margin, spread);
  return needed === undefined ? undefined : Math.max(needed, pairs + 1);
}
