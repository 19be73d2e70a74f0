import type { QueryRange } from '../../../sampler/prometheus/prometheus.ts';
import { SLOTS } from '../fleet.ts';

export interface ReadOptions {
  /** End of the range, in seconds since 1970. */
  readonly nowSeconds: number;
  /** Whole hours, in seconds. */
  readonly rangeSeconds: number;
  /** Regular expression of virtune's jobs. */
  readonly job: string;
  /** Label with the cluster of a host, as in `virtune dashboards build --cluster-label`. */
  readonly clusterLabel: string;
  /** Prefixes of paths that are shared by all hosts of a cluster. */
  readonly sharedStorage: readonly string[];
  /** Labels of VMs that constraints use. */
  readonly labels: ReadonlySet<string>;
}

const HOUR_SECONDS = 3_600;

/** The hours of the range, each by its end, and the hour of the day (UTC) that covers most of the first one. */
export function readHours({
  nowSeconds,
  rangeSeconds,
}: Pick<ReadOptions, 'nowSeconds' | 'rangeSeconds'>): QueryRange & {
  readonly count: number;
  readonly firstHour: number;
} {
  const count = Math.floor(rangeSeconds / HOUR_SECONDS);
  const startSeconds = nowSeconds - (count - 1) * HOUR_SECONDS;
  return {
    count,
    startSeconds,
    endSeconds: nowSeconds,
    stepSeconds: HOUR_SECONDS,
    firstHour: Math.floor((startSeconds - HOUR_SECONDS / 2) / HOUR_SECONDS) % SLOTS,
  };
}
