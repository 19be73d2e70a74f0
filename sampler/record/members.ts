import { fstatSync, readSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';

/** Limit for one sample, uncompressed: 5,000 VMs take some 50 MB. Only a decompression bomb is larger. */
export const SAMPLE_MAX_BYTES = 256 * 1024 * 1024;

/** Ten bytes that zlib writes before each member, and eight after it (RFC 1952, without optional parts). */
const HEAD_BYTES = 10;
const TAIL_BYTES = 8;

/** Most members are shorter than the first; the file is read in chunks of the second. */
const MEMBER_BYTES = 64 * 1024;
const CHUNK_BYTES = 4 * 1024 * 1024;

export interface Member {
  readonly offset: number;
  readonly length: number;
  readonly text: string;
}

/**
 * The gzip members of a file in order, up to the first that is truncated or damaged, or to data that is not a member.
 * The file may have any size: at most one member and one chunk of it are in memory.
 * @throws what `readSync` throws
 */
export function* membersOf(fd: number): Generator<Member> {
  const file = new Windowed(fd);
  for (let offset = 0; ; ) {
    const member = memberAt(file, offset);
    if (member === undefined) return;
    yield member;
    offset += member.length;
  }
}

function memberAt(file: Windowed, offset: number): Member | undefined {
  for (let least = MEMBER_BYTES; ; least *= 4) {
    const bytes = file.from(offset, least);
    if (bytes.length <= HEAD_BYTES || bytes[0] !== 0x1f || bytes[1] !== 0x8b || bytes[3] !== 0)
      return undefined;
    const found = inflated(bytes.subarray(HEAD_BYTES));
    if (found === 'damaged') return undefined;
    if (found !== 'cut short') {
      const length = HEAD_BYTES + found.used + TAIL_BYTES;
      if (length <= bytes.length) return { offset, length, text: found.text };
    }
    // Truncated by a crash, or still being written; or it continues beyond the window.
    if (offset + bytes.length >= file.size || least > SAMPLE_MAX_BYTES) return undefined;
  }
}

function inflated(bytes: Buffer): { readonly used: number; readonly text: string } | 'cut short' | 'damaged' {
  try {
    // With `info`, zlib also returns the engine, which knows how many bytes it consumed.
    const { buffer, engine } = inflateRawSync(bytes, {
      info: true,
      maxOutputLength: SAMPLE_MAX_BYTES,
    }) as unknown as {
      buffer: Buffer;
      engine: { bytesWritten: number };
    };
    return { used: engine.bytesWritten, text: buffer.toString() };
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'Z_BUF_ERROR' ? 'cut short' : 'damaged';
  }
}

/** A file that is read from start to end through a sliding window. */
class Windowed {
  readonly size: number;
  readonly #fd: number;
  #at = 0;
  #bytes = Buffer.alloc(0);

  constructor(fd: number) {
    this.#fd = fd;
    this.size = fstatSync(fd).size;
  }

  /** At least `least` bytes from `offset`, or all up to the end of the file. */
  from(offset: number, least: number): Buffer {
    const wanted = Math.min(least, this.size - offset);
    if (offset < this.#at || offset + wanted > this.#at + this.#bytes.length) this.#move(offset, wanted);
    return this.#bytes.subarray(offset - this.#at);
  }

  #move(offset: number, wanted: number): void {
    const bytes = Buffer.allocUnsafe(
      Math.max(0, Math.min(Math.max(wanted, CHUNK_BYTES), this.size - offset)),
    );
    let read = 0;
    while (read < bytes.length) {
      const count = readSync(this.#fd, bytes, read, bytes.length - read, offset + read);
      if (count === 0) break;
      read += count;
    }
    this.#at = offset;
    this.#bytes = bytes.subarray(0, read);
  }
}
