import type { HostSample } from '../../sampler/host-sample.ts';
import type { Sampler } from '../../sampler/sampler.ts';
import type { Document, Documents } from './documents.ts';
import { metricbeatEvents } from './metricbeat.ts';

/** How a sample of a host went: `missed` where the one before it was still under way. */
export type TickOutcome = 'ok' | 'failed' | 'missed';

export interface TickMeter {
  /** @param atMs the moment that the sample was for, where it succeeded */
  countTick(outcome: TickOutcome, atMs?: number): void;
}

/** Takes the documents of one tick of a host. */
export type Deliver = (
  tick: { readonly hostId: string; readonly atMs: number },
  documents: Iterable<Document>,
) => Promise<void>;

export interface SamplingLoopParts {
  readonly sampler: Pick<Sampler, 'sample' | 'identity'>;
  readonly documents: Documents;
  readonly deliver: Deliver;
  readonly meter: TickMeter;
  readonly metricbeatCompat: boolean;
  readonly intervalMs: number;
  readonly now: () => number;
  readonly onFailure: (error: Error) => void;
}

/**
 * Samples one host at each multiple of the interval, and delivers the documents. A scrape that asks while such a
 * sample is under way gets the same one. Nothing here waits for the search server.
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
    this.#timer = setTimeout(
      () => {
        this.#tick = this.#run(dueMs);
      },
      Math.max(0, dueMs - now()),
    );
  }

  async #run(dueMs: number): Promise<void> {
    const { meter, intervalMs, now, onFailure } = this.#parts;
    try {
      await this.tick(this.#stamp(dueMs));
    } catch (error) {
      onFailure(error as Error);
    }
    const missed = Math.floor((now() - dueMs) / intervalMs);
    for (let count = 0; count < missed; count++) meter.countTick('missed');
    // A clock that was set back leaves `dueMs` in the future.
    if (!this.#isStopped) this.#schedule(Math.max(now(), this.#stamp(dueMs)));
  }

  /** The moment that a tick is for: when it was due, or the latest one that has passed, where it comes much later. */
  #stamp(dueMs: number): number {
    const { intervalMs, now } = this.#parts;
    const nowMs = now();
    return Math.abs(nowMs - dueMs) < intervalMs ? dueMs : Math.floor(nowMs / intervalMs) * intervalMs;
  }

  /**
   * One sample, as documents.
   * @param atMs the time in its documents, a multiple of the interval: two senders of one host make the same documents
   */
  async tick(atMs: number): Promise<void> {
    const { sampler, meter, documents, onFailure, now } = this.#parts;
    const startMs = now();
    let sample: HostSample;
    try {
      sample = await sampler.sample();
    } catch (error) {
      meter.countTick('failed');
      onFailure(error as Error);
      await this.#deliver(atMs, documents.ofFailure(atMs, startMs, sampler.identity), sampler.identity);
      return;
    }
    meter.countTick('ok', atMs);
    await this.#deliver(atMs, this.#all(sample, atMs), sample.identity);
  }

  *#all(sample: HostSample, atMs: number): ReturnType<Documents['of']> {
    const { documents, metricbeatCompat } = this.#parts;
    yield* documents.of(sample, atMs);
    const head = documents.head(atMs, sample.identity);
    if (metricbeatCompat && head !== undefined) yield* metricbeatEvents(sample, head);
  }

  async #deliver(
    atMs: number,
    documents: Iterable<Document>,
    identity: HostSample['identity'],
  ): Promise<void> {
    const hostId = this.#parts.documents.hostId(identity);
    if (hostId !== undefined) await this.#parts.deliver({ hostId, atMs }, documents);
  }
}
