import type { BlockStats, LatencyBin } from '../stats/types.ts';
import { nsToSeconds } from '../units.ts';
import type { HistogramPoint } from './metric.ts';

/** One histogram for each operation; QEMU gives bins by where they start, Prometheus wants where they end. */
export function latencyHistograms(block: BlockStats): HistogramPoint[] {
  return [...(block.latency ?? [])].map(([operation, bins]) => histogram(operation, bins));
}

function histogram(operation: string, bins: readonly LatencyBin[]): HistogramPoint {
  const buckets: (readonly [upTo: number, count: number])[] = [];
  let count = 0;
  for (const [index, bin] of bins.entries()) {
    count += bin.count ?? 0;
    const next = bins[index + 1]?.startNs;
    if (next !== undefined) buckets.push([nsToSeconds(next), count]);
  }
  // QEMU does not sum the times by operation of the histogram, so there is no sum.
  return { values: [operation], buckets, count, sum: undefined };
}
