/** When a tick has to be over: as a signal, and as the time that is left. */
export class Deadline {
  readonly signal: AbortSignal;
  readonly #atMs: number;

  constructor(withinMs: number) {
    this.signal = AbortSignal.timeout(withinMs);
    this.#atMs = performance.now() + withinMs;
  }

  get aborted(): boolean {
    return this.signal.aborted;
  }

  /** At least 1: a call with no time at all would not even be sent. */
  get remainingMs(): number {
    return Math.max(1, this.#atMs - performance.now());
  }
}
