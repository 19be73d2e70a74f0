import { setTimeout as sleep } from 'node:timers/promises';
import { textWithCode } from '../../model/virtune-error.ts';
import type { RepeatFilter } from '../repeat-filter.ts';
import { Backoff } from './backoff.ts';
import type { DiskQueue } from './queue.ts';

/** Why a server did not take what was sent. */
export interface DrainFailure {
  /** `busy`: retry over the same connection. */
  readonly outcome: string;
  readonly error: Error;
  readonly retryAfterMs?: number | undefined;
}

/**
 * `again`: nothing that was taken will be sent from here, and the queue may have more; `empty`: nothing to take now.
 */
export type Filled = 'filled' | 'again' | 'empty';

/** `again`: the next request may differ, and is sent without a pause. */
export type Shipped = 'accepted' | 'again' | DrainFailure;

export interface QueueDrainParts {
  readonly queue: Pick<DiskQueue, 'state' | 'onAppend'>;
  /** Takes from the queue. */
  readonly fill: () => Promise<Filled>;
  /** Sends some of what was taken: one request. */
  readonly ship: (signal: AbortSignal) => Promise<Shipped>;
  /** Drops connections, credentials and what is known about the server: another one may answer next time. */
  readonly forget: () => Promise<void>;
  /** Logged on recovery, followed by how long it failed: `the server accepts documents`. */
  readonly accepts: string;
  readonly repeats: RepeatFilter;
  readonly log: (message: string) => void;
  readonly random: () => number;
  /** Resolves after this time, or at once when aborted. Default: sleeps. */
  readonly wait?: ((ms: number, signal: AbortSignal) => Promise<void>) | undefined;
}

/** Drains a queue into a server: one request at a time, with exponential backoff after failures. */
export class QueueDrain {
  readonly #parts: QueueDrainParts;
  readonly #stopping = new AbortController();
  readonly #backoff: Backoff;
  #failingSinceMs: number | undefined;
  /** Whether something came into the queue since `fill` last began. */
  #hasNews = false;
  /** Waiting for the queue to get more. */
  #isWaiting = false;
  #wake: () => void = () => undefined;
  #done: Promise<void> | undefined;

  constructor(parts: QueueDrainParts) {
    this.#parts = parts;
    this.#backoff = new Backoff(parts.random);
  }

  /** No-op if already started. */
  start(): void {
    this.#parts.queue.onAppend = () => {
      this.#hasNews = true;
      this.#wake();
    };
    this.#done ??= this.#run();
  }

  /** Keeps sending until the queue is empty or the time is up, then ends; what is left stays in the queue. */
  async stop(graceMs: number): Promise<void> {
    const untilMs = performance.now() + graceMs;
    const { queue, forget } = this.#parts;
    const isGoing = (): boolean =>
      queue.state.documents > 0 && this.#failingSinceMs === undefined && (this.#hasNews || !this.#isWaiting);
    while (isGoing() && performance.now() < untilMs) await sleep(20);
    this.#stopping.abort();
    this.#wake();
    await this.#done;
    await forget();
  }

  async #run(): Promise<void> {
    const { fill, ship } = this.#parts;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        this.#hasNews = false;
        const filled = await fill();
        if (filled === 'empty') await this.#untilMore();
        if (filled !== 'filled') continue;
        const result = await ship(signal);
        if (result === 'accepted') this.#succeeded();
        else if (result !== 'again') await this.#failed(result);
      } catch (error) {
        // A disk error, since nothing else throws here. It says nothing about the server.
        await this.#failed({ outcome: 'error', error: error as Error });
      }
    }
  }

  /**
   * Does not look at the number of queued documents: a record damaged on disk counts as waiting until a later record
   * shows that it is lost, and looking again would not change that.
   */
  async #untilMore(): Promise<void> {
    const more = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    // Something may have been appended since `fill` looked.
    if (this.#hasNews || this.#stopping.signal.aborted) return;
    this.#isWaiting = true;
    await more;
    this.#isWaiting = false;
  }

  #succeeded(): void {
    const { log, accepts, repeats } = this.#parts;
    this.#backoff.reset();
    if (this.#failingSinceMs === undefined) return;
    const seconds = Math.round((performance.now() - this.#failingSinceMs) / 1_000);
    this.#failingSinceMs = undefined;
    log(`${accepts} again after ${seconds} s`);
    repeats.reset();
  }

  async #failed({ error, outcome, retryAfterMs }: DrainFailure): Promise<void> {
    const { forget, repeats, wait = waitFor } = this.#parts;
    const { signal } = this.#stopping;
    if (signal.aborted) return;
    this.#failingSinceMs ??= performance.now();
    if (outcome !== 'busy') await forget();
    repeats.log(textWithCode(error, '; virtune retries'));
    await wait(this.#backoff.next(retryAfterMs), signal);
  }
}

async function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
