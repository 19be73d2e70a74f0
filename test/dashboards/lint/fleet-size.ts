import { recordingRules } from '../../../dashboards/rules/recording.ts';
import { catalogue } from '../../../model/catalogue/catalogue.ts';
import { exporterMetrics } from '../../../model/catalogue/exporter.ts';
import { SUBJECT_LABELS } from '../../../model/catalogue/metric.ts';
import { type Matcher, type Selector, selectorsOf } from '../promql.ts';
import { type Dashboard, expanded } from './dashboard.ts';

/** The size of fleet that a page must handle. */
const CLUSTERS = 10;
const HOSTS = 1_000;
const VMS_OF_HOST = 50;

/** Number of values of a label, on a host or within its subject; one for labels that are not listed. */
const VALUES_OF_LABEL: Readonly<Record<string, number>> = {
  domain: VMS_OF_HOST,
  vcpu: 4,
  target_device: 2,
  iothread: 2,
  storage_pool: 4,
  cell: 2,
  filesystem: 3,
  procedure: 12,
  group: 3,
  le: 12,
};

/** Labels with a single value per subject: a VM has one state, and a missing group one reason. */
const ONE_OF = new Set(['state_desc', 'outcome', 'reason']);

/** Number of VMs in the fleet that hang at the same time. */
const UNRESPONSIVE = { name: 'virtune_domain_unresponsive_since_timestamp_seconds', count: 50 };

interface Labelled {
  readonly labels: readonly string[];
  readonly values: Readonly<Record<string, readonly string[]>>;
}

const PRESSURE = { resource: ['cpu', 'memory', 'io'], share: ['some', 'full'] };

const LABELS: ReadonlyMap<string, Labelled> = new Map([
  ...catalogue.flatMap((metric): [string, Labelled][] => {
    const own = metric.per === 'process' ? [] : SUBJECT_LABELS[metric.per];
    const added = 'labels' in metric && Array.isArray(metric.labels) ? (metric.labels as string[]) : [];
    const values = 'values' in metric ? (metric.values ?? {}) : {};
    return seriesOf(metric).map(([name, more]) => [name, { labels: [...own, ...added, ...more], values }]);
  }),
  ...Object.values(exporterMetrics).flatMap((metric): [string, Labelled][] =>
    seriesOf(metric).map(([name, more]) => [name, { labels: [...metric.labels, ...more], values: {} }]),
  ),
  ...recordingRules.map(({ record }): [string, Labelled] => [record, labelsOfRecorded(record)]),
]);

function seriesOf({ name, type }: { readonly name: string; readonly type: string }): [string, string[]][] {
  return type === 'histogram'
    ? [
        [`${name}_bucket`, ['le']],
        [`${name}_sum`, []],
        [`${name}_count`, []],
      ]
    : [[name, []]];
}

function labelsOfRecorded(record: string): Labelled {
  if (record.startsWith('device:')) return { labels: ['domain', 'target_device'], values: {} };
  if (record.startsWith('pool:')) return { labels: ['storage_pool'], values: {} };
  if (record.startsWith('domain:')) return { labels: ['domain'], values: {} };
  if (record.includes('host_pressure')) return { labels: Object.keys(PRESSURE), values: PRESSURE };
  return { labels: [], values: {} };
}

/** The most series that each query of the page reads with the default selection, by title of the panel. */
export function seriesByQuery(
  dashboard: Dashboard,
): readonly { readonly title: string; readonly series: number }[] {
  const offersAll = (name: string): boolean =>
    dashboard.templating.list.find((each) => each.name === name)?.includeAll === true;
  const hosts = offersAll('instance') ? HOSTS : 1;
  const vms = offersAll('domain') ? VMS_OF_HOST : 1;
  return dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({
      title,
      series: selectorsOf(expanded(expr)).reduce((sum, selector) => sum + read(selector, hosts, vms), 0),
    })),
  );
}

function read({ name = '', matchers }: Selector, hosts: number, vms: number): number {
  if (name.includes(':topk_')) return 20 * CLUSTERS;
  if (name.startsWith('cluster:')) return CLUSTERS;
  if (name === UNRESPONSIVE.name) return UNRESPONSIVE.count;
  const { labels, values } = LABELS.get(name) ?? { labels: [], values: {} };
  return labels.reduce((product, label) => {
    const matched = matchers.filter((each) => each.label === label);
    if (label === 'domain' && matched.some(({ value }) => value === '$domain')) return product * vms;
    if (ONE_OF.has(label)) return product;
    const known = values[label];
    if (known !== undefined) return product * known.filter((value) => matched.every(holds(value))).length;
    return product * (matched.some(({ op }) => op === '=') ? 1 : (VALUES_OF_LABEL[label] ?? 1));
  }, hosts);
}

const holds =
  (value: string) =>
  ({ op, value: wanted }: Matcher): boolean => {
    const isMatch = op.endsWith('~') ? new RegExp(`^(?:${wanted})$`).test(value) : value === wanted;
    return op.startsWith('!') ? !isMatch : isMatch;
  };
