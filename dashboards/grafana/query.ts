import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import type { SeriesName } from '../../model/catalogue/names.ts';
import { select } from '../promql.ts';
import type { RecordedName } from '../rules/recording.ts';

/** Every query is of the jobs and hosts that were chosen above. */
const CHOSEN = ['job=~"$job"', 'instance=~"$instance"'] as const;

/** A selector of what was chosen: a series that virtune exports or that a rule records. */
export function of(name: SeriesName | RecordedName, ...matchers: readonly string[]): string {
  return select(name, [...CHOSEN, ...matchers]);
}

export function rateOf(name: SeriesName, ...matchers: readonly string[]): string {
  return `rate(${of(name, ...matchers)}[$__rate_interval])`;
}

/** Matches the VMs that were chosen, on pages that let one choose. */
export const CHOSEN_VM = 'domain=~"$domain"';

export interface Query {
  readonly expr: string;
  /** What a series is called, from its labels: `{{instance}}`. */
  readonly legend?: string;
}

/** Queries over time, named A, B, C as Grafana does. */
export function overTime(queries: readonly Query[]): prometheus.DataqueryBuilder[] {
  return queries.map(({ expr, legend }, index) =>
    new prometheus.DataqueryBuilder()
      .expr(expr)
      .range()
      .legendFormat(legend ?? '__auto')
      .refId(refId(index)),
  );
}

/** Queries of this moment, for figures and tables. */
export function now(
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
