import type { InstantSeries } from '../../../sampler/prometheus/prometheus.ts';
import type { Labels } from './storage.ts';

/** Current series of one host or one VM, by name. */
export class Snapshot {
  readonly #series = new Map<string, InstantSeries[]>();

  add(series: InstantSeries): void {
    const { __name__: name = '' } = series.labels;
    const of = this.#series.get(name);
    if (of === undefined) this.#series.set(name, [series]);
    else of.push(series);
  }

  /** The value of the series with these labels; undefined where there is none, or it is not a number. */
  value(name: string, labels: Labels = {}): number | undefined {
    const found = this.#all(name).find((series) =>
      Object.entries(labels).every(([label, value]) => series.labels[label] === value),
    );
    return found === undefined || !Number.isFinite(found.value) ? undefined : found.value;
  }

  /** Labels of all series of that name. */
  labels(name: string): Labels[] {
    return this.#all(name).map(({ labels }) => labels);
  }

  /** Labels of the series of that name whose value is 1, for state metrics. */
  states(name: string): Labels[] {
    return this.#all(name)
      .filter(({ value }) => value === 1)
      .map(({ labels }) => labels);
  }

  /** All values of that name. */
  values(name: string, labels: Labels = {}): number[] {
    return this.#all(name)
      .filter((series) => Object.entries(labels).every(([label, value]) => series.labels[label] === value))
      .map(({ value }) => value)
      .filter(Number.isFinite);
  }

  #all(name: string): readonly InstantSeries[] {
    return this.#series.get(name) ?? [];
  }
}
