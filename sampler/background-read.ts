import { ErrorCode } from '../libvirt/constants.ts';
import { CallAbandonedError, ClosedError, ConnectError, isRemoteError } from '../libvirt/errors.ts';
import type { CallReason, PartStatus } from '../model/host.ts';

export interface ReadOptions<T> {
  /** Asks. It has no deadline: a late answer is as good as an early one. */
  readonly read: () => Promise<T>;
  /** An answer is asked for again once it is this old; 0: at every tick, Infinity: never. */
  readonly refreshMs: number;
  /** An answer older than this, counted from its arrival, is not shown any more. */
  readonly maxAgeMs: number;
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
  /** Called with each answer, before anybody who waits for it goes on. */
  readonly onAnswer?: ((value: T) => void) | undefined;
  /** Called with each failure. */
  readonly onFailure?: ((error: Error, reason: CallReason) => void) | undefined;
}

/** A read that took longer than this is not waited for the next time. */
const SLOW_MS = 100;

/**
 * One subject that is read beside the ticks: out once at most, however long it takes, and its answer is kept
 * whenever it comes. When the source itself says no, the answer before it is dropped; when the source is slow
 * or out of reach, the answer before it stands until it is too old.
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

  /** Asks, where that is due and the last question is not still out. */
  start(): void {
    if (this.#pending !== undefined || !this.#isDue()) return;
    this.#isExpired = false;
    const startedMs = performance.now();
    const { read, now, onAnswer, onFailure } = this.#options;
    this.#pending = read()
      .then(
        (value) => {
          this.#answer = { value, atMs: now() };
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

  /** The newest answer, where it is not too old. */
  get value(): T | undefined {
    return this.#isYoung() ? this.#answer?.value : undefined;
  }

  /** While a question is out: resolves, and never rejects, when it is answered. */
  get pending(): Promise<void> | undefined {
    return this.#pending;
  }

  /** Whether it has ever been answered, or refused. */
  get hasAnswered(): boolean {
    return this.#answer !== undefined || this.#failure !== undefined;
  }

  get slow(): boolean {
    return this.#slow;
  }

  /** A tick has waited for it without a result: the next one does not wait. */
  giveUpWaiting(): void {
    this.#slow = true;
  }

  /** How old the answer is that is shown; and why there is none, or none that is newer. */
  get status(): PartStatus {
    const ageMs = this.#isYoung() ? this.#ageMs() : undefined;
    if (this.#pending !== undefined) return { ageMs, reason: 'unresponsive' };
    if (this.#failure !== undefined) return { ageMs, reason: this.#failure };
    return { ageMs, reason: ageMs === undefined ? 'not_asked_yet' : undefined };
  }

  /** What was learnt before may have changed: it stands, and the next start asks for it, however young it is. */
  expire(): void {
    this.#isExpired = true;
  }

  /** Nothing that was learnt before is sure any more. A question that is out stays out. */
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
    return this.#answer === undefined ? 0 : Math.max(0, this.#options.now() - this.#answer.atMs);
  }
}

function reasonOf(error: Error): CallReason {
  if (isRemoteError(error, ErrorCode.noSupport)) return 'not_supported';
  if (error instanceof ClosedError || error instanceof ConnectError || error instanceof CallAbandonedError) {
    return 'no_connection';
  }
  return 'error';
}

/** A background read, whatever it reads. */
export type AnyRead = Pick<
  BackgroundRead<unknown>,
  'pending' | 'slow' | 'hasAnswered' | 'status' | 'start' | 'giveUpWaiting' | 'forget'
>;

/** All background reads of one host, so that a tick can wait a little for those that are usually quick. */
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
   * Waits for reads that are out, also for those that an answer starts: until `firstUntilMs` for one that has
   * never been answered, so that the first sample of a healthy host has all figures; else until `untilMs`
   * (both on performance.now()'s clock). A read that was slow the last time is not waited for.
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
