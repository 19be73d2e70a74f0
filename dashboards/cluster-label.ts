import { seriesLabels } from '../model/catalogue/labels.ts';
import { ALERT_LABELS } from './promql.ts';

/** The label that names a host's cluster in what is declared here. */
export const CLUSTER_LABEL = 'cluster';

/** Labels that series and alerts have from others than the scrape configuration, or that name a target itself. */
const TAKEN: ReadonlySet<string> = new Set([...seriesLabels, ...ALERT_LABELS, 'job', 'instance', 'quantile']);

/** Why a label cannot be the one that names a host's cluster; undefined where it can. */
export function clusterLabelFault(label: string): string | undefined {
  if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(label)) return 'a label name has letters, digits and _ only';
  if (label.startsWith('__')) return 'Prometheus removes labels that begin with __ before it stores a series';
  if (TAKEN.has(label)) return 'series or alerts of virtune have this label with another meaning';
  return undefined;
}

/**
 * A label of a selector, a `by` or an `on`; not the variable `$cluster`, not a recorded `cluster:...`. A string is matched as
 * a whole, to be left as it is: the value of a site's own label may have the word.
 */
const IN_PROMQL = /"(?:[^"\\]|\\.)*"|(?<![\w$:])cluster(?![\w:])/g;
/** In Go's templates of alerts and the queries in them, in legends, and in links of Grafana. */
const IN_TEXT = /(\$labels\.|__field\.labels\.|__data\.fields\.|\{\{|[{ ](?=cluster=%q))cluster\b/g;

const PROMQL = new Set(['expr', 'query']);
/** Objects by the names of labels, and lists of them. */
const BY_LABEL = new Set(['indexByName']);
const OF_LABELS = new Set(['group_by', 'equal']);

/**
 * Rules, Alertmanager's configuration or a dashboard for a site whose hosts have another label in the place of
 * `cluster`. The variable `$cluster` of the dashboards and the names of recorded series stay as they are.
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
