import { EncodeError, ProtocolError } from '../errors.ts';
import { knownName } from './known-names.ts';

const pad = (length: number): number => (4 - (length & 3)) & 3;

/**
 * Reads XDR (RFC 4506) from a buffer: big-endian, every item padded to 4 bytes.
 * Each read first checks what is left, so that a length in a hostile frame allocates nothing.
 */
export class XdrReader {
  readonly #bytes: Buffer;
  /** V8 compiles a DataView's reads to a load and a swap; Buffer's are function calls. */
  readonly #view: DataView;
  readonly #end: number;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = bytes.length;
  }

  get remaining(): number {
    return this.#end - this.#at;
  }

  #take(length: number, what: string): number {
    const at = this.#at;
    if (length > this.#end - at) {
      throw new ProtocolError(
        `${what} needs ${length} bytes at offset ${at}, but only ${this.#end - at} are left`,
      );
    }
    this.#at = at + length;
    return at;
  }

  int(): number {
    return this.#view.getInt32(this.#take(4, 'int'));
  }

  uint(): number {
    return this.#view.getUint32(this.#take(4, 'unsigned int'));
  }

  /** Exact: a number where 53 bits hold it, else a bigint. */
  hyper(): number | bigint {
    const at = this.#take(8, 'hyper');
    const high = this.#view.getInt32(at);
    if (high >= -0x20_0000 && high < 0x20_0000) return high * 0x1_0000_0000 + this.#view.getUint32(at + 4);
    return this.#view.getBigInt64(at);
  }

  /** Exact: a number where 53 bits hold it, else a bigint. */
  unsignedHyper(): number | bigint {
    const at = this.#take(8, 'unsigned hyper');
    const high = this.#view.getUint32(at);
    if (high < 0x20_0000) return high * 0x1_0000_0000 + this.#view.getUint32(at + 4);
    return this.#view.getBigUint64(at);
  }

  double(): number {
    return this.#view.getFloat64(this.#take(8, 'double'));
  }

  /** A count of items, refused when above `max` or when the rest of the frame cannot hold that many. */
  count(max: number, minItemBytes: number, what: string): number {
    const count = this.uint();
    if (count > max) throw new ProtocolError(`${what}: ${count} items, at most ${max} are allowed`);
    if (count * minItemBytes > this.remaining) {
      throw new ProtocolError(`${what}: ${count} items do not fit in the ${this.remaining} bytes left`);
    }
    return count;
  }

  #length(max: number, what: string): number {
    const length = this.uint();
    if (length > max) throw new ProtocolError(`${what} of ${length} bytes, at most ${max} are allowed`);
    return length;
  }

  string(max: number): string {
    const length = this.#length(max, 'string');
    const at = this.#take(length + pad(length), 'string');
    return this.#bytes.toString('utf8', at, at + length);
  }

  /** Like string(), for names that recur: returns the cached string. */
  name(max: number): string {
    const length = this.#length(max, 'string');
    const at = this.#take(length + pad(length), 'string');
    return knownName(this.#bytes, this.#view, at, length);
  }

  /** A copy, so that a small value does not keep its whole frame alive. */
  opaque(max: number): Buffer {
    const length = this.#length(max, 'opaque');
    const at = this.#take(length + pad(length), 'opaque');
    return Buffer.from(this.#bytes.subarray(at, at + length));
  }

  fixedHex(length: number): string {
    const at = this.#take(length + pad(length), 'opaque');
    return this.#bytes.toString('hex', at, at + length);
  }
}

/** Writes XDR into a buffer that grows as needed. */
export class XdrWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(initialBytes = 256) {
    this.#bytes = Buffer.allocUnsafe(initialBytes);
  }

  get length(): number {
    return this.#length;
  }

  #grow(by: number): number {
    const at = this.#length;
    const needed = at + by;
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    this.#length = needed;
    return at;
  }

  int(value: number): void {
    if (!Number.isInteger(value) || value < -0x8000_0000 || value > 0x7fff_ffff) {
      throw new EncodeError(`${value} is not a 32-bit integer`);
    }
    const at = this.#grow(4);
    this.#bytes.writeInt32BE(value, at);
  }

  uint(value: number): void {
    if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) {
      throw new EncodeError(`${value} is not an unsigned 32-bit integer`);
    }
    const at = this.#grow(4);
    this.#bytes.writeUInt32BE(value, at);
  }

  hyper(value: number | bigint): void {
    if (this.#safeInteger(value)) return;
    const whole = BigInt(value);
    if (whole < -0x8000_0000_0000_0000n || whole > 0x7fff_ffff_ffff_ffffn) {
      throw new EncodeError(`${value} is not a 64-bit integer`);
    }
    const at = this.#grow(8);
    this.#bytes.writeBigInt64BE(whole, at);
  }

  unsignedHyper(value: number | bigint): void {
    if (value < 0) throw new EncodeError(`${value} is not an unsigned 64-bit integer`);
    if (this.#safeInteger(value)) return;
    const whole = BigInt(value);
    if (whole > 0xffff_ffff_ffff_ffffn) throw new EncodeError(`${value} is not an unsigned 64-bit integer`);
    const at = this.#grow(8);
    this.#bytes.writeBigUInt64BE(whole, at);
  }

  /** Fast path for nearly every counter: avoids a bigint. */
  #safeInteger(value: number | bigint): boolean {
    if (typeof value === 'bigint') return false;
    if (!Number.isInteger(value)) throw new EncodeError(`${value} is not a whole number`);
    if (!Number.isSafeInteger(value)) return false;
    const high = Math.floor(value / 0x1_0000_0000);
    const at = this.#grow(8);
    this.#bytes.writeInt32BE(high, at);
    this.#bytes.writeUInt32BE(value - high * 0x1_0000_0000, at + 4);
    return true;
  }

  double(value: number): void {
    const at = this.#grow(8);
    this.#bytes.writeDoubleBE(value, at);
  }

  string(value: string, max: number): void {
    const length = Buffer.byteLength(value);
    if (length > max) throw new EncodeError(`string of ${length} bytes, at most ${max} are allowed`);
    // libvirt's strings are C strings: what follows a NUL would be silently dropped.
    if (value.includes('\0')) throw new EncodeError('a string with a NUL character cannot be sent');
    this.uint(length);
    const at = this.#grow(length + pad(length));
    this.#bytes.write(value, at, length, 'utf8');
    for (let i = at + length; i < this.#length; i++) this.#bytes[i] = 0;
  }

  opaque(value: Uint8Array, max: number): void {
    if (value.length > max) {
      throw new EncodeError(`opaque of ${value.length} bytes, at most ${max} are allowed`);
    }
    this.uint(value.length);
    this.fixedOpaque(value);
  }

  fixedOpaque(value: Uint8Array): void {
    const at = this.#grow(value.length + pad(value.length));
    this.#bytes.set(value, at);
    this.#bytes.fill(0, at + value.length, this.#length);
  }

  /** Overwrites four bytes written before, for a length that is known only at the end. */
  patchUint(at: number, value: number): void {
    this.#bytes.writeUInt32BE(value, at);
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }
}
