/** A batch that was too large may grow again after so many that were not. */
const BATCHES_BEFORE_GROWTH = 16;

/** How large a request may be: less after one that was too large, and gradually more again. */
export class BatchLimit {
  readonly #maxBytes: number;
  #bytes: number;
  #sinceShrunk = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#bytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Half of a request of so many bytes. */
  shrink(sentBytes: number): void {
    this.#bytes = Math.max(1, Math.floor(Math.min(sentBytes, this.#bytes) / 2));
    this.#sinceShrunk = 0;
  }

  /** A request was accepted. */
  succeeded(): void {
    if (this.#bytes >= this.#maxBytes || ++this.#sinceShrunk < BATCHES_BEFORE_GROWTH) return;
    this.#bytes = Math.min(this.#maxBytes, this.#bytes * 2);
    this.#sinceShrunk = 0;
  }
}
