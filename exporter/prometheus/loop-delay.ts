import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Gauge, type Registry } from 'prom-client';

/** Interval of the timer whose lateness is measured. */
const RESOLUTION_MS = 10;
const PERCENTILES = [50, 90, 99];

/**
 * Event loop lag while scrapes are served. Not between them: a timer every 10 ms costs ten times as much as an idle
 * exporter does otherwise, and percentiles over idle time say little.
 */
export class LoopDelay {
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #underWay = 0;

  /** Registers the gauges under prom-client's names; each collection covers the time since the previous one. */
  constructor(registry: Registry) {
    const histogram = this.#histogram;
    const gauge = (what: string, help: string, collect?: () => void): Gauge =>
      new Gauge({
        name: `nodejs_eventloop_lag_${what}_seconds`,
        help: `${help} of how late timers fire while scrapes are answered.`,
        registers: [registry],
        ...(collect !== undefined && { collect }),
      });
    // prom-client collects in order of registration: the first gauge sets all.
    const max = gauge('max', 'Maximum', () => {
      if (histogram.count === 0) return;
      max.set(lateSeconds(histogram.max));
      mean.set(lateSeconds(histogram.mean));
      for (const [percentile, each] of percentiles) each.set(lateSeconds(histogram.percentile(percentile)));
      histogram.reset();
    });
    const mean = gauge('mean', 'Mean');
    const percentiles = PERCENTILES.map(
      (percentile) => [percentile, gauge(`p${percentile}`, `${percentile}th percentile`)] as const,
    );
  }

  /** Measures until `work` is done. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    if (this.#underWay++ === 0) this.#histogram.enable();
    try {
      return await work();
    } finally {
      if (--this.#underWay === 0) this.#histogram.disable();
    }
  }
}

/** The histogram records the time between two firings. */
function lateSeconds(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1_000);
}
