import type { HostIdentity, HostSample } from '../../sampler/host-sample.ts';
import type { Sampler } from '../../sampler/sampler.ts';

/** Result of one tick: `missed` if the previous sample was still in flight. */
export type TickOutcome = 'ok' | 'failed' | 'missed';

export interface TickMeter {
  /** @param atMs the timestamp of the sample, if it succeeded */
  countTick(outcome: TickOutcome, atMs?: number): void;
}

/**
 * Receives the samples of a host. `atMs`: their timestamp, a multiple of the interval, so that two senders of one host
 * produce the same.
 */
export interface TickTarget {
  sampled(sample: HostSample, atMs: number): Promise<void>;
  /** @param identity of the host, if known from an earlier sample */
  failed(
    tick: { readonly atMs: number; readonly startMs: number },
    identity: HostIdentity | undefined,
  ): Promise<void>;
}

export interface SamplingLoopParts {
  readonly sampler: Pick<Sampler, 'sample' | 'identity'>;
  readonly target: TickTarget;
  readonly meter: TickMeter;
  readonly intervalMs: number;
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
  /** Monotonic clock, ms; default: `now`. */
  readonly steadyMs?: (() => number) | undefined;
  readonly onFailure: (error: Error) => void;
}

/**
 * Samples one host at each multiple of the interval, and delivers the samples. A scrape at the same time shares the
 * sample in flight. Nothing here waits for a server.
 */
export class SamplingLoop {
  readonly #parts: SamplingLoopParts;
  #timer: NodeJS.Timeout | undefined;
  #tick: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(parts: SamplingLoopParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#schedule(this.#parts.now());
  }

  /** Resolves once a tick in flight is delivered. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#tick;
  }

  /** Aligned to multiples of the interval, so that all hosts tick at the same time. */
  #schedule(afterMs: number): void {
    const { intervalMs, now } = this.#parts;
    const dueMs = (Math.floor(afterMs / intervalMs) + 1) * intervalMs;
    const waitMs = Math.max(0, dueMs - now());
    const dueSteadyMs = this.#steadyMs() + waitMs;
    this.#timer = setTimeout(() => {
      this.#tick = this.#run(dueMs, dueSteadyMs);
    }, waitMs);
  }

  async #run(dueMs: number, dueSteadyMs: number): Promise<void> {
    const { meter, intervalMs, now, onFailure } = this.#parts;
    try {
      await this.tick(this.#stamp(dueMs));
    } catch (error) {
      onFailure(error as Error);
    }
    // Measured on the monotonic clock: a wall clock set forward from 1970 would count millions of missed ticks.
    const missed = Math.floor((this.#steadyMs() - dueSteadyMs) / intervalMs);
    for (let count = 0; count < missed; count++) meter.countTick('missed');
    // After the wall clock was set back, `dueMs` is in the future.
    if (!this.#isStopped) this.#schedule(Math.max(now(), this.#stamp(dueMs)));
  }

  #steadyMs(): number {
    const { now, steadyMs = now } = this.#parts;
    return steadyMs();
  }

  /** Timestamp of a tick: when it was due, or the last multiple of the interval if it runs much later. */
  #stamp(dueMs: number): number {
    const { intervalMs, now } = this.#parts;
    const nowMs = now();
    return Math.abs(nowMs - dueMs) < intervalMs ? dueMs : Math.floor(nowMs / intervalMs) * intervalMs;
  }

  /** One sample. */
  async tick(atMs: number): Promise<void> {
    const { sampler, meter, target, onFailure, now } = this.#parts;
    const startMs = now();
    let sample: HostSample;
    try {
      sample = await sampler.sample();
    } catch (error) {
      meter.countTick('failed');
      onFailure(error as Error);
      await target.failed({ atMs, startMs }, sampler.identity);
      return;
    }
    meter.countTick('ok', atMs);
    await target.sampled(sample, atMs);
  }
}
