import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import type { SeriesName } from '../../model/catalogue/names.ts';
import { type DISK_LABELS, HOST_IDENTITY, select, sumOver, type VM_LABELS } from '../promql.ts';
import type { RecordedName } from '../rules/recording.ts';

const CHOSEN_CLUSTER = 'cluster=~"$cluster"';

/** Matchers of the selected clusters, jobs and hosts, in every query. */
const CHOSEN = [CHOSEN_CLUSTER, 'job=~"$job"', 'instance=~"$instance"'] as const;

/** A `by (...)` clause for one result per host. */
export function byHost(...labels: readonly string[]): string {
  return `by (${[...HOST_IDENTITY, ...labels].join(', ')})`;
}

/** A selector of an exported or recorded series, limited to the selection. */
export function of(name: SeriesName | RecordedName, ...matchers: readonly string[]): string {
  return select(name, [...CHOSEN, ...matchers]);
}

type ClusterName = Extract<RecordedName, `cluster:${string}`>;

/** A selector of a series recorded per cluster, which has no job and no host. */
export function ofCluster(name: ClusterName, ...matchers: readonly string[]): string {
  return select(name, [CHOSEN_CLUSTER, ...matchers]);
}

export function rateOf(name: SeriesName, ...matchers: readonly string[]): string {
  return `rate(${of(name, ...matchers)}[$__rate_interval])`;
}

/** Rate per VM, summed over its disks or interfaces. */
export const rateOfVms = (name: SeriesName): string => sumOver(name, rateOf(name), 'target_device');

/**
 * The newest info series of each subject, with value 1, so that matching never finds duplicates. An OTLP series stays
 * for 5 minutes after its end, so a disk with a new medium, or a VM with a new profile, has two for that long.
 */
export function newestOf(subject: typeof VM_LABELS | typeof DISK_LABELS, info: string): string {
  return `(topk by (${subject}) (1, timestamp(${info})) > bool 0)`;
}

/** Matches the selected VMs, on pages with a VM selection. */
export const CHOSEN_VM = 'domain=~"$domain"';

export interface Query {
  readonly expr: string;
  /** Name of a series from its labels: `{{instance}}`. */
  readonly legend?: string;
}

/** Range queries, named A, B, C as in Grafana. */
export function rangeQueries(queries: readonly Query[]): prometheus.DataqueryBuilder[] {
  return queries.map(({ expr, legend }, index) =>
    new prometheus.DataqueryBuilder()
      .expr(expr)
      .range()
      .legendFormat(legend ?? '__auto')
      .refId(refId(index)),
  );
}

/** Instant queries, for figures and tables. */
export function instantQueries(
  queries: readonly Query[],
  format: prometheus.PromQueryFormat = prometheus.PromQueryFormat.TimeSeries,
): prometheus.DataqueryBuilder[] {
  return queries.map(({ expr, legend }, index) =>
    new prometheus.DataqueryBuilder()
      .expr(expr)
      .instant()
      .format(format)
      .legendFormat(legend ?? '__auto')
      .refId(refId(index)),
  );
}

export const refId = (index: number): string => String.fromCharCode('A'.charCodeAt(0) + index);
