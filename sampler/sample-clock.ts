/** Close to the wall clock, so that the times of two processes in one recording are in order. */
const systemSteadyMs = (): number => performance.timeOrigin + performance.now();

/** A smaller change between two samples is rounding and the time between two calls, not a clock that was set. */
const SET_MIN_MS = 500;

/** The wall clock has whole ms: following a smaller change would add 1 ms of error to every interval. */
const ROUNDING_MS = 2;

/**
 * The clock of a sampler. It follows the wall clock from one sample to the next only: within one sample, wall-clock
 * times differ by the time elapsed, even if the clock is set in between. Ages, intervals and rates use `steadyMs`.
 */
export class SampleClock {
  readonly #wallMs: () => number;
  /** Monotonic; ms since an arbitrary moment. */
  readonly steadyMs: () => number;
  #aheadMs: number;

  /**
   * @param wallMs ms since 1970; it may be set at any moment, by hours in either direction
   * @param steadyMs default: `wallMs` where that is given, else the system's (CLOCK_MONOTONIC, clock_gettime(2))
   */
  constructor(wallMs: () => number = Date.now, steadyMs?: () => number) {
    this.#wallMs = wallMs;
    this.steadyMs = steadyMs ?? (wallMs === Date.now ? systemSteadyMs : wallMs);
    this.#aheadMs = this.#measured();
  }

  /**
   * Starts a sample.
   * @returns how far the wall clock was set since the previous sample, ms; 0 if it was not
   */
  startTick(): number {
    const aheadMs = this.#measured();
    const byMs = aheadMs - this.#aheadMs;
    if (Math.abs(byMs) < ROUNDING_MS) return 0;
    this.#aheadMs = aheadMs;
    return Math.abs(byMs) < SET_MIN_MS ? 0 : byMs;
  }

  /** How far the wall-clock times of this sample are ahead of the steady clock, ms. */
  get aheadMs(): number {
    return this.#aheadMs;
  }

  /** Wall clock, whole ms since 1970. */
  readonly nowMs = (): number => Math.round(this.steadyMs() + this.#aheadMs);

  #measured(): number {
    return this.#wallMs() - this.steadyMs();
  }
}
