import { groups } from '../../model/catalogue/catalogue.ts';
import { compatGroups } from '../../model/catalogue/compat.ts';
import type { Group, HistogramPoint, Point, Subjects } from '../../model/catalogue/metric.ts';

interface AnyMetric {
  readonly per: string;
  readonly name: string;
  readonly labels?: readonly string[] | Readonly<Record<string, (subject: unknown) => string | undefined>>;
  read?(subject: unknown): number | undefined;
  points?(subject: unknown): Iterable<Point>;
  when?(subject: unknown): boolean;
  more?(subject: unknown): ReadonlyMap<string, string>;
  histograms?(subject: unknown): Iterable<HistogramPoint>;
}

/** Series of all metrics of one kind of subject, a line each: `name{label="value"} figure`. */
export function seriesOf<K extends keyof Subjects>(per: K, subject: Subjects[K]): string[] {
  const all: readonly Group[] = [...groups, ...Object.values(compatGroups)];
  const metrics = all.flatMap((group) => group.metrics as readonly AnyMetric[]);
  return metrics
    .filter((metric) => metric.per === per)
    .flatMap((metric) => pointsOf(metric, subject).map((labels) => `${metric.name}${labels}`));
}

function pointsOf(metric: AnyMetric, subject: unknown): string[] {
  const { labels = [] } = metric;
  if (metric.read !== undefined) {
    const value = metric.read(subject);
    return value === undefined ? [] : [` ${value}`];
  }
  if (metric.points !== undefined) {
    const names = Array.isArray(labels) ? labels : [];
    return [...metric.points(subject)].map(([values, value]) => `${labelled(names, values)} ${value}`);
  }
  if (metric.histograms !== undefined)
    return [...metric.histograms(subject)].map((each) => JSON.stringify(each));
  if (metric.when?.(subject) === false) return [];
  const known = [
    ...Object.entries(labels).map(
      ([name, of]) => [name, typeof of === 'function' ? of(subject) : undefined] as const,
    ),
    ...(metric.more?.(subject) ?? []),
  ].filter(([, value]) => value !== undefined);
  return [
    labelled(
      known.map(([name]) => name),
      known.map(([, value]) => value ?? ''),
    ),
  ];
}

function labelled(names: readonly string[], values: readonly string[]): string {
  return `{${values.map((value, index) => `${names[index]}="${value}"`).join(', ')}}`;
}
