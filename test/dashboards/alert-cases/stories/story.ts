import type { RuleOptions } from '../../../../dashboards/rules/build.ts';

/**
 * What all rules together say of a fleet: one event may concern several alerts, and none may be there that nobody asked
 * for. Each is written by hand.
 */
export interface Story {
  /** A sentence that says what holds. */
  readonly what: string;
  /** Values in promtool's notation, minute by minute, by series. */
  readonly series: Readonly<Record<string, string>>;
  readonly everyMinutes?: number;
  /** Minutes between evaluations of the rules, where Prometheus takes longer for them than for scrapes. */
  readonly evaluatedEveryMinutes?: number;
  /** By the minute, and by query: the values that it has, by their labels. */
  readonly at: Readonly<Record<number, Readonly<Record<string, Readonly<Record<string, number>>>>>>;
  readonly options?: RuleOptions;
  /** Whether each host that has a series is a target that Prometheus scrapes; yes by default. */
  readonly isScraped?: boolean;
}

/** Alerts that are sent, but for the one that always is. */
export const SENT =
  'count by (alertname, severity, cluster, instance, domain, storage_pool) (ALERTS{alertstate="firing", alertname!="VirtuneWatchdog"})';

/** Those that page. */
export const PAGES =
  'count by (alertname, cluster, instance, domain) (ALERTS{alertstate="firing", severity="critical"})';

/** A series of a host's exporter: `of('kvm1', 'libvirt_up')`, `of('kvm1', 'x', 'kind="total"', 'a')` in cluster a. */
export function of(instance: string, name: string, labels = '', cluster = ''): string {
  const parts = [
    'job="virtune"',
    ...(cluster === '' ? [] : [`cluster="${cluster}"`]),
    `instance="${instance}"`,
    ...(labels === '' ? [] : [labels]),
  ];
  return `${name}{${parts.join(', ')}}`;
}
