import { ErrorCode } from '../libvirt/constants.ts';
import { CallAbandonedError, ClosedError, ConnectError, isRemoteError } from '../libvirt/errors.ts';
import type { CallReason, PartStatus } from '../model/host.ts';

export interface ReadOptions<T> {
  /** Sends the request. It has no deadline: a late answer is as good as an early one. */
  readonly read: () => Promise<T>;
  /** Age at which an answer is refreshed; 0: at every tick, Infinity: never. */
  readonly refreshMs: number;
  /** Age, counted from arrival, beyond which an answer is no longer shown. */
  readonly maxAgeMs: number;
  /** Monotonic clock, ms. */
  readonly steadyMs: () => number;
  /** Called with each answer, before those waiting for it continue. */
  readonly onAnswer?: ((value: T) => void) | undefined;
  /** Called with each failure. */
  readonly onFailure?: ((error: Error, reason: CallReason) => void) | undefined;
}

/** After a read that took longer than this, the next one is not waited for. */
const SLOW_MS = 100;

/**
 * One value that is read in the background: at most one request in flight, however long it takes, and its answer
 * is kept whenever it comes. If the source refuses, the previous answer is dropped; if the source is slow or
 * unreachable, the previous answer stays valid until it is too old.
 */
export class BackgroundRead<T> {
  readonly #options: ReadOptions<T>;
  #answer: { readonly value: T; readonly atMs: number } | undefined;
  #failure: CallReason | undefined;
  #pending: Promise<void> | undefined;
  #slow = false;
  #isExpired = false;

  constructor(options: ReadOptions<T>) {
    this.#options = options;
  }

  /** Sends a request if one is due and none is in flight. */
  start(): void {
    if (this.#pending !== undefined || !this.#isDue()) return;
    this.#isExpired = false;
    const startedMs = performance.now();
    const { read, steadyMs, onAnswer, onFailure } = this.#options;
    this.#pending = read()
      .then(
        (value) => {
          this.#answer = { value, atMs: steadyMs() };
          this.#failure = undefined;
          onAnswer?.(value);
        },
        (error: Error) => {
          const reason = reasonOf(error);
          this.#failure = reason;
          if (reason !== 'no_connection') this.#answer = undefined;
          onFailure?.(error, reason);
        },
      )
      .then(() => {
        this.#pending = undefined;
        this.#slow = performance.now() - startedMs > SLOW_MS;
      });
  }

  /** The newest answer, unless it is too old. */
  get value(): T | undefined {
    return this.#isYoung() ? this.#answer?.value : undefined;
  }

  /** The request in flight, if any: resolves, and never rejects, once it is answered. */
  get pending(): Promise<void> | undefined {
    return this.#pending;
  }

  /** Whether a request has succeeded or failed since the last forget(). */
  get hasAnswered(): boolean {
    return this.#answer !== undefined || this.#failure !== undefined;
  }

  get slow(): boolean {
    return this.#slow;
  }

  /** A tick has waited without a result, so the next one does not wait. */
  giveUpWaiting(): void {
    this.#slow = true;
  }

  /** Age of the answer that is shown, and why there is none, or no newer one. */
  get status(): PartStatus {
    const ageMs = this.#isYoung() ? this.#ageMs() : undefined;
    if (this.#pending !== undefined) return { ageMs, reason: 'unresponsive' };
    if (this.#failure !== undefined) return { ageMs, reason: this.#failure };
    return { ageMs, reason: ageMs === undefined ? 'not_asked_yet' : undefined };
  }

  /** The answer may have changed: it stays valid, but the next start() refreshes it, whatever its age. */
  expire(): void {
    this.#isExpired = true;
  }

  /** Discards what is known. A request in flight stays in flight. */
  forget(): void {
    this.#answer = undefined;
    this.#failure = undefined;
    this.#slow = false;
  }

  #isDue(): boolean {
    return (
      this.#isExpired ||
      this.#answer === undefined ||
      this.#failure !== undefined ||
      this.#ageMs() >= this.#options.refreshMs
    );
  }

  #isYoung(): boolean {
    return this.#answer !== undefined && this.#ageMs() <= this.#options.maxAgeMs;
  }

  #ageMs(): number {
    return this.#answer === undefined ? 0 : Math.max(0, this.#options.steadyMs() - this.#answer.atMs);
  }
}

function reasonOf(error: Error): CallReason {
  if (isRemoteError(error, ErrorCode.noSupport)) return 'not_supported';
  if (error instanceof ClosedError || error instanceof ConnectError || error instanceof CallAbandonedError) {
    return 'no_connection';
  }
  return 'error';
}

/** A background read of any type. */
export type AnyRead = Pick<
  BackgroundRead<unknown>,
  'pending' | 'slow' | 'hasAnswered' | 'status' | 'start' | 'giveUpWaiting' | 'forget'
>;

/** All background reads of one host, so that a tick can wait briefly for those that are usually quick. */
export class Background {
  readonly #reads = new Set<AnyRead>();

  add<T>(options: ReadOptions<T>): BackgroundRead<T> {
    const read = new BackgroundRead(options);
    this.#reads.add(read);
    return read;
  }

  remove(read: AnyRead): void {
    this.#reads.delete(read);
  }

  forget(): void {
    for (const read of this.#reads) read.forget();
  }

  /**
   * Waits for reads in flight, including those that an answer starts: until `firstUntilMs` for one that has
   * never been answered, so that the first sample of a healthy host has all figures; else until `untilMs` (both
   * as performance.now()). A read that was slow the last time is not waited for.
   */
  async waitForAnswers({
    firstUntilMs,
    untilMs,
  }: {
    readonly firstUntilMs: number;
    readonly untilMs: number;
  }): Promise<void> {
    const patience = (read: AnyRead): number =>
      read.pending === undefined || read.slow
        ? 0
        : (read.hasAnswered ? untilMs : firstUntilMs) - performance.now();
    for (;;) {
      const waits = [...this.#reads]
        .map((read) => ({ pending: read.pending, ms: patience(read) }))
        .filter(({ ms }) => ms > 0);
      if (waits.length === 0) break;
      await firstOf(
        waits.map(({ pending }) => pending),
        Math.max(...waits.map(({ ms }) => ms)),
      );
    }
    for (const read of this.#reads) if (read.pending !== undefined) read.giveUpWaiting();
  }
}

async function firstOf(promises: readonly (Promise<void> | undefined)[], timeoutMs: number): Promise<void> {
  const over = Promise.withResolvers<void>();
  const timer = setTimeout(over.resolve, timeoutMs);
  await Promise.race([...promises, over.promise]);
  clearTimeout(timer);
}
