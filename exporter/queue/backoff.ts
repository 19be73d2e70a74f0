const FIRST_MS = 1_000;
const MOST_MS = 60_000;
/** Upper bound on a wait that the server asks for. */
const RETRY_AFTER_MOST_MS = 600_000;

/** Exponential backoff with jitter over the upper half; never shorter than what the server asked for. */
export class Backoff {
  readonly #random: () => number;
  #failures = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  next(retryAfterMs = 0): number {
    const ceiling = Math.min(MOST_MS, FIRST_MS * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 16);
    return Math.max(ceiling * (0.5 + 0.5 * this.#random()), Math.min(retryAfterMs, RETRY_AFTER_MOST_MS));
  }

  reset(): void {
    this.#failures = 0;
  }
}

/** Retry-After, in seconds or as a date (RFC 9110, 10.2.3); undefined for anything else. */
export function parseRetryAfter(header: string | string[] | undefined, nowMs: number): number | undefined {
  const text = (Array.isArray(header) ? header[0] : header)?.trim() ?? '';
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}
