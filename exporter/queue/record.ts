import { crc32 } from 'node:zlib';

/**
 * A record of a segment file, little endian:
 *
 *     0  4  magic "VQR1"
 *     4  4  length of the payload
 *     8  4  CRC-32 of the header from here on and of the payload
 *    12  4  documents in the payload
 *    16  8  running number of the first of them; whatever is lost is counted by the gap
 *    24  8  when they were sampled, ms since 1970
 *    32     payload
 */
export const HEADER_BYTES = 32;
const PAYLOAD_MAX_BYTES = 64 * 1024 * 1024;
const MAGIC = Buffer.from('VQR1');
const CHECKED_FROM = 12;

export interface QueueRecord {
  readonly firstDocument: number;
  readonly documents: number;
  readonly atMs: number;
  readonly payload: Buffer;
}

export interface Header extends Omit<QueueRecord, 'payload'> {
  readonly payloadBytes: number;
  readonly crc: number;
}

export function encodeRecord({ firstDocument, documents, atMs, payload }: QueueRecord): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(payload.length, 4);
  bytes.writeUInt32LE(documents, 12);
  bytes.writeBigUInt64LE(BigInt(firstDocument), 16);
  bytes.writeBigUInt64LE(BigInt(Math.max(0, Math.round(atMs))), 24);
  payload.copy(bytes, HEADER_BYTES);
  bytes.writeUInt32LE(crc32(bytes.subarray(CHECKED_FROM)), 8);
  return bytes;
}

/** Undefined if there is none. Only trustworthy once `decodeRecord` has checked the whole record. */
export function decodeHeader(bytes: Buffer): Header | undefined {
  if (bytes.length < HEADER_BYTES || !bytes.subarray(0, 4).equals(MAGIC)) return undefined;
  const payloadBytes = bytes.readUInt32LE(4);
  if (payloadBytes > PAYLOAD_MAX_BYTES) return undefined;
  return {
    payloadBytes,
    crc: bytes.readUInt32LE(8),
    documents: bytes.readUInt32LE(12),
    firstDocument: Number(bytes.readBigUInt64LE(16)),
    atMs: Number(bytes.readBigUInt64LE(24)),
  };
}

/** The record at the start of `bytes`; undefined if torn or damaged. */
export function decodeRecord(bytes: Buffer): QueueRecord | undefined {
  const header = decodeHeader(bytes);
  if (header === undefined || bytes.length < HEADER_BYTES + header.payloadBytes) return undefined;
  const end = HEADER_BYTES + header.payloadBytes;
  if (crc32(bytes.subarray(CHECKED_FROM, end)) !== header.crc) return undefined;
  const { firstDocument, documents, atMs } = header;
  return { firstDocument, documents, atMs, payload: bytes.subarray(HEADER_BYTES, end) };
}

/** Offset of the next whole record at or after `from`; undefined if there is none. */
export function findRecord(bytes: Buffer, from: number): number | undefined {
  for (let at = bytes.indexOf(MAGIC, from); at >= 0; at = bytes.indexOf(MAGIC, at + 1)) {
    if (decodeRecord(bytes.subarray(at)) !== undefined) return at;
  }
  return undefined;
}
