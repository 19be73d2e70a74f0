import type { Labels } from './storage.ts';

/** Identity of a host in series, as a map key. The cluster is empty where the scrape configuration sets none. */
export const hostId = (labels: Labels, clusterLabel: string): string =>
  JSON.stringify([labels[clusterLabel] ?? '', labels['job'] ?? '', labels['instance'] ?? '']);

export function partsOf(id: string): { readonly cluster: string; readonly instance: string } {
  const [cluster, , instance] = JSON.parse(id) as [string, string, string];
  return { cluster, instance };
}
