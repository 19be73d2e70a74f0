import { LIBVIRT_FEATURES } from '../libvirt-features.ts';
import type { BlockStats, WindowOperation } from '../stats/types.ts';
import { nsToSeconds } from '../units.ts';
import { type FigureSet, type Point, scaled } from './metric.ts';

const OPERATIONS = ['read', 'write', 'zone_append', 'flush'] as const;

const FIGURES = {
  minimum: ({ minNs }: WindowOperation) => scaled(minNs, nsToSeconds),
  maximum: ({ maxNs }: WindowOperation) => scaled(maxNs, nsToSeconds),
  average: ({ averageNs }: WindowOperation) => scaled(averageNs, nsToSeconds),
  depth: ({ averageQueueDepth }: WindowOperation) => averageQueueDepth,
};

/** `interval` is the window's length as in the disk's XML: `10s`. */
const WINDOW = {
  per: 'block',
  type: 'gauge',
  labels: ['operation', 'interval'],
  values: { operation: OPERATIONS },
  since: LIBVIRT_FEATURES.blockWindows.libvirt,
  needs:
    "QEMU 10.2, and <statistic interval=''/> in the statistics of the disk's XML (disk.statisticsIntervals in a profile of virtune tune)",
  when: ({ windows }) => windows !== undefined,
} as const satisfies Partial<FigureSet<'block'>>;

/** What QEMU measured in time windows, which shows peaks that a scrape interval averages away. */
export const windowMetrics = [
  {
    ...WINDOW,
    name: 'libvirt_domain_block_stats_window_latency_min_seconds',
    help: 'Shortest request latency in the last interval, in seconds; absent without requests.',
    points: (block) => pointsOf(block, FIGURES.minimum),
  },
  {
    ...WINDOW,
    name: 'libvirt_domain_block_stats_window_latency_max_seconds',
    help: 'Longest request latency in the last interval, in seconds; absent without requests.',
    points: (block) => pointsOf(block, FIGURES.maximum),
  },
  {
    ...WINDOW,
    name: 'libvirt_domain_block_stats_window_latency_avg_seconds',
    help: 'Average request latency in the last interval, in seconds; absent without requests.',
    points: (block) => pointsOf(block, FIGURES.average),
  },
  {
    ...WINDOW,
    name: 'libvirt_domain_block_stats_window_queue_depth_avg',
    help: 'Average number of requests in flight in the last interval.',
    points: (block) => pointsOf(block, FIGURES.depth),
  },
] as const satisfies readonly FigureSet<'block'>[];

/** Two windows of the same length would produce a duplicate series: the first one counts. */
function* pointsOf(
  { windows }: BlockStats,
  read: (operation: WindowOperation) => number | undefined,
): Generator<Point> {
  const seen = new Set<number>();
  for (const { intervalSeconds, operations } of windows?.values() ?? []) {
    if (intervalSeconds === undefined || intervalSeconds <= 0 || seen.has(intervalSeconds)) continue;
    seen.add(intervalSeconds);
    for (const [operation, figures] of operations) {
      const value = read(figures);
      if (value !== undefined) yield [[operation, `${intervalSeconds}s`], value];
    }
  }
}
