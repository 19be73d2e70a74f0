/** A timer may fire a moment before the clock says so. */
export const CLOCK_SLACK_MS = 20;

/** The longest delay of a Node.js timer; a longer one fires at once. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** Clamps to what a timer can wait: at least 1 ms; too long or NaN becomes the longest delay. */
export function timerMs(ms: number): number {
  return Number.isNaN(ms) ? TIMER_MAX_MS : Math.min(Math.max(1, ms), TIMER_MAX_MS);
}

/** A deadline, as a signal and as the remaining time. */
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

/** The value of `promise`, or undefined if that takes longer. Rejects with its error. */
export async function inTime<T>(promise: Promise<T>, withinMs: number): Promise<T | undefined> {
  const over = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => over.resolve(undefined), timerMs(withinMs));
  try {
    return await Promise.race([promise, over.promise]);
  } finally {
    clearTimeout(timer);
  }
}
