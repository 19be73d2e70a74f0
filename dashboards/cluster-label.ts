import { seriesLabels } from '../model/catalogue/labels.ts';
import { ALERT_LABELS } from './promql.ts';

/** The default label of a host's cluster, used in all sources here. */
export const CLUSTER_LABEL = 'cluster';

/** Labels of series and alerts that do not come from the scrape configuration, or that identify a target. */
const TAKEN: ReadonlySet<string> = new Set([...seriesLabels, ...ALERT_LABELS, 'job', 'instance', 'quantile']);

/** Why a label cannot name a host's cluster; undefined if it can. */
export function clusterLabelFault(label: string): string | undefined {
  if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(label)) return 'a label name has letters, digits and _ only';
  if (label.startsWith('__')) return 'Prometheus removes labels that begin with __ before it stores a series';
  if (TAKEN.has(label)) return 'series or alerts of virtune have this label with another meaning';
  return undefined;
}

/**
 * Matches the label in a selector, a `by` or an `on`; not the variable `$cluster`, nor a recorded `cluster:...`.
 * Strings are matched whole, to be kept unchanged: the value of a site's label may contain the word.
 */
const IN_PROMQL = /"(?:[^"\\]|\\.)*"|(?<![\w$:])cluster(?![\w:])/g;
/** In Go templates of alerts and their queries, in legends, and in Grafana links. */
const IN_TEXT = /(\$labels\.|__field\.labels\.|__data\.fields\.|\{\{|[{ ](?=cluster=%q))cluster\b/g;

const PROMQL = new Set(['expr', 'query']);
/** Properties whose value is an object keyed by label, or a list of labels. */
const BY_LABEL = new Set(['indexByName']);
const OF_LABELS = new Set(['group_by', 'equal']);

/**
 * Renames the label `cluster` in rules, Alertmanager's configuration or a dashboard, for a site that uses another
 * label. The dashboards' variable `$cluster` and names of recorded series are unchanged.
 */
export function withClusterLabel<T>(content: T, label: string): T {
  return label === CLUSTER_LABEL ? content : (renamed(content, label, '') as T);
}

function renamed(value: unknown, label: string, key: string): unknown {
  if (typeof value === 'string') {
    if (OF_LABELS.has(key) && value === CLUSTER_LABEL) return label;
    return PROMQL.has(key)
      ? value.replaceAll(IN_PROMQL, (found) => (found === CLUSTER_LABEL ? label : found))
      : value.replaceAll(IN_TEXT, (_, before: string) => before + label);
  }
  if (Array.isArray(value)) return value.map((each) => renamed(each, label, key));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [
      BY_LABEL.has(key) && name === CLUSTER_LABEL ? label : name,
      renamed(each, label, name),
    ]),
  );
}
