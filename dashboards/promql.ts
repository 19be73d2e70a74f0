import { peerLabelsOf } from '../model/catalogue/compat.ts';
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
 * A sum over these labels of a vector of that series: also over those that the series has only with `--compat`, which would
 * leave one series for each VM or image, and match no series beside it.
 */
export function sumOver(name: SeriesName, vector: string, ...labels: readonly string[]): string {
  const without = [...labels, ...peerLabelsOf(name)];
  return without.length === 0 ? vector : `sum without (${without.join(', ')}) (${vector})`;
}

/**
 * What identifies a host: two clusters may both have a `kvm1`, and two jobs may scrape the same address. The scrape configuration
 * sets `cluster`; a series without it has the empty value, which a match `on` it and `by` it accept.
 */
export const HOST_IDENTITY = ['cluster', 'job', 'instance'] as const;
export const HOST_LABELS = HOST_IDENTITY.join(', ');

/** For matches between series of one host, one VM, one disk or one pool that have further labels. */
export const ON_HOST = `on (${HOST_LABELS})`;
export const VM_LABELS = `${HOST_LABELS}, domain`;
export const DISK_LABELS = `${VM_LABELS}, target_device`;
export const ON_VM = `on (${VM_LABELS})`;
export const ON_DISK = `on (${DISK_LABELS})`;
export const ON_POOL = `on (${HOST_LABELS}, storage_pool)`;

/** The label of a rule that an override makes, with what it matches: two rules of one alert differ in it. */
export const OVERRIDE_LABEL = 'override';
/** Labels that Prometheus and the rules give to alerts. */
export const ALERT_LABELS = ['alertname', 'alertstate', 'severity', 'component', OVERRIDE_LABEL] as const;
