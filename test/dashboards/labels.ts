import { buildRecordingRules } from '../../dashboards/rules/build.ts';
import { catalogue } from '../../model/catalogue/catalogue.ts';
import { elasticsearchMetrics } from '../../model/catalogue/elasticsearch.ts';
import { exporterMetrics } from '../../model/catalogue/exporter.ts';
import { SUBJECT_LABELS, type Subjects } from '../../model/catalogue/metric.ts';
import { neighbourMetrics } from '../../model/catalogue/neighbours.ts';
import { selectorsOf } from './promql.ts';

/** What Prometheus adds to every series, `cluster` where the scrape configuration has it. */
const OF_TARGET = ['job', 'instance', 'cluster'];

interface Labelled {
  readonly name: string;
  readonly type: string;
  readonly per?: string;
  readonly labels?: readonly string[] | Readonly<Record<string, unknown>>;
}

const known = new Map<string, ReadonlySet<string>>();
for (const metric of [
  ...catalogue,
  ...Object.values(exporterMetrics),
  ...Object.values(elasticsearchMetrics),
  ...neighbourMetrics,
] as readonly Labelled[]) {
  const { name, type, per = '', labels = [] } = metric;
  const subject = SUBJECT_LABELS[per as keyof Subjects] ?? [];
  const own = Array.isArray(labels) ? labels : Object.keys(labels);
  const all = [...OF_TARGET, ...subject, ...own];
  if (type !== 'histogram') known.set(name, new Set(all));
  else for (const part of ['bucket', 'sum', 'count']) known.set(`${name}_${part}`, new Set([...all, 'le']));
}
// A rule may use those before it.
for (const rule of buildRecordingRules().groups.flatMap(({ rules }) => rules)) {
  if ('record' in rule) known.set(rule.record, labelsOfResult(rule.expr));
}

// Prometheus' series of what fires or is pending, with the labels of the series that an alert is about.
known.set(
  'ALERTS',
  new Set([
    ...['alertname', 'alertstate', 'severity', 'component', ...OF_TARGET],
    ...Object.values(SUBJECT_LABELS).flat(),
  ]),
);

/** The labels that a series of this name may have; undefined where none is exported or recorded. */
export const labelsOf = (name: string): ReadonlySet<string> | undefined => known.get(name);

/** At most: what its selectors have, without those that an aggregation drops. */
function labelsOfResult(expr: string): ReadonlySet<string> {
  const all = new Set(selectorsOf(expr).flatMap(({ name = '' }) => [...(known.get(name) ?? [])]));
  const lists = (word: string): string[] =>
    [...expr.matchAll(new RegExp(`\\b${word} \\(([^)]*)\\)`, 'g'))].flatMap(([, list = '']) =>
      list.split(/, */),
    );
  const by = lists('by');
  for (const label of lists('without')) all.delete(label);
  return by.length === 0 ? all : new Set(by);
}
