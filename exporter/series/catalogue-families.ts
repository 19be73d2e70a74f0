import type {
  About,
  Figure,
  FigureSet,
  Group,
  HistogramSet,
  Info,
  PeerLabels,
  SubjectMetric,
  Subjects,
} from '../../model/catalogue/metric.ts';
import { type Family, type Source, sourceOf, type VisitHistogram, type VisitSeries } from './family.ts';
import type { LabelFormat } from './label-format.ts';
import type { AllLabelled, Labelled } from './subjects.ts';

/** A label and what is in it. */
interface LabelReader<T> {
  readonly name: string;
  readonly read: (subject: T) => string | undefined;
}
type LabelReaders<T> = readonly LabelReader<T>[];

/** The families of the metrics of `groups`, in order. @param peerGroups add labels to series of other groups */
export function* catalogueFamilies<L>(
  groups: readonly Group[],
  peerGroups: readonly Group[],
  format: LabelFormat<L>,
  all: AllLabelled<L>,
): Generator<Family<L>> {
  const peers = peerLabelsByName(peerGroups);
  for (const group of groups) {
    for (const metric of group.metrics as readonly SubjectMetric[]) {
      // `per` ties a metric to what it reads; TypeScript does not follow that through a union.
      yield metric.type === 'histogram'
        ? { metric, histograms: histogramsOf(metric as never, format, all) }
        : { metric, series: seriesOf(metric as never, format, all, peers.get(metric.name)) };
    }
  }
}

/** Several exporters may add labels to one series; a label that two of them add appears once. */
function peerLabelsByName(groups: readonly Group[]): ReadonlyMap<string, LabelReaders<About>> {
  const found = new Map<string, PeerLabels['labels']>();
  for (const { names, labels } of groups.flatMap((group) => group.peerLabels ?? [])) {
    for (const name of names) found.set(name, { ...found.get(name), ...labels });
  }
  return new Map([...found].map(([name, labels]) => [name, readersOf(labels)]));
}

function seriesOf<K extends keyof Subjects, L>(
  metric: Figure<K> | FigureSet<K> | Info<K>,
  format: LabelFormat<L>,
  all: AllLabelled<L>,
  peer: LabelReaders<About> | undefined,
): Source<VisitSeries<L>> {
  const labelsOf = ({ labels, about }: Labelled<Subjects[K], L>): L =>
    peer === undefined || about === undefined ? labels : withReaders(format, labels, peer, about);
  const subjects: readonly Labelled<Subjects[K], L>[] = all[metric.per];
  if ('read' in metric) {
    return sourceOf(subjects, (labelled, visit) => {
      const value = metric.read(labelled.subject);
      if (value !== undefined) visit(labelsOf(labelled), value);
    });
  }
  if ('points' in metric) {
    return sourceOf(subjects, (labelled, visit) => {
      const { subject } = labelled;
      if (metric.when?.(subject) === false) return;
      for (const [values, value] of metric.points(subject)) {
        visit(withValues(format, labelsOf(labelled), metric.labels, values), value);
      }
    });
  }
  const readers = readersOf(metric.labels);
  return sourceOf(subjects, (labelled, visit) => {
    const { subject } = labelled;
    if (metric.when?.(subject) === false) return;
    let labels = withReaders(format, labelsOf(labelled), readers, subject);
    for (const [name, value] of metric.more?.(subject) ?? []) labels = format.with(labels, name, value);
    visit(labels, 1);
  });
}

function histogramsOf<K extends keyof Subjects, L>(
  metric: HistogramSet<K>,
  format: LabelFormat<L>,
  all: AllLabelled<L>,
): Source<VisitHistogram<L>> {
  const subjects: readonly Labelled<Subjects[K], L>[] = all[metric.per];
  return sourceOf(subjects, ({ labels, subject }, visit) => {
    for (const point of metric.histograms(subject)) {
      visit(withValues(format, labels, metric.labels, point.values), point);
    }
  });
}

function readersOf<T>(labels: Readonly<Record<string, LabelReader<T>['read']>>): LabelReaders<T> {
  return Object.entries(labels).map(([name, read]) => ({ name, read }));
}

function withReaders<T, L>(format: LabelFormat<L>, labels: L, readers: LabelReaders<T>, subject: T): L {
  let all = labels;
  for (const { name, read } of readers) {
    const value = read(subject);
    if (value !== undefined) all = format.with(all, name, value);
  }
  return all;
}

function withValues<L>(
  format: LabelFormat<L>,
  labels: L,
  names: readonly string[],
  values: readonly string[],
): L {
  let all = labels;
  for (let index = 0; index < names.length; index++) {
    all = format.with(all, names[index] as string, values[index] ?? '');
  }
  return all;
}
