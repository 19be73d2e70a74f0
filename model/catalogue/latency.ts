import type { BlockStats, LatencyBin } from '../stats/types.ts';
import { nsToSeconds } from '../units.ts';
import type { HistogramPoint } from './metric.ts';

/** One histogram for each operation; QEMU gives bins by where they start, Prometheus wants where they end. */
export function latencyHistograms(block: BlockStats): HistogramPoint[] {
  return [...(block.latency ?? [])].flatMap(([operation, bins]) => histogram(operation, bins) ?? []);
}

/** Undefined where the count of a bin is missing, negative or too large for a number: a sum without it would be false. */
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
    // Bounds that do not rise would void the whole scrape.
    if (end !== undefined && nsToSeconds(end) > last) buckets.push([nsToSeconds(end), count]);
  }
  // QEMU does not sum the times by operation of the histogram, so there is no sum.
  return { values: [operation], buckets, count, sum: undefined };
}
