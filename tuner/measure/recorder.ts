import { TunerError } from '../errors.ts';
import type { Observation } from './block-means.ts';
import type { Reading, Sample } from './figure.ts';

/** A monotonic clock that can be waited on. */
export interface Clock {
  nowMs(): number;
  wait(ms: number): Promise<void>;
}

/** What must keep running while something is measured. */
export interface MustRun {
  /** A figure of the VM under test; its readings have the id of the run. */
  readonly figure: string;
  /** For the reason, as in `the VM stopped running in block 3 of 16`. */
  readonly during: string;
}

export const IN_BASELINE = 'in the baseline';

/** Samples figures at a fixed interval, and keeps all samples. */
export class Recorder {
  readonly everyMs: number;
  readonly #sample: () => Promise<Sample>;
  readonly #clock: Clock;
  readonly #startMs: number;
  readonly #series = new Map<string, Observation[]>();
  /** Of the VM under test. */
  #run: number | undefined;

  constructor(sample: () => Promise<Sample>, everyMs: number, clock: Clock) {
    this.#sample = sample;
    this.everyMs = everyMs;
    this.#clock = clock;
    this.#startMs = clock.nowMs();
  }

  /** Since the recorder was created. */
  nowMs(): number {
    return this.#clock.nowMs() - this.#startMs;
  }

  /** In order of time. */
  series(name: string): readonly Observation[] {
    return this.#series.get(name) ?? [];
  }

  /**
   * Samples until `endMs`, with a last sample at that time: the next stretch need not begin with one.
   *
   * @param mustRun undefined if no VM has to run.
   * @param onSample called after each sample; throws to end the experiment.
   * @throws TunerError TUNE_MEASURE when that VM does not run, or is in another run than before.
   */
  async until(endMs: number, mustRun?: MustRun, onSample: () => void = () => undefined): Promise<void> {
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
      if (mustRun !== undefined) this.#checkRun(sample.get(mustRun.figure), mustRun);
      onSample();
      if (dueMs >= endMs || this.nowMs() >= endMs) return;
    }
  }

  /** For a restart that is part of the measurement: the next sample may be of another run. */
  expectNewRun(): void {
    this.#run = undefined;
  }

  /** A missing reading proves nothing. */
  #checkRun(own: Reading | undefined, { during }: MustRun): void {
    if (own === undefined) return;
    const { run, missing } = own;
    if (run === undefined) {
      const why = missing === undefined ? '' : `: ${missing}`;
      throw new TunerError('TUNE_MEASURE', `the VM stopped running ${during}${why}`);
    }
    if (this.#run !== undefined && run !== this.#run) {
      throw new TunerError('TUNE_MEASURE', `the VM was restarted ${during}`);
    }
    this.#run = run;
  }
}
