import type { SeriesName } from '../model/catalogue/names.ts';

/**
 * A selector: a series that virtune exports, and its matchers. A name that nobody exports does not compile, so
 * no panel and no rule can ask for what is not there.
 */
export function metric(name: SeriesName, ...matchers: readonly string[]): string {
  return select(name, matchers);
}

export function select(name: string, matchers: readonly string[]): string {
  return matchers.length === 0 ? name : `${name}{${matchers.join(', ')}}`;
}

/**
 * What identifies a host, a VM and a pool: names of hosts repeat in other clusters, and names of VMs on other hosts. A
 * label that no series has, such as `cluster` in a site with one, is equal on both sides.
 */
export const HOST_LABELS = 'cluster, job, instance';
export const BY_HOST = `on (${HOST_LABELS})`;
export const BY_VM = `on (${HOST_LABELS}, domain)`;
export const BY_POOL = `on (${HOST_LABELS}, storage_pool)`;

/** The label of a rule that an override makes, with what it matches: two rules of one alert differ in it. */
export const OVERRIDE_LABEL = 'override';
/** Labels that Prometheus and the rules give to alerts. */
export const ALERT_LABELS = ['alertname', 'alertstate', 'severity', 'component', OVERRIDE_LABEL] as const;
