import { ProtocolError } from '../errors.ts';
import { XdrWriter } from './xdr.ts';

/** The RPC programs (all of version 1) that libvirt's daemons speak. */
export const Program = {
  remote: 0x2000_8086,
  qemu: 0x2000_8087,
  keepalive: 0x6b65_6570,
} as const;

export const PROGRAM_VERSION = 1;

export const FrameType = { call: 0, reply: 1, event: 2, stream: 3, callWithFds: 4, replyWithFds: 5 } as const;
export const FrameStatus = { ok: 0, error: 1, continue: 2 } as const;

export interface FrameHeader {
  readonly program: number;
  readonly version: number;
  readonly procedure: number;
  readonly type: number;
  readonly serial: number;
  readonly status: number;
}

export interface Frame {
  readonly header: FrameHeader;
  /** The bytes after the header; a view that stays valid. */
  readonly payload: Buffer;
}

const LENGTH_BYTES = 4;
/** Sockets are read 64 KiB at a time; a smaller chunk than this was sent in pieces. */
const SMALL_BYTES = 8_192;
const HEADER_BYTES = 24;
const FRAME_MIN_BYTES = LENGTH_BYTES + HEADER_BYTES;
/** VIR_NET_MESSAGE_MAX (libvirt >= 5.x), plus the length word, which the length counts too. */
export const FRAME_MAX_BYTES = 33_554_432 + LENGTH_BYTES;

/** A whole frame, its length word included. `write` adds the payload. */
export function encodeFrame(header: FrameHeader, write?: (writer: XdrWriter) => void): Buffer {
  const writer = new XdrWriter();
  writer.uint(0);
  writer.uint(header.program);
  writer.uint(header.version);
  writer.int(header.procedure);
  writer.uint(header.type);
  writer.uint(header.serial);
  writer.uint(header.status);
  write?.(writer);
  writer.patchUint(0, writer.length);
  return writer.finish();
}

function decodeHeader(bytes: Buffer, at: number): FrameHeader {
  return {
    program: bytes.readUInt32BE(at),
    version: bytes.readUInt32BE(at + 4),
    procedure: bytes.readInt32BE(at + 8),
    type: bytes.readUInt32BE(at + 12),
    serial: bytes.readUInt32BE(at + 16),
    status: bytes.readUInt32BE(at + 20),
  };
}

/**
 * Splits a byte stream into frames. A length is checked before anything is buffered for it, and chunks are joined once
 * the frame is complete.
 */
export class FrameSplitter {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #buffered = 0;
  /** Length of the frame being received, or 0 until its length word has arrived. */
  #wanted = 0;

  constructor(maxBytes = FRAME_MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes buffered for an incomplete frame. */
  get bufferedBytes(): number {
    return this.#buffered;
  }

  /** The number of chunks that they are in. */
  get bufferedChunks(): number {
    return this.#chunks.length;
  }

  /**
   * Adds a chunk and passes each completed frame to `onFrame`.
   * @throws ProtocolError on a length below 28 or above the limit.
   */
  push(chunk: Buffer, onFrame: (frame: Frame) => void): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    this.#mergeSmall();
    while (this.#buffered >= LENGTH_BYTES) {
      if (this.#wanted === 0) this.#wanted = this.#readLength();
      if (this.#buffered < this.#wanted) return;
      const frame = this.#takeFrame(this.#wanted);
      this.#wanted = 0;
      onFrame(frame);
    }
  }

  /**
   * Bounds memory: a chunk costs some hundred bytes beyond its content, and a peer may send a frame of 32 MiB byte by
   * byte. Neighbours of one size are merged, so that each byte is copied a dozen times at most, and none of an ordinary
   * frame.
   */
  #mergeSmall(): void {
    const chunks = this.#chunks;
    for (;;) {
      const [before, last] = [chunks.at(-2), chunks.at(-1)];
      if (before === undefined || last === undefined) return;
      if (last.length >= SMALL_BYTES || before.length > last.length) return;
      chunks.splice(-2, 2, Buffer.concat([before, last]));
    }
  }

  #readLength(): number {
    const first = this.#chunks[0] as Buffer;
    if (first.length < LENGTH_BYTES) this.#join();
    const length = (this.#chunks[0] as Buffer).readUInt32BE(0);
    if (length < FRAME_MIN_BYTES || length > this.#maxBytes) {
      throw new ProtocolError(
        `received a frame length of ${length} bytes, outside ${FRAME_MIN_BYTES} to ${this.#maxBytes}; ` +
          'check that this is the socket of a libvirt daemon',
      );
    }
    return length;
  }

  #takeFrame(length: number): Frame {
    if ((this.#chunks[0] as Buffer).length < length) this.#join();
    const bytes = this.#chunks[0] as Buffer;
    this.#buffered -= length;
    if (bytes.length === length) this.#chunks.shift();
    else this.#chunks[0] = bytes.subarray(length);
    return { header: decodeHeader(bytes, LENGTH_BYTES), payload: bytes.subarray(FRAME_MIN_BYTES, length) };
  }

  #join(): void {
    this.#chunks = [Buffer.concat(this.#chunks, this.#buffered)];
  }
}
