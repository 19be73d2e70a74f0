import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';

/** Uids never change: links, bookmarks and runbooks stand on them. */
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

/** What a link's target is to show; a label of the series or a column of the row that was clicked. */
type Choice = Readonly<Partial<Record<'instance' | 'domain', string>>>;

/** A link from a series to another page, with data source, job and time kept. */
function toPage(title: string, page: PageName, choice: Choice): dashboard.DashboardLinkBuilder {
  // The value is percent-encoded: a VM's name may hold anything.
  const chosen = Object.entries(choice).map(([name, value]) => `var-${name}=\${${value}:percentencode}`);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's own templates
  const kept = ['${datasource:queryparam}', '${job:queryparam}', '${__url_time_range}'];
  return new dashboard.DashboardLinkBuilder(title)
    .url(`/d/${PAGES[page]}?${[...chosen, ...kept].join('&')}`)
    .targetBlank(false);
}

const ofSeries = (label: string): string => `__field.labels.${label}`;
const ofRow = (column: string): string => `__data.fields.${column}`;

export const seriesToHost = (): dashboard.DashboardLinkBuilder =>
  toPage('This host', 'host', { instance: ofSeries('instance') });
export const seriesToVm = (): dashboard.DashboardLinkBuilder =>
  toPage('This VM', 'vm', { instance: ofSeries('instance'), domain: ofSeries('domain') });
export const rowToHost = (): dashboard.DashboardLinkBuilder =>
  toPage('This host', 'host', { instance: ofRow('instance') });
export const rowToVm = (): dashboard.DashboardLinkBuilder =>
  toPage('This VM', 'vm', { instance: ofRow('instance'), domain: ofRow('domain') });
