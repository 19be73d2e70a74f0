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
   * @throws QueueError when it is not the folder of a queue, or cannot be used
   * @throws DeadLettersError when another command works on it
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
   * Hands out the files, the oldest first. What `work` returns is kept, the rest is deleted. When it rejects, its file and
   * all after it stay as they are; an error in what it returns is thrown once its file is as it says.
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
      // The first error counts.
      await this.#files.release(claimed).catch(() => undefined);
      throw queueFolderError(path, error as Error, ADVICE);
    }
    if (kept.error !== undefined) throw kept.error;
  }

  async #replace(claimed: string, kept: Letters): Promise<void> {
    if (kept.letters.length > 0 || kept.damaged.length > 0) {
      const file = this.#files.fresh();
      await appendLetters(file, kept).catch(async (error) => {
        // Its letters are in the old file, too.
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

/** What of a file is kept, and why the files after it stay as they are. */
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

/** A line without an end in a file that was written so recently is probably being written. */
const WRITING_MS = 2_000;

/**
 * All lines, the oldest first, without a lock: an exporter and commands may be at work.
 * @throws QueueError when the folder cannot be used, or a file not be read
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
 * Undefined where there have never been dead letters.
 * @throws QueueError when it is not the folder of a queue, or cannot be used
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
