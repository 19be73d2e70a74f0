/** A counter that never decreases, built from one that may: what was counted stays when the source restarts at 0. */
export class LastingCounter {
  readonly #jitter: number;
  #ended = 0;
  #last = 0;

  /**
   * `jitter`: a decrease of at most this much does not restart it; the highest value is kept until reached again.
   */
  constructor(jitter = 0) {
    this.#jitter = jitter;
  }

  /** Adds the source's next value. */
  next(value: number): number {
    if (value >= this.#last) this.#last = value;
    else if (this.#last - value > this.#jitter) {
      this.#ended += this.#last;
      this.#last = value;
    }
    return this.value;
  }

  /** The total, also while the source is gone. */
  get value(): number {
    return this.#ended + this.#last;
  }
}
