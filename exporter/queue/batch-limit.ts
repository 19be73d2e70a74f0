/** The limit grows again after this many batches in a row that were not too large. */
const BATCHES_BEFORE_GROWTH = 16;

/** Limit on the size of a request: halved when one was too large, then raised again gradually. */
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

  /** Shrinks to half of a request of this size. */
  shrink(sentBytes: number): void {
    this.#bytes = Math.max(1, Math.floor(Math.min(sentBytes, this.#bytes) / 2));
    this.#sinceShrunk = 0;
  }

  /** Call after each accepted request. */
  succeeded(): void {
    if (this.#bytes >= this.#maxBytes || ++this.#sinceShrunk < BATCHES_BEFORE_GROWTH) return;
    this.#bytes = Math.min(this.#maxBytes, this.#bytes * 2);
    this.#sinceShrunk = 0;
  }
}
