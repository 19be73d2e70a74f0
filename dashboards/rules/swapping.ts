import { HOST_LABELS, ON_HOST } from '../promql.ts';
import type { Value } from './reference.ts';
import type { AlertContext, Threshold } from './rule.ts';

/** Thresholds of `swapsIn`. */
export const WAITING: Threshold = {
  value: 0.01,
  unit: 'share',
  from: 'our choice: less is swap in memory (zram), or so fast that no VM notices',
};

/**
 * Hosts that swap in more pages per second while tasks stall: with zram, pages return within microseconds. The kernel
 * accounts a swap read as I/O pressure, and as memory pressure only for pages that were in use recently. Without PSI
 * every swap-in counts.
 */
export function swapsIn(pagesPerSecond: Value, waiting: Value, { recorded }: AlertContext): string {
  const pressure = recorded(
    'instance:virtune_host_pressure:ratio_rate5m',
    'resource=~"memory|io"',
    'share="some"',
  );
  return `${recorded('instance:virtune_host_swapped_in_pages:rate5m')} > ${pagesPerSecond} unless ${ON_HOST} max by (${HOST_LABELS}) (${pressure}) <= ${waiting}`;
}
