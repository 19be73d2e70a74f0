import { setTimeout as sleep } from 'node:timers/promises';
import { textWithCode } from '../../model/virtune-error.ts';
import type { RepeatFilter } from '../repeat-filter.ts';
import { Backoff } from './backoff.ts';
import type { DiskQueue } from './queue.ts';

/** Why a server did not take what was sent. */
export interface DrainFailure {
  /** `busy`: it can be asked again over the same connection. */
  readonly outcome: string;
  readonly error: Error;
  readonly retryAfterMs?: number | undefined;
}

/** `again`: the next request may be different, and is sent at once. */
export type Shipped = 'accepted' | 'again' | DrainFailure;

export interface QueueDrainParts {
  readonly queue: Pick<DiskQueue, 'state' | 'onAppend'>;
  /** Takes from the queue. @returns whether there is anything to send */
  readonly fill: () => Promise<boolean>;
  /** Sends some of what was taken: one request. */
  readonly ship: (signal: AbortSignal) => Promise<Shipped>;
  /** Gives up connections, credentials and what is known of the server: another may answer next time. */
  readonly forget: () => Promise<void>;
  /** Logged after failures, with for how long: `the server accepts documents`. */
  readonly accepts: string;
  readonly repeats: RepeatFilter;
  readonly log: (message: string) => void;
  readonly random: () => number;
  /** Resolves after so long, or at once when aborted. Default: sleeps. */
  readonly wait?: ((ms: number, signal: AbortSignal) => Promise<void>) | undefined;
}

/** The loop that empties a queue into a server: one request at a time, and after a failure a pause that grows. */
export class QueueDrain {
  readonly #parts: QueueDrainParts;
  readonly #stopping = new AbortController();
  readonly #backoff: Backoff;
  #failingSinceMs: number | undefined;
  #wake: () => void = () => undefined;
  #done: Promise<void> | undefined;

  constructor(parts: QueueDrainParts) {
    this.#parts = parts;
    this.#backoff = new Backoff(parts.random);
  }

  /** Does nothing when it has been started. */
  start(): void {
    this.#parts.queue.onAppend = () => this.#wake();
    this.#done ??= this.#run();
  }

  /** Goes on until the queue is empty or the time is over, then ends; what is left stays in the queue. */
  async stop(graceMs: number): Promise<void> {
    const untilMs = performance.now() + graceMs;
    const { queue, forget } = this.#parts;
    const isGoing = (): boolean => queue.state.documents > 0 && this.#failingSinceMs === undefined;
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
        if (!(await fill())) {
          await this.#untilMore();
          continue;
        }
        const result = await ship(signal);
        if (result === 'accepted') this.#succeeded();
        else if (result !== 'again') await this.#failed(result);
      } catch (error) {
        // The disk: nothing else throws here. It says nothing about the server.
        await this.#failed({ outcome: 'error', error: error as Error });
      }
    }
  }

  async #untilMore(): Promise<void> {
    const more = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    // Between the last look and this line something may have come in.
    if (this.#parts.queue.state.documents === 0 && !this.#stopping.signal.aborted) await more;
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
