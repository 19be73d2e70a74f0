import type { RuleOptions } from '../../../../dashboards/rules/build.ts';

/**
 * The joint result of all rules for a fleet: an event may concern several alerts, and none may fire without a reason.
 * Each story is written by hand.
 */
export interface Story {
  /** A sentence that states what holds. */
  readonly what: string;
  /** Values in promtool's notation, minute by minute, by series. */
  readonly series: Readonly<Record<string, string>>;
  readonly everyMinutes?: number;
  /** Minutes between evaluations of the rules, where Prometheus takes longer for them than for scrapes. */
  readonly evaluatedEveryMinutes?: number;
  /** By minute and query: the expected values by labels. */
  readonly at: Readonly<Record<number, Readonly<Record<string, Readonly<Record<string, number>>>>>>;
  readonly options?: RuleOptions;
  /** Whether each host with a series is a scrape target; yes by default. */
  readonly isScraped?: boolean;
}

/** Alerts that fire, except the one that always does. */
export const SENT =
  'count by (alertname, severity, cluster, instance, domain, storage_pool) (ALERTS{alertstate="firing", alertname!="VirtuneWatchdog"})';

/** Alerts that page. */
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
