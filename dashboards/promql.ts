import { peerLabelsOf } from '../model/catalogue/compat.ts';
import type { SeriesName } from '../model/catalogue/names.ts';

/**
 * A selector of an exported series with matchers. The type rejects unknown names, so that panels and rules cannot query
 * a metric that does not exist.
 */
export function metric(name: SeriesName, ...matchers: readonly string[]): string {
  return select(name, matchers);
}

export function select(name: string, matchers: readonly string[]): string {
  return matchers.length === 0 ? name : `${name}{${matchers.join(', ')}}`;
}

/**
 * Sums a vector of that series over these labels, and over those that the series only has with `--compat`: these would
 * otherwise leave one series per VM or image, which match no other series.
 */
export function sumOver(name: SeriesName, vector: string, ...labels: readonly string[]): string {
  const without = [...labels, ...peerLabelsOf(name)];
  return without.length === 0 ? vector : `sum without (${without.join(', ')}) (${vector})`;
}

/**
 * Labels that identify a host: two clusters may both have a `kvm1`, and two jobs may scrape the same address. The
 * scrape configuration sets `cluster`; without it the value is empty, which works in `on` and `by` too.
 */
export const HOST_IDENTITY = ['cluster', 'job', 'instance'] as const;
export const HOST_LABELS = HOST_IDENTITY.join(', ');

/** For matching series of one host, VM, disk or pool that differ in further labels. */
export const ON_HOST = `on (${HOST_LABELS})`;
export const VM_LABELS = `${HOST_LABELS}, domain`;
export const DISK_LABELS = `${VM_LABELS}, target_device`;
export const ON_VM = `on (${VM_LABELS})`;
export const ON_DISK = `on (${DISK_LABELS})`;
export const ON_POOL = `on (${HOST_LABELS}, storage_pool)`;

/** Label of rules made from an override, with what it matches: it distinguishes the rules of one alert. */
export const OVERRIDE_LABEL = 'override';
/** Labels added to alerts by Prometheus and the rules. */
export const ALERT_LABELS = ['alertname', 'alertstate', 'severity', 'component', OVERRIDE_LABEL] as const;
