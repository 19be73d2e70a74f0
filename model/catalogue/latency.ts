import type { BlockStats, LatencyBin } from '../stats/types.ts';
import { nsToSeconds } from '../units.ts';
import type { HistogramPoint } from './metric.ts';

/** One histogram per operation; QEMU's bins are given by their lower bounds, Prometheus needs upper bounds. */
export function latencyHistograms(block: BlockStats): HistogramPoint[] {
  return [...(block.latency ?? [])].flatMap(([operation, bins]) => histogram(operation, bins) ?? []);
}

/** Undefined where a bin's count is missing, negative or too large for a number: the total would be wrong. */
function histogram(operation: string, bins: ReadonlyMap<number, LatencyBin>): HistogramPoint | undefined {
  if ([...bins.values()].some(({ count = -1 }) => count < 0 || !Number.isSafeInteger(count)))
    return undefined;
  const inOrder = [...bins].sort(([a], [b]) => a - b).map(([, bin]) => bin);
  const buckets: (readonly [upTo: number, count: number])[] = [];
  let count = 0;
  for (const [place, bin] of inOrder.entries()) {
    count += bin.count ?? 0;
    const end = inOrder[place + 1]?.startNs;
    const last = buckets.at(-1)?.[0] ?? Number.NEGATIVE_INFINITY;
    // Bounds that do not increase would invalidate the whole scrape.
    if (end !== undefined && nsToSeconds(end) > last) buckets.push([nsToSeconds(end), count]);
  }
  // QEMU has no sum of the histogram's times per operation, so there is no sum.
  return { values: [operation], buckets, count, sum: undefined };
}
