import { buildRecordingRules } from '../../dashboards/rules/build.ts';
import { labelsBySeries, subjectLabels } from '../../model/catalogue/labels.ts';
import { selectorsOf } from './promql.ts';

/** What Prometheus adds to every series, `cluster` where the scrape configuration has it. */
const OF_TARGET = ['job', 'instance', 'cluster'];

const known = new Map<string, ReadonlySet<string>>(
  Array.from(labelsBySeries, ([name, labels]) => [name, new Set([...OF_TARGET, ...labels])]),
);
// A rule may use those before it.
for (const rule of buildRecordingRules().groups.flatMap(({ rules }) => rules)) {
  if ('record' in rule) known.set(rule.record, labelsOfResult(rule.expr));
}

// Prometheus' series of what fires or is pending, with the labels of the series that an alert is about.
known.set(
  'ALERTS',
  new Set([...['alertname', 'alertstate', 'severity', 'component', ...OF_TARGET], ...subjectLabels]),
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
