import { buildRecordingRules } from '../../dashboards/rules/build.ts';
import { labelsBySeries, subjectLabels } from '../../model/catalogue/labels.ts';
import { selectorsOf } from './promql.ts';

/** Labels that Prometheus adds to every series, `cluster` if the scrape configuration sets it. */
const OF_TARGET = ['job', 'instance', 'cluster'];

const known = new Map<string, ReadonlySet<string>>(
  Array.from(labelsBySeries, ([name, labels]) => [name, new Set([...OF_TARGET, ...labels])]),
);
// A rule may use the series recorded before it.
for (const rule of buildRecordingRules().groups.flatMap(({ rules }) => rules)) {
  if ('record' in rule) known.set(rule.record, labelsOfResult(rule.expr));
}

// Prometheus' own series of pending and firing alerts, with the labels of an alert's subject.
known.set(
  'ALERTS',
  new Set([...['alertname', 'alertstate', 'severity', 'component', ...OF_TARGET], ...subjectLabels]),
);

/** The labels that a series of this name may have; undefined if it is neither exported nor recorded. */
export const labelsOf = (name: string): ReadonlySet<string> | undefined => known.get(name);

/** An upper bound: the labels of its selectors, without those that an aggregation drops. */
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
