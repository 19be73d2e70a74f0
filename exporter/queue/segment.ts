import { type FileHandle, open, readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import {
  decodeHeader,
  decodeRecord,
  encodeRecord,
  findRecord,
  HEADER_BYTES,
  type QueueRecord,
} from './record.ts';

const SUFFIX = '.vq';
const DIGITS = 16;
/** Appended to the name of a file that could not be read and is kept. */
const ASIDE_SUFFIX = '.unreadable';

/** Whether this is the name of a file that was set aside as unreadable. */
export const isAside = (name: string): boolean => name.endsWith(SUFFIX + ASIDE_SUFFIX);

/** A file of the queue, named by the number of its first document. Append-only, read in order. */
export class Segment {
  readonly path: string;
  readonly firstDocument: number;
  /** Size up to the last whole record; anything after that is torn. */
  bytes: number;
  #file: FileHandle | undefined;
  #startedAtMs: number | undefined;

  constructor(dir: string, firstDocument: number, bytes = 0) {
    this.path = join(dir, `${String(firstDocument).padStart(DIGITS, '0')}${SUFFIX}`);
    this.firstDocument = firstDocument;
    this.bytes = bytes;
  }

  /** Writes a whole record or nothing: truncates what a failed write left. */
  async append(record: QueueRecord): Promise<void> {
    const file = await this.#open();
    const bytes = encodeRecord(record);
    try {
      let written = 0;
      while (written < bytes.length) {
        // A full disk makes a short write first, and fails only the next one.
        written += (await file.write(bytes, written, bytes.length - written, this.bytes + written))
          .bytesWritten;
      }
      await file.datasync();
    } catch (error) {
      await file.truncate(this.bytes).catch(() => undefined);
      throw error;
    }
    this.bytes += bytes.length;
    this.#startedAtMs ??= record.atMs;
  }

  /** When its first record was sampled; undefined if no record can be read. */
  async startedAtMs(): Promise<number | undefined> {
    this.#startedAtMs ??= (await this.read(0))?.record.atMs;
    return this.#startedAtMs;
  }

  /**
   * The record at `offset` and the offset of the next one; skips damaged bytes to the next whole record. Undefined at
   * the end.
   */
  async read(offset: number): Promise<{ readonly record: QueueRecord; readonly next: number } | undefined> {
    if (offset >= this.bytes) return undefined;
    const head = decodeHeader(await this.#bytes(offset, HEADER_BYTES));
    if (head !== undefined) {
      const record = decodeRecord(await this.#bytes(offset, HEADER_BYTES + head.payloadBytes));
      if (record !== undefined) return { record, next: offset + HEADER_BYTES + head.payloadBytes };
    }
    const rest = await this.#bytes(offset, this.bytes - offset);
    const found = findRecord(rest, 1);
    return found === undefined ? undefined : this.read(offset + found);
  }

  async #bytes(offset: number, length: number): Promise<Buffer> {
    const file = await this.#open();
    const bytes = Buffer.allocUnsafe(Math.min(length, this.bytes - offset));
    let read = 0;
    try {
      while (read < bytes.length) {
        const { bytesRead } = await file.read(bytes, read, bytes.length - read, offset + read);
        if (bytesRead === 0) break;
        read += bytesRead;
      }
    } catch (error) {
      // Reopening may help, for example when a network file system was away.
      await this.closeFile().catch(() => undefined);
      throw error;
    }
    return bytes.subarray(0, read);
  }

  /** The file's path once it is set aside. */
  get aside(): string {
    return this.path + ASIDE_SUFFIX;
  }

  /** Renames it to a name that the queue ignores. */
  async putAside(): Promise<void> {
    await this.closeFile().catch(() => undefined);
    await rename(this.path, this.aside);
  }

  /** Closes the file until it is needed again: a long queue has more files than a process may hold open. */
  async closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  async remove(): Promise<void> {
    await this.closeFile();
    await unlink(this.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }

  async #open(): Promise<FileHandle> {
    this.#file ??= await open(this.path, 'r+').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      // Not 'a': Linux ignores the position of such writes.
      return open(this.path, 'wx+', 0o600);
    });
    return this.#file;
  }
}

/** The segments of a folder, oldest first. */
export async function findSegments(dir: string): Promise<Segment[]> {
  const names = (await readdir(dir)).filter((name) => /^\d{16}\.vq$/.test(name)).sort();
  const segments: Segment[] = [];
  for (const name of names) {
    const file = await open(join(dir, name), 'r');
    try {
      segments.push(new Segment(dir, Number(name.slice(0, DIGITS)), (await file.stat()).size));
    } finally {
      await file.close();
    }
  }
  return segments;
}
