import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** Grows to the largest file read so far, and is kept: most are read again at every tick. */
let buffer = Buffer.allocUnsafeSlow(64 * 1_024);

/**
 * The text of a file of /proc, /sys or a control group; undefined if it cannot be read. Synchronous, with few
 * system calls: the kernel answers from memory in microseconds, less than a round trip to the thread pool.
 */
export function readProcFile(path: string): string | undefined {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    let length = 0;
    for (;;) {
      const read = readSync(file, buffer, length, buffer.length - length, null);
      if (read === 0) return buffer.toString('utf8', 0, length);
      length += read;
      if (length === buffer.length) buffer = Buffer.concat([buffer], 2 * buffer.length);
    }
  } catch {
    return undefined;
  } finally {
    closeSync(file);
  }
}

/** For a file that is slow to read, e.g. because the kernel walks page tables: read by another thread. */
export async function readSlowProcFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Names in a folder; none where it cannot be read. */
export function listNames(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
