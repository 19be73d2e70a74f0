import type { HostIdentity, HostSample } from '../../sampler/host-sample.ts';
import type { Sampler } from '../../sampler/sampler.ts';

/** How a sample of a host went: `missed` where the one before it was still under way. */
export type TickOutcome = 'ok' | 'failed' | 'missed';

export interface TickMeter {
  /** @param atMs the moment that the sample was for, where it succeeded */
  countTick(outcome: TickOutcome, atMs?: number): void;
}

/**
 * Takes the samples of a host. `atMs`: the time for which they count, a multiple of the interval: two senders of one host
 * make the same of it.
 */
export interface TickTarget {
  sampled(sample: HostSample, atMs: number): Promise<void>;
  /** @param identity which host it is, where that is known from before */
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
  /** A clock that is never set, ms; default: `now`. */
  readonly steadyMs?: (() => number) | undefined;
  readonly onFailure: (error: Error) => void;
}

/**
 * Samples one host at each multiple of the interval, and delivers the samples. A scrape that asks while such a
 * sample is under way gets the same one. Nothing here waits for a server.
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

  /** Resolves once a tick that is under way is delivered. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#tick;
  }

  /** The multiples of the interval, so that ticks of all hosts are at the same moments. */
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
    // A clock that was set ahead has missed none: set from 1970, these would be millions.
    const missed = Math.floor((this.#steadyMs() - dueSteadyMs) / intervalMs);
    for (let count = 0; count < missed; count++) meter.countTick('missed');
    // A clock that was set back leaves `dueMs` in the future.
    if (!this.#isStopped) this.#schedule(Math.max(now(), this.#stamp(dueMs)));
  }

  #steadyMs(): number {
    const { now, steadyMs = now } = this.#parts;
    return steadyMs();
  }

  /** The moment that a tick is for: when it was due, or the latest one that has passed, where it comes much later. */
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
