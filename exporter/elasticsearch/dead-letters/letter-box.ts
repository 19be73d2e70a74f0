import { stat } from 'node:fs/promises';
import { lockFolder } from '../queue/lock.ts';
import { QueueError } from '../queue/queue-error.ts';
import { deadLettersFolder } from './dead-letters.ts';
import { DeadLettersError } from './dead-letters-error.ts';
import { type Letter, readLetters } from './letter.ts';
import { appendLetters, LetterFiles, removeFile } from './letter-files.ts';

/**
 * The dead letters of a queue's folder, for commands. An exporter may run at the same time and add letters: a command
 * renames a file before it reads it to change it, and the exporter then writes to another one. Two commands at a time
 * exclude each other by a lock.
 */
export class LetterBox {
  readonly #files: LetterFiles;
  readonly #unlock: () => Promise<void>;

  private constructor(files: LetterFiles, unlock: () => Promise<void>) {
    this.#files = files;
    this.#unlock = unlock;
  }

  /**
   * For a command that changes letters.
   * @throws QueueError when the folder cannot be used
   * @throws DeadLettersError when another command works on it
   */
  static async open(queueDir: string, nowMs: number): Promise<LetterBox | undefined> {
    const files = await filesOf(queueDir, nowMs);
    if (files === undefined) return undefined;
    const unlock = await lockFolder(
      files.dir,
      () =>
        new DeadLettersError(
          'DEAD_LETTERS_IN_USE',
          `${files.dir}: another virtune elasticsearch dead-letters is at work; run this one again once it has ended`,
        ),
    );
    return new LetterBox(files, unlock);
  }

  /**
   * Hands out the letters file by file, the oldest first. Those that `work` returns are kept, the others are deleted.
   * When it rejects, its file and all after it stay as they are.
   */
  async each(work: (letters: readonly Letter[]) => Promise<readonly Letter[]>): Promise<void> {
    for (const { path } of await this.#files.list()) {
      const claimed = await this.#files.claim(path);
      try {
        const letters: Letter[] = [];
        for await (const letter of readLetters(claimed)) letters.push(letter);
        const kept = await work(letters);
        if (kept.length === letters.length) {
          await this.#files.release(claimed);
          continue;
        }
        if (kept.length > 0) await appendLetters(this.#files.fresh(), kept);
        await removeFile(claimed);
      } catch (error) {
        await this.#files.release(claimed);
        throw error;
      }
    }
  }

  async close(): Promise<void> {
    await this.#unlock();
  }
}

/**
 * All letters, the oldest first, without a lock: an exporter and commands may be at work.
 * @throws QueueError when the folder cannot be used
 */
export async function* allLetters(queueDir: string): AsyncGenerator<Letter> {
  const files = await filesOf(queueDir, 0);
  for (const { path } of (await files?.list()) ?? []) {
    try {
      yield* readLetters(path);
    } catch (error) {
      // A command has removed or renamed it.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

/** Undefined where there have never been dead letters. */
async function filesOf(queueDir: string, nowMs: number): Promise<LetterFiles | undefined> {
  const dir = deadLettersFolder(queueDir);
  try {
    await stat(queueDir);
    await stat(dir);
  } catch (error) {
    const { code, path, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && path === dir) return undefined;
    throw new QueueError(
      'QUEUE_FOLDER',
      `${queueDir} cannot be read: ${message}; set the exporter's folder with --elasticsearch.queue-dir or --config.file, and run as its user or root`,
      error,
    );
  }
  return new LetterFiles(dir, nowMs);
}
