import { randomUUID } from 'node:crypto';
import { open, readdir, rename, stat, unlink } from 'node:fs/promises';
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
 * Adds letters to a file, on the disk when it resolves. A file that root creates gets the owner of the folder: an exporter
 * that runs as another user goes on to use it.
 * @returns whether the file is still the one of that name: else a command took it away, and may not have read them
 */
export async function appendLetters(path: string, { letters, damaged }: LetterLines): Promise<boolean> {
  const file = await open(path, 'a', 0o600);
  let written: number;
  try {
    if (process.getuid?.() === 0) {
      const { uid, gid } = await stat(dirname(path));
      await file.chown(uid, gid);
    }
    const lines = letters.map((letter) => `${JSON.stringify(letter)}\n`).join('');
    await file.writeFile(Buffer.concat([Buffer.from(lines), ...damaged.flatMap((line) => [line, NEWLINE])]));
    await file.datasync();
    written = (await file.stat()).ino;
  } finally {
    await file.close();
  }
  const there = await stat(path).catch(() => undefined);
  return there?.ino === written;
}

export async function removeFile(path: string): Promise<void> {
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}
