/** A counter that never falls, made of one that may: what that had counted stays when it begins again at 0. */
export class LastingCounter {
  readonly #jitter: number;
  #ended = 0;
  #last = 0;

  /** `jitter`: a fall of at most this much is not a new beginning, and the highest value is kept until it is reached again. */
  constructor(jitter = 0) {
    this.#jitter = jitter;
  }

  /** Takes in the source's next value. */
  next(value: number): number {
    if (value >= this.#last) this.#last = value;
    else if (this.#last - value > this.#jitter) {
      this.#ended += this.#last;
      this.#last = value;
    }
    return this.value;
  }

  /** As it is while its source is gone. */
  get value(): number {
    return this.#ended + this.#last;
  }
}
