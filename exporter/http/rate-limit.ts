/** `rate_limit` of exporter-toolkit: a bucket of `burst` tokens, refilled by one every `intervalMs`. */
export interface RateLimit {
  readonly intervalMs: number;
  readonly burst: number;
}

/**
 * A token bucket that starts full, as golang.org/x/time/rate does, which exporter-toolkit uses. One bucket for all
 * clients and paths.
 */
export class TokenBucket {
  readonly limit: RateLimit;
  readonly #nowMs: () => number;
  /**
   * Accumulated time; a request costs one interval. Integer milliseconds add up exactly, fractional tokens would not.
   */
  #creditMs: number;
  #countedAtMs: number;

  /** @param nowMs a monotonic clock, ms */
  constructor(limit: RateLimit, nowMs: () => number = () => performance.now()) {
    this.limit = limit;
    this.#nowMs = nowMs;
    this.#creditMs = limit.burst * limit.intervalMs;
    this.#countedAtMs = nowMs();
  }

  /** Takes a token. False if there is none: a rejected request costs nothing and does not delay later ones. */
  take(): boolean {
    const nowMs = this.#nowMs();
    const { intervalMs, burst } = this.limit;
    this.#creditMs = Math.min(burst * intervalMs, this.#creditMs + nowMs - this.#countedAtMs);
    this.#countedAtMs = nowMs;
    if (this.#creditMs < intervalMs) return false;
    this.#creditMs -= intervalMs;
    return true;
  }

  /** Time until the next token, in whole seconds, for Retry-After. */
  get retryAfterSeconds(): number {
    return Math.max(1, Math.ceil((this.limit.intervalMs - this.#creditMs) / 1_000));
  }
}
