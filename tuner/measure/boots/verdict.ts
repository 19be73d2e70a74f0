import { POWER_QUANTILE, TWO_SIDED } from '../power.ts';
import { ALPHA, type Criterion, type Judgement, judgeInterval, undecided } from '../verdict.ts';
import type { BootEffect } from './effect.ts';
import { FEWEST_RESTARTS } from './schedule.ts';

/** A larger number does not help an operator. */
const MOST_NEEDED = 1_000;

/**
 * @param effect undefined if one of the arms has no boot.
 * @param p its p-value, adjusted if it is one of several.
 */
export function judgeBoots(
  effect: BootEffect | undefined,
  criterion: Criterion,
  p: number = effect?.p ?? 1,
): Judgement {
  if (effect === undefined) return undecided('no boot with the settings has a figure, or none without them');
  if (effect.scale === 'difference') {
    return undecided('the figure was not above 0 in every boot, so a change in percent is meaningless');
  }
  if (effect.smallestP > ALPHA) return undecided(tooFew(effect));
  const judged = judgeInterval(effect, criterion, p);
  if (judged.verdict !== 'inconclusive') return judged;
  return { ...judged, restartsNeeded: restartsNeeded(effect, criterion.margin) };
}

/** The difference may have any size, and may be due to chance alone. */
function tooFew({ off, on, smallestP, effect }: BootEffect): string {
  const change = (effect - 1) * 100;
  const seen = `${change < 0 ? '-' : '+'}${Math.abs(change).toFixed(1)} % was seen`;
  const boots = off + on;
  const least = `${Number((smallestP * 100).toFixed(1))} %`;
  return `${seen}, but with ${boots} boots the smallest possible p-value is ${least}, so it may be chance; at least ${FEWEST_RESTARTS} restarts are needed to decide`;
}

/** Restarts needed to find a change of the margin with 80 % probability; more than there were. */
function restartsNeeded({ off, on, spread }: BootEffect, margin: number): number | undefined {
  const perArm = 2 * (((TWO_SIDED + POWER_QUANTILE) * spread) / Math.log(margin)) ** 2;
  const needed = Math.max(FEWEST_RESTARTS, off + on + 1, 2 * Math.ceil(perArm));
  return needed <= MOST_NEEDED ? needed : undefined;
}
