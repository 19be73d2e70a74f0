import { randomUUID } from 'node:crypto';
import { type FileHandle, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const SUFFIX = '.ndjson';
const NEWLINE = Buffer.from('\n');
/** Of a file that a command works on; the exporter neither writes to it nor deletes it. */
const CLAIMED = '.claimed';

/** What lines of a file hold. */
export interface LetterLines {
  readonly letters: readonly object[];
  /** Lines that are not letters, without their line breaks. */
  readonly damaged: readonly Buffer[];
}

/** A folder of dead letters: files with a letter per line, named so that the oldest is the first. */
export class LetterFiles {
  readonly dir: string;
  /** Of this object and no other: two never write to one file. */
  readonly #prefix: string;
  #count = 0;

  constructor(dir: string, nowMs: number) {
    this.dir = dir;
    this.#prefix = `${String(Math.floor(nowMs)).padStart(15, '0')}-${randomUUID().slice(0, 8)}`;
  }

  /** A path that no file had. */
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
        // A command may have removed it since.
        const bytes = await stat(path).then(
          ({ size }) => size,
          () => undefined,
        );
        return bytes === undefined ? [] : [{ path, bytes, isClaimed: name.endsWith(CLAIMED) }];
      }),
    );
    return found.flat();
  }

  /** Takes a file away from the exporter. @returns its new path */
  async claim(path: string): Promise<string> {
    if (path.endsWith(CLAIMED)) return path;
    await rename(path, path + CLAIMED);
    return path + CLAIMED;
  }

  /** Gives a file back as it is. */
  async release(path: string): Promise<void> {
    await rename(path, path.slice(0, -CLAIMED.length));
  }
}

/**
 * Adds letters to a file, on the disk when it resolves; when it rejects, none is left there, as far as the disk lets itself be
 * written. A file that root creates gets the owner of the folder: an exporter that runs as another user goes on to use it.
 * @returns whether the file is still the one of that name: else a command took it away, and may not have read them
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
    // A disk that takes nothing would get an empty file with each attempt.
    if ((await file.stat().catch(() => undefined))?.size === 0) await removeFile(path).catch(() => undefined);
    throw error;
  } finally {
    // What was written is on the disk; a close that fails loses nothing.
    await file.close().catch(() => undefined);
  }
  try {
    return (await stat(path)).ino === inode;
  } catch (error) {
    // A disk that does not say so has them: they were written.
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}

/** At the end of the file, and on the disk, or not at all: the caller counts them as lost. */
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
