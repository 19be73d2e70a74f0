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

/** `again`: nothing of what was taken is sent from here, and the queue may have more; `empty`: it has nothing to take now. */
export type Filled = 'filled' | 'again' | 'empty';

/** `again`: the next request may be different, and is sent at once. */
export type Shipped = 'accepted' | 'again' | DrainFailure;

export interface QueueDrainParts {
  readonly queue: Pick<DiskQueue, 'state' | 'onAppend'>;
  /** Takes from the queue. */
  readonly fill: () => Promise<Filled>;
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
  /** Whether something came into the queue since `fill` last began. */
  #hasNews = false;
  /** For something to come in. */
  #isWaiting = false;
  #wake: () => void = () => undefined;
  #done: Promise<void> | undefined;

  constructor(parts: QueueDrainParts) {
    this.#parts = parts;
    this.#backoff = new Backoff(parts.random);
  }

  /** Does nothing when it has been started. */
  start(): void {
    this.#parts.queue.onAppend = () => {
      this.#hasNews = true;
      this.#wake();
    };
    this.#done ??= this.#run();
  }

  /** Goes on until the queue is empty or the time is over, then ends; what is left stays in the queue. */
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
        // The disk: nothing else throws here. It says nothing about the server.
        await this.#failed({ outcome: 'error', error: error as Error });
      }
    }
  }

  /**
   * That the queue has documents does not end it: one whose record is damaged on the disk counts as waiting until a later
   * record shows that it is lost, and looking again would not change that.
   */
  async #untilMore(): Promise<void> {
    const more = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    // Between the last look and this line something may have come in.
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
