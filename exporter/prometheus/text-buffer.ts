const FIRST_BYTES = 64 * 1024;
/** UTF-8 needs at most three bytes for one of JavaScript's characters. */
const BYTES_PER_CHAR_MAX = 3;

/** Text that grows at its end, as UTF-8 bytes in one piece of memory that can be used again. */
export class TextBuffer {
  #memory: Buffer;
  #length = 0;

  constructor(memory?: Buffer) {
    this.#memory = memory ?? Buffer.allocUnsafeSlow(FIRST_BYTES);
  }

  append(text: string): void {
    const needed = this.#length + text.length * BYTES_PER_CHAR_MAX;
    if (needed > this.#memory.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, Math.ceil(this.#memory.length * 1.5)));
      this.#memory.copy(larger, 0, 0, this.#length);
      this.#memory = larger;
    }
    this.#length += this.#memory.write(text, this.#length);
  }

  /** What was appended; a view, good until the memory is used again. */
  bytes(): Buffer {
    return this.#memory.subarray(0, this.#length);
  }

  get memory(): Buffer {
    return this.#memory;
  }
}
