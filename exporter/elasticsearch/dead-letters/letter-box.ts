import { readdir, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { readKind } from '../../queue/kind-file.ts';
import { appendLetters, LetterFiles, removeFile } from '../../queue/letter-files.ts';
import { lockFolder } from '../../queue/lock.ts';
import { isOfQueue } from '../../queue/queue.ts';
import { type Advice, QueueError, queueFolderError } from '../../queue/queue-error.ts';
import { deadLettersFolder } from './dead-letters.ts';
import { DeadLettersError } from './dead-letters-error.ts';
import { type Letter, type LetterLine, type Letters, readLines } from './letter.ts';

/**
 * The dead letters in a queue's folder, for commands. An exporter may be adding letters at the same time: a command
 * renames a file before it reads it to change it, and the exporter then starts another one. Commands exclude each other
 * with a lock.
 */
export class LetterBox {
  readonly #files: LetterFiles;
  readonly #unlock: () => Promise<void>;

  private constructor(files: LetterFiles, unlock: () => Promise<void>) {
    this.#files = files;
    this.#unlock = unlock;
  }

  /**
   * For commands that change letters.
   * @throws QueueError when it is not a queue's folder, or cannot be used
   * @throws DeadLettersError when another command is using it
   */
  static async open(queueDir: string, nowMs: number): Promise<LetterBox | undefined> {
    const files = await filesOf(queueDir, nowMs);
    if (files === undefined) return undefined;
    const inUse = (): DeadLettersError =>
      new DeadLettersError(
        'DEAD_LETTERS_IN_USE',
        `${files.dir}: another virtune elasticsearch dead-letters resend or drop is running; run this one again once it has ended`,
      );
    const unlock = await lockFolder(files.dir, inUse).catch((error) => {
      throw queueFolderError(files.dir, error, ADVICE);
    });
    return new LetterBox(files, unlock);
  }

  /**
   * Passes each file to `work`, oldest first. What `work` returns is kept, the rest is deleted. When it rejects, this
   * file and all later ones stay unchanged; an `error` in its result is thrown once the file is updated.
   * @throws QueueError when a file cannot be read, written or deleted
   */
  async each(work: (file: Letters) => Promise<Kept>): Promise<void> {
    try {
      for (const { path } of await this.#files.list()) await this.#change(path, work);
    } catch (error) {
      throw queueFolderError(this.#files.dir, error as Error, ADVICE);
    }
  }

  async #change(path: string, work: (file: Letters) => Promise<Kept>): Promise<void> {
    const claimed = await this.#files.claim(path);
    let kept: Kept;
    try {
      const file = await readFile(claimed);
      kept = await work(file);
      if (isSame(kept, file)) await this.#files.release(claimed);
      else await this.#replace(claimed, kept);
    } catch (error) {
      // Report the first error.
      await this.#files.release(claimed).catch(() => undefined);
      throw queueFolderError(path, error as Error, ADVICE);
    }
    if (kept.error !== undefined) throw kept.error;
  }

  async #replace(claimed: string, kept: Letters): Promise<void> {
    if (kept.letters.length > 0 || kept.damaged.length > 0) {
      const file = this.#files.fresh();
      await appendLetters(file, kept).catch(async (error) => {
        // The old file still has its letters.
        await removeFile(file);
        throw error;
      });
    }
    await removeFile(claimed);
  }

  async close(): Promise<void> {
    await this.#unlock();
  }
}

/** What is kept of a file, and why later files stay unchanged. */
export interface Kept extends Letters {
  readonly error?: Error | undefined;
}

async function readFile(path: string): Promise<Letters> {
  const letters: Letter[] = [];
  const damaged: Buffer[] = [];
  for await (const { letter, bytes } of readLines(path)) {
    if (letter === undefined) damaged.push(bytes);
    else letters.push(letter);
  }
  return { letters, damaged };
}

/** In whatever order. */
function isSame(kept: Letters, file: Letters): boolean {
  const there = new Set(file.letters);
  return (
    kept.letters.length === file.letters.length &&
    kept.damaged.length === file.damaged.length &&
    kept.letters.every((letter) => there.has(letter))
  );
}

/** A letter or a damaged line, and where it is. */
export interface FoundLine extends LetterLine {
  readonly path: string;
  /** From 1. */
  readonly line: number;
}

/** An unterminated line in a file modified this recently is probably still being written. */
const WRITING_MS = 2_000;

/**
 * All lines, oldest first, without locking: an exporter and commands may be running.
 * @throws QueueError when the folder cannot be used, or a file cannot be read
 */
export async function* allLines(queueDir: string): AsyncGenerator<FoundLine> {
  const files = await filesOf(queueDir, 0);
  try {
    for (const { path } of (await files?.list()) ?? []) yield* linesOf(path);
  } catch (error) {
    throw queueFolderError(queueDir, error as Error, ADVICE);
  }
}

async function* linesOf(path: string): AsyncGenerator<FoundLine> {
  try {
    let line = 0;
    for await (const found of readLines(path)) {
      line++;
      const isWriting = found.letter === undefined && !found.isEnded;
      if (isWriting && Date.now() - (await stat(path)).mtimeMs < WRITING_MS) continue;
      yield { ...found, path, line };
    }
  } catch (error) {
    // A command has removed or renamed it.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw queueFolderError(path, error as Error, ADVICE);
    }
  }
}

const WHERE = "set the exporter's folder with --elasticsearch.queue-dir or --config.file";
const ADVICE: Advice = { next: WHERE, permission: "run as the exporter's user or root" };

/**
 * Undefined if there have never been dead letters.
 * @throws QueueError when it is not a queue's folder, or cannot be used
 */
async function filesOf(queueDir: string, nowMs: number): Promise<LetterFiles | undefined> {
  const dir = deadLettersFolder(queueDir);
  try {
    const names = await readdir(queueDir);
    if ((await readKind(queueDir)) === 'otlp') {
      throw new QueueError(
        'QUEUE_FOLDER',
        `${queueDir} is the queue of OTLP; to send its rejected requests again see docs/opentelemetry.md, "Rejected requests", or set the folder of Elasticsearch with --elasticsearch.queue-dir`,
      );
    }
    if (names.includes(basename(dir))) {
      await readdir(dir);
      return new LetterFiles(dir, nowMs);
    }
    if (names.some(isOfQueue)) return undefined;
  } catch (error) {
    throw queueFolderError(queueDir, error as Error, ADVICE);
  }
  throw new QueueError('QUEUE_FOLDER', `${queueDir} is not the folder of a document queue; ${WHERE}`);
}
