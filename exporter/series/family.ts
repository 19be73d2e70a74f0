import type { HistogramPoint, Subjects } from '../../model/catalogue/metric.ts';

export interface FamilyMetric {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'info' | 'histogram';
  readonly help: string;
  /** What it is read from: a kind of subject, or the process. */
  readonly per: keyof Subjects | 'process';
}

export type VisitSeries<L> = (labels: L, value: number) => void;
export type VisitHistogram<L> = (labels: L, point: HistogramPoint) => void;

/**
 * What the series of a family are read from, in parts, so that the event loop gets a turn in between. With callbacks:
 * iterator results and a pair for each of 100,000 series would be 12 MB of garbage.
 */
export interface Source<V> {
  /** Number of subjects; each has any number of series. */
  readonly subjects: number;
  /** Calls `visit` for each series of the subjects `from` (inclusive) to `to` (exclusive), in order. */
  read(visit: V, from: number, to: number): void;
}

/** All series of one name, possibly none. What the sample lacks has no series: never a false zero. */
export type Family<L> =
  | { readonly metric: FamilyMetric; readonly series: Source<VisitSeries<L>> }
  | { readonly metric: FamilyMetric; readonly histograms: Source<VisitHistogram<L>> };

/** A source that applies `read` to each of `subjects`. */
export function sourceOf<T, V>(subjects: readonly T[], read: (subject: T, visit: V) => void): Source<V> {
  return {
    subjects: subjects.length,
    read(visit, from, to) {
      for (let index = from; index < to; index++) read(subjects[index] as T, visit);
    },
  };
}

/** A family with one series. */
export function single<L>(metric: FamilyMetric, labels: L, value: number): Family<L> {
  return { metric, series: { subjects: 1, read: (visit) => visit(labels, value) } };
}
