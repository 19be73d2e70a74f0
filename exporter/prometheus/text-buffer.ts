import { INTEGER_BYTES_MAX, writeInteger } from './integer.ts';
import { number } from './text.ts';

const FIRST_BYTES = 64 * 1024;
/** UTF-8 needs at most three bytes per UTF-16 code unit. */
const BYTES_PER_CHAR_MAX = 3;
/** Bytes of a line besides name, labels and number: braces, a space and the newline. */
const PUNCTUATION_BYTES = 4;
/** Longest result of `number()`: sign, 17 digits, point and exponent. */
const NUMBER_BYTES_MAX = Math.max(INTEGER_BYTES_MAX, 32);

const SPACE = 0x20;
const NEWLINE = 0x0a;
const OPENING = 0x7b;
const CLOSING = 0x7d;

/** Append-only UTF-8 text in one buffer that can be reused. */
export class TextBuffer {
  #memory: Buffer;
  #length = 0;

  constructor(memory?: Buffer) {
    this.#memory = memory ?? Buffer.allocUnsafeSlow(FIRST_BYTES);
  }

  append(text: string): void {
    this.#reserve(text.length * BYTES_PER_CHAR_MAX);
    this.#length += this.#memory.write(text, this.#length);
  }

  appendBytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#memory.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /**
   * Appends `name{labels} value` and a newline. Written straight into the buffer: as strings, each of 100,000 lines
   * would be half a dozen objects to collect.
   */
  series(name: Uint8Array, labels: string, value: number): void {
    this.#reserve(name.length + labels.length * BYTES_PER_CHAR_MAX + NUMBER_BYTES_MAX + PUNCTUATION_BYTES);
    const bytes = this.#memory;
    let at = this.#length;
    bytes.set(name, at);
    at += name.length;
    if (labels !== '') {
      bytes[at++] = OPENING;
      at += bytes.write(labels, at);
      bytes[at++] = CLOSING;
    }
    bytes[at++] = SPACE;
    if (Number.isSafeInteger(value) && value >= 0) at = writeInteger(bytes, at, value);
    else at += bytes.write(number(value), at);
    bytes[at++] = NEWLINE;
    this.#length = at;
  }

  /** What was appended; a view, good until the memory is used again. */
  bytes(): Buffer {
    return this.#memory.subarray(0, this.#length);
  }

  get memory(): Buffer {
    return this.#memory;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#memory.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, Math.ceil(this.#memory.length * 1.5)));
    this.#memory.copy(larger, 0, 0, this.#length);
    this.#memory = larger;
  }
}
