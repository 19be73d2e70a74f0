import { catalogue } from './catalogue.ts';
import { compatGroups } from './compat.ts';
import { elasticsearchMetrics } from './elasticsearch.ts';
import { exporterMetrics } from './exporter.ts';
import { SUBJECT_LABELS, type Subjects } from './metric.ts';
import { neighbourMetrics } from './neighbours.ts';

interface Labelled {
  readonly name: string;
  readonly type: string;
  readonly per?: string;
  readonly labels?: readonly string[] | Readonly<Record<string, unknown>>;
}

/** By series, the labels that virtune sets; `job`, `instance` and `cluster` are added by Prometheus. */
export const labelsBySeries: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  (
    [
      ...catalogue,
      ...Object.values(exporterMetrics),
      ...Object.values(elasticsearchMetrics),
      ...neighbourMetrics,
    ] as readonly Labelled[]
  ).flatMap((metric): [string, ReadonlySet<string>][] => {
    const labels = labelsOf(metric);
    return metric.type === 'histogram'
      ? ['bucket', 'sum', 'count'].map((part) => [`${metric.name}_${part}`, new Set([...labels, 'le'])])
      : [[metric.name, new Set(labels)]];
  }),
);

/** All labels that virtune sets on any series, including series named as in other exporters. */
export const seriesLabels: ReadonlySet<string> = new Set([
  ...[...labelsBySeries.values()].flatMap((labels) => [...labels]),
  ...Object.values(compatGroups).flatMap(({ metrics }) => (metrics as readonly Labelled[]).flatMap(labelsOf)),
]);

/** Labels of the subjects that metrics are read from: VMs and their devices, cells, pools. */
export const subjectLabels: ReadonlySet<string> = new Set(Object.values(SUBJECT_LABELS).flat());

function labelsOf({ per = '', labels = [] }: Labelled): string[] {
  const subject = SUBJECT_LABELS[per as keyof Subjects] ?? [];
  return [...subject, ...(Array.isArray(labels) ? labels : Object.keys(labels))];
}
