/**
 * The protocol between the kernel and a user-space file system over /dev/fuse (include/uapi/linux/fuse.h, protocol
 * 7.31):
 * numbers and layouts, little-endian as on x86 and ARM.
 */

export const Opcode = {
  lookup: 1,
  forget: 2,
  getattr: 3,
  setattr: 4,
  mknod: 8,
  mkdir: 9,
  unlink: 10,
  rmdir: 11,
  rename: 12,
  link: 13,
  open: 14,
  read: 15,
  write: 16,
  statfs: 17,
  release: 18,
  fsync: 20,
  flush: 25,
  init: 26,
  opendir: 27,
  readdir: 28,
  releasedir: 29,
  fsyncdir: 30,
  access: 34,
  create: 35,
  interrupt: 36,
  batchForget: 42,
  rename2: 45,
} as const;

export const ROOT_NODE = 1;
/** Size of the header that precedes the arguments of a request. */
const REQUEST_HEADER_BYTES = 40;
const MAX_WRITE_BYTES = 128 * 1024;
/** The kernel requires that each read has room for its largest request. */
export const READ_BYTES = MAX_WRITE_BYTES + 64 * 1024;

const REPLY_HEADER_BYTES = 16;
const ATTRIBUTES_BYTES = 88;
/** Sends reads and writes here instead of serving them from the page cache. */
const FOPEN_DIRECT_IO = 1;

/** Bits for the attributes that a setattr changes. */
export const Changed = { mode: 1, uid: 2, gid: 4, size: 8, mtime: 32 } as const;

export interface Request {
  readonly opcode: number;
  readonly unique: bigint;
  readonly node: number;
  readonly uid: number;
  readonly gid: number;
  readonly args: Buffer;
}

export interface Attributes {
  readonly node: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly bytes: number;
  readonly links: number;
  readonly mtimeMs: number;
}

/** Copies what it keeps: the next read overwrites the buffer. */
export function parseRequest(bytes: Buffer): Request {
  return {
    opcode: bytes.readUInt32LE(4),
    unique: bytes.readBigUInt64LE(8),
    node: Number(bytes.readBigUInt64LE(16)),
    uid: bytes.readUInt32LE(24),
    gid: bytes.readUInt32LE(28),
    args: Buffer.from(bytes.subarray(REQUEST_HEADER_BYTES)),
  };
}

/** Zero-terminated names, starting at `from`. */
export function namesIn(args: Buffer, from: number): string[] {
  return args.toString('utf8', from).split('\0').slice(0, -1);
}

export function reply(unique: bigint, payload: Buffer): Buffer {
  const header = Buffer.alloc(REPLY_HEADER_BYTES);
  header.writeUInt32LE(REPLY_HEADER_BYTES + payload.length, 0);
  header.writeBigUInt64LE(unique, 8);
  return Buffer.concat([header, payload]);
}

/** @param errno a positive errno of the kernel */
export function failure(unique: bigint, errno: number): Buffer {
  const header = reply(unique, Buffer.alloc(0));
  header.writeInt32LE(-errno, 4);
  return header;
}

export function initReply(): Buffer {
  const out = Buffer.alloc(64);
  out.writeUInt32LE(7, 0);
  out.writeUInt32LE(31, 4);
  out.writeUInt16LE(12, 16);
  out.writeUInt16LE(9, 18);
  out.writeUInt32LE(MAX_WRITE_BYTES, 20);
  out.writeUInt32LE(1, 24);
  return out;
}

export function attributesReply(of: Attributes): Buffer {
  // Valid for zero seconds: the kernel asks each time.
  return Buffer.concat([Buffer.alloc(16), attributes(of)]);
}

export function entryReply(of: Attributes): Buffer {
  const out = Buffer.alloc(40);
  out.writeBigUInt64LE(BigInt(of.node), 0);
  return Buffer.concat([out, attributes(of)]);
}

export function openReply(): Buffer {
  const out = Buffer.alloc(16);
  out.writeUInt32LE(FOPEN_DIRECT_IO, 8);
  return out;
}

export function writeReply(bytes: number): Buffer {
  const out = Buffer.alloc(8);
  out.writeUInt32LE(bytes, 0);
  return out;
}

export function statfsReply(blocks: number, free: number, blockBytes: number): Buffer {
  const out = Buffer.alloc(80);
  for (const [index, value] of [blocks, free, free, 65_536, 65_536].entries())
    out.writeBigUInt64LE(BigInt(value), index * 8);
  out.writeUInt32LE(blockBytes, 40);
  out.writeUInt32LE(255, 44);
  out.writeUInt32LE(blockBytes, 48);
  return out;
}

/** @param offset of the next entry */
export function directoryEntry(name: string, { node, mode }: Attributes, offset: number): Buffer {
  const bytes = Buffer.from(name);
  const out = Buffer.alloc(24 + Math.ceil(bytes.length / 8) * 8);
  out.writeBigUInt64LE(BigInt(node), 0);
  out.writeBigUInt64LE(BigInt(offset), 8);
  out.writeUInt32LE(bytes.length, 16);
  out.writeUInt32LE(mode >> 12, 20);
  bytes.copy(out, 24);
  return out;
}

function attributes({ node, mode, uid, gid, bytes, links, mtimeMs }: Attributes): Buffer {
  const out = Buffer.alloc(ATTRIBUTES_BYTES);
  out.writeBigUInt64LE(BigInt(node), 0);
  out.writeBigUInt64LE(BigInt(bytes), 8);
  out.writeBigUInt64LE(BigInt(Math.ceil(bytes / 512)), 16);
  for (const at of [24, 32, 40]) out.writeBigUInt64LE(BigInt(Math.floor(mtimeMs / 1_000)), at);
  for (const at of [48, 52, 56]) out.writeUInt32LE(Math.floor(mtimeMs % 1_000) * 1_000_000, at);
  out.writeUInt32LE(mode, 60);
  out.writeUInt32LE(links, 64);
  out.writeUInt32LE(uid, 68);
  out.writeUInt32LE(gid, 72);
  out.writeUInt32LE(4_096, 80);
  return out;
}
