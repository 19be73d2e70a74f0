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
 * What `and` goes by, where the two sides have further labels: the host, or the VM on it. Only
 * `and` and `unless`: arithmetic `on` some labels drops all others, the cluster among them.
 */
export const BY_HOST = 'on (job, instance)';
export const BY_VM = 'on (job, instance, domain)';
