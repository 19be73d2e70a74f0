import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { HOST_IDENTITY } from '../promql.ts';

/** Uids never change: links, bookmarks and runbooks depend on them. */
export const PAGES = {
  fleet: 'virtune-fleet',
  host: 'virtune-host',
  vm: 'virtune-vm',
  neighbours: 'virtune-neighbours',
  storage: 'virtune-storage',
  tuning: 'virtune-tuning',
  health: 'virtune-health',
} as const;

export type PageName = keyof typeof PAGES;

/** Grafana's variable for a label of the clicked item: a series of a graph, or a row of a table. */
type Place = (label: string) => string;
const ofSeries: Place = (label) => `__field.labels.${label}`;
const ofRow: Place = (label) => `__data.fields.${label}`;

const HOST = HOST_IDENTITY;
const VM = [...HOST_IDENTITY, 'domain'] as const;

/**
 * A link from a host or a VM to its page, with all labels that identify it, the data source and the time range. Where
 * the label `cluster` is not used, Grafana finds no value for it, and the variable keeps its default.
 */
function toPage(
  title: string,
  page: PageName,
  labels: readonly string[],
  place: Place,
): dashboard.DashboardLinkBuilder {
  // Percent-encoded, since a VM's name may contain anything.
  const chosen = labels.map((label) => `var-${label}=\${${place(label)}:percentencode}`);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's own templates
  const kept = ['${datasource:queryparam}', '${__url_time_range}'];
  return new dashboard.DashboardLinkBuilder(title)
    .url(`/d/${PAGES[page]}?${[...chosen, ...kept].join('&')}`)
    .targetBlank(false);
}

export const seriesToHost = (): dashboard.DashboardLinkBuilder => toPage('This host', 'host', HOST, ofSeries);
export const seriesToVm = (): dashboard.DashboardLinkBuilder => toPage('This VM', 'vm', VM, ofSeries);
export const rowToHost = (): dashboard.DashboardLinkBuilder => toPage('This host', 'host', HOST, ofRow);
export const rowToVm = (): dashboard.DashboardLinkBuilder => toPage('This VM', 'vm', VM, ofRow);
