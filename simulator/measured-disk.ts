import type { DiskMeasures, DiskOperation } from './vm-facts.ts';

/** Requests of a disk in one time step. */
export interface DiskStep {
  readonly atMs: number;
  readonly stepMs: number;
  /** Number of requests and duration of each, ns. */
  readonly requests: Readonly<
    Partial<Record<DiskOperation, { readonly count: number; readonly ns: number }>>
  >;
}

export interface WindowFigures {
  readonly minNs: number;
  readonly maxNs: number;
  readonly averageNs: number;
  /** Requests in flight, on average over the window. */
  readonly queueDepth: number;
}

/** Latency windows and histograms of a disk, as in QEMU (block/accounting.c); empty when its XML requests none. */
export class MeasuredDisk {
  readonly #measures: DiskMeasures;
  readonly #counts = new Map<DiskOperation, number[]>();
  #steps: DiskStep[] = [];

  constructor(measures: DiskMeasures) {
    this.#measures = measures;
    for (const [operation, starts] of measures.binsNs)
      this.#counts.set(
        operation,
        starts.map(() => 0),
      );
  }

  get isWanted(): boolean {
    return this.#measures.windowsSeconds.length > 0 || this.#measures.binsNs.size > 0;
  }

  add(step: DiskStep): void {
    const { windowsSeconds, binsNs } = this.#measures;
    for (const [operation, starts] of binsNs) {
      const { count = 0, ns = 0 } = step.requests[operation] ?? {};
      const counts = this.#counts.get(operation);
      const bin = starts.findLastIndex((start) => start <= ns);
      if (counts !== undefined && bin >= 0) counts[bin] = (counts[bin] ?? 0) + count;
    }
    if (windowsSeconds.length === 0) return;
    const from = step.atMs - Math.max(...windowsSeconds) * 1_000;
    this.#steps = [...this.#steps.filter(({ atMs }) => atMs > from), step];
  }

  /** Requests per bin, in order. */
  bins(operation: DiskOperation): readonly number[] {
    return this.#counts.get(operation) ?? [];
  }

  /** Figures of the last `seconds`; all are 0 without requests, as in QEMU. */
  window(seconds: number, operation: DiskOperation): WindowFigures {
    const until = this.#steps.at(-1)?.atMs ?? 0;
    const steps = this.#steps.filter(({ atMs }) => atMs > until - seconds * 1_000);
    let [count, sumNs, minNs, maxNs] = [0, 0, Number.POSITIVE_INFINITY, 0];
    for (const { requests } of steps) {
      const done = requests[operation];
      if (done === undefined || done.count === 0) continue;
      count += done.count;
      sumNs += done.count * done.ns;
      minNs = Math.min(minNs, done.ns);
      maxNs = Math.max(maxNs, done.ns);
    }
    const lengthMs = steps.reduce((sum, { stepMs }) => sum + stepMs, 0);
    if (count === 0) return { minNs: 0, maxNs: 0, averageNs: 0, queueDepth: 0 };
    return { minNs, maxNs, averageNs: sumNs / count, queueDepth: sumNs / (lengthMs * 1e6) };
  }
}
