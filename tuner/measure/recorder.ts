import { TunerError } from '../errors.ts';
import type { Observation } from './block-means.ts';
import type { Sample } from './figure.ts';

/** A monotonic clock that can be waited on. */
export interface Clock {
  nowMs(): number;
  wait(ms: number): Promise<void>;
}

/** Samples figures at a fixed interval, and keeps all of it. */
export class Recorder {
  readonly everyMs: number;
  readonly #sample: () => Promise<Sample>;
  readonly #clock: Clock;
  readonly #startMs: number;
  readonly #series = new Map<string, Observation[]>();

  constructor(sample: () => Promise<Sample>, everyMs: number, clock: Clock) {
    this.#sample = sample;
    this.everyMs = everyMs;
    this.#clock = clock;
    this.#startMs = clock.nowMs();
  }

  /** Since the recorder was made. */
  nowMs(): number {
    return this.#clock.nowMs() - this.#startMs;
  }

  /** By time. */
  series(name: string): readonly Observation[] {
    return this.#series.get(name) ?? [];
  }

  /**
   * Samples until that time, the last time then: the next stretch need not begin with a sample.
   *
   * @param mustRun a figure of the VM under test; undefined where none has to run.
   * @param onSample called after each sample; it rejects to end the experiment.
   * @throws TunerError TUNE_MEASURE when that VM does not run.
   */
  async until(endMs: number, mustRun?: string, onSample: () => void = () => undefined): Promise<void> {
    let dueMs = this.#series.size === 0 ? this.nowMs() : Math.min(endMs, this.nowMs() + this.everyMs);
    for (; ; dueMs = Math.min(endMs, dueMs + this.everyMs)) {
      if (dueMs > this.nowMs()) await this.#clock.wait(dueMs - this.nowMs());
      const sample = await this.#sample();
      const atMs = this.nowMs();
      for (const [name, reading] of sample) {
        const series = this.#series.get(name) ?? [];
        series.push({ ...reading, atMs });
        this.#series.set(name, series);
      }
      const own = mustRun === undefined ? undefined : sample.get(mustRun);
      if (own !== undefined && own.run === undefined) {
        throw new TunerError('TUNE_MEASURE', 'the VM stopped running during the measurement');
      }
      onSample();
      if (dueMs >= endMs || this.nowMs() >= endMs) return;
    }
  }
}
