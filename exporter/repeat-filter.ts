/** How long the same failure is not logged again. */
const REPEAT_AFTER_MS = 60_000;
const KINDS_MAX = 100;

/** Logs a continuing failure once per minute; changed numbers in its text do not make it a new one. */
export class RepeatFilter {
  readonly #log: (message: string) => void;
  readonly #loggedAtMs = new Map<string, number>();

  constructor(log: (message: string) => void) {
    this.#log = log;
  }

  log(message: string): void {
    const kind = message.replaceAll(/\d+/g, '#');
    // Monotonic: the wall clock can be set back.
    const nowMs = performance.now();
    if (nowMs - (this.#loggedAtMs.get(kind) ?? Number.NEGATIVE_INFINITY) < REPEAT_AFTER_MS) return;
    if (this.#loggedAtMs.size >= KINDS_MAX) this.#loggedAtMs.clear();
    this.#loggedAtMs.set(kind, nowMs);
    this.#log(message);
  }

  /** Logs the next message in any case. */
  reset(): void {
    this.#loggedAtMs.clear();
  }
}
