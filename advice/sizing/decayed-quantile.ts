import type { Point } from './usage.ts';

/** As in the recommender of Kubernetes' Vertical Pod Autoscaler: the weight of a figure halves every day. */
const HALF_LIFE_SECONDS = 86_400;

/**
 * The value below which this share of the total weight lies, with recent points weighing most: the percentile of the
 * Vertical Pod Autoscaler's decaying histogram, without its 5 % buckets, since all points are available.
 * @param share 0 to 1
 */
export function decayedQuantile(points: readonly Point[], share: number): number | undefined {
  const newest = points.reduce((latest, { atSeconds }) => Math.max(latest, atSeconds), 0);
  const weighted = points
    .map(({ atSeconds, value }) => ({ value, weight: 2 ** ((atSeconds - newest) / HALF_LIFE_SECONDS) }))
    .toSorted((a, b) => a.value - b.value);
  const enough = share * weighted.reduce((sum, { weight }) => sum + weight, 0);
  let passed = 0;
  for (const { value, weight } of weighted) {
    passed += weight;
    if (passed >= enough) return value;
  }
  return weighted.at(-1)?.value;
}
