import type { SeriesName } from '../../../model/catalogue/names.ts';

/** Series minute by minute, and the expected notifications at certain times. Written by hand. */
export interface AlertCase {
  readonly alert: string;
  readonly what: string;
  /** Values in promtool's notation, by series: `1+0x5` is six minutes of 1, `_x3` three without. */
  readonly series: Readonly<Record<string, string>>;
  /** Minutes between values, and between evaluations of Prometheus; 1 by default. */
  readonly everyMinutes?: number;
  /** Expected notifications by minute; an empty list: none. */
  readonly at: Readonly<Record<number, readonly Firing[]>>;
  /** Further alerts to evaluate, because this one depends on them. */
  readonly beside?: readonly string[];
}

export interface Firing {
  readonly labels: Readonly<Record<string, string>>;
  readonly summary: string;
  readonly description: string;
}

/** A series of a host's exporter. */
export function series(name: SeriesName, labels = '', instance = 'kvm1'): string {
  const own = labels === '' ? '' : `, ${labels}`;
  return `${name}{job="virtune", instance="${instance}"${own}}`;
}

/** An alert as Alertmanager receives it, of a host by default. */
export function firing(
  severity: 'critical' | 'warning' | 'info',
  component: string,
  labels: Readonly<Record<string, string>>,
  summary: string,
  description: string,
): Firing {
  const host = 'cluster' in labels && !('instance' in labels) ? {} : { job: 'virtune', instance: 'kvm1' };
  return { labels: { severity, component, ...host, ...labels }, summary, description };
}
