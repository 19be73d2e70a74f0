import { randomUUID } from 'node:crypto';
import { type FileHandle, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const SUFFIX = '.ndjson';
const NEWLINE = Buffer.from('\n');
/** Marks a file that a command is working on; the exporter neither writes to it nor deletes it. */
const CLAIMED = '.claimed';

/** The parsed lines of a file. */
export interface LetterLines {
  readonly letters: readonly object[];
  /** Lines that are not letters, without their line breaks. */
  readonly damaged: readonly Buffer[];
}

/** A folder of dead letters: files with one letter per line, whose names sort oldest first. */
export class LetterFiles {
  readonly dir: string;
  /** Unique per object, so that two never write to the same file. */
  readonly #prefix: string;
  #count = 0;

  constructor(dir: string, nowMs: number) {
    this.dir = dir;
    this.#prefix = `${String(Math.floor(nowMs)).padStart(15, '0')}-${randomUUID().slice(0, 8)}`;
  }

  /** A path that was never used before. */
  fresh(): string {
    return join(this.dir, `${this.#prefix}-${String(this.#count++).padStart(6, '0')}${SUFFIX}`);
  }

  /** All files, the oldest first. */
  async list(): Promise<{ readonly path: string; readonly bytes: number; readonly isClaimed: boolean }[]> {
    const names = await readdir(this.dir).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    const files = names.filter((name) => name.endsWith(SUFFIX) || name.endsWith(SUFFIX + CLAIMED)).sort();
    const found = await Promise.all(
      files.map(async (name) => {
        const path = join(this.dir, name);
        // A command may have removed it in the meantime.
        const bytes = await stat(path).then(
          ({ size }) => size,
          () => undefined,
        );
        return bytes === undefined ? [] : [{ path, bytes, isClaimed: name.endsWith(CLAIMED) }];
      }),
    );
    return found.flat();
  }

  /** Takes a file over from the exporter. @returns its new path */
  async claim(path: string): Promise<string> {
    if (path.endsWith(CLAIMED)) return path;
    await rename(path, path + CLAIMED);
    return path + CLAIMED;
  }

  /** Hands a file back unchanged. */
  async release(path: string): Promise<void> {
    await rename(path, path.slice(0, -CLAIMED.length));
  }
}

/**
 * Appends letters to a file; they are on disk when it resolves. When it rejects, the file is truncated to its old size,
 * as far as the disk allows. A file created by root gets the owner of the folder, so that an exporter running as
 * another user can keep using it.
 * @returns whether the path still names this file: if not, a command claimed it and may have missed these letters
 */
export async function appendLetters(path: string, { letters, damaged }: LetterLines): Promise<boolean> {
  const lines = letters.map((letter) => `${JSON.stringify(letter)}\n`).join('');
  const bytes = Buffer.concat([Buffer.from(lines), ...damaged.flatMap((line) => [line, NEWLINE])]);
  const file = await open(path, 'a', 0o600);
  let inode: number;
  try {
    if (process.getuid?.() === 0) {
      const { uid, gid } = await stat(dirname(path));
      await file.chown(uid, gid);
    }
    const before = await file.stat();
    inode = before.ino;
    await writeWhole(file, bytes, before.size);
  } catch (error) {
    // Otherwise each attempt would leave an empty file on a disk that rejects writes.
    if ((await file.stat().catch(() => undefined))?.size === 0) await removeFile(path).catch(() => undefined);
    throw error;
  } finally {
    // Data is already synced; a failed close loses nothing.
    await file.close().catch(() => undefined);
  }
  try {
    return (await stat(path)).ino === inode;
  } catch (error) {
    // Any other error proves nothing: the letters were written.
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}

/** Appends and syncs all of it or nothing: the caller counts a failure as lost. */
async function writeWhole(file: FileHandle, bytes: Buffer, sizeBefore: number): Promise<void> {
  try {
    await file.writeFile(bytes);
    await file.datasync();
  } catch (error) {
    await file.truncate(sizeBefore).catch(() => undefined);
    throw error;
  }
}

export async function removeFile(path: string): Promise<void> {
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}
