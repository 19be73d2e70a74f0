/** A timer may fire a moment before the clock says so. */
export const CLOCK_SLACK_MS = 20;

/** The longest that a Node.js timer can wait; one that is given more fires at once. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** A time that a timer can wait: 1 at least, as long as a timer lasts where it is more or is not a number. */
export function timerMs(ms: number): number {
  return Number.isNaN(ms) ? TIMER_MAX_MS : Math.min(Math.max(1, ms), TIMER_MAX_MS);
}

/** When something has to be over: as a signal, and as the time that is left. */
export class Deadline {
  readonly signal: AbortSignal;
  readonly #atMs: number;

  constructor(withinMs: number) {
    const ms = timerMs(withinMs);
    this.signal = AbortSignal.timeout(Math.round(ms));
    this.#atMs = performance.now() + ms;
  }

  get aborted(): boolean {
    return this.signal.aborted;
  }

  /** At least 1: a call with no time at all would not even be sent. */
  get remainingMs(): number {
    return Math.max(1, this.#atMs - performance.now());
  }
}

/** What it resolves to, or undefined when that takes longer. Rejects with its error. */
export async function inTime<T>(promise: Promise<T>, withinMs: number): Promise<T | undefined> {
  const over = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => over.resolve(undefined), timerMs(withinMs));
  try {
    return await Promise.race([promise, over.promise]);
  } finally {
    clearTimeout(timer);
  }
}
