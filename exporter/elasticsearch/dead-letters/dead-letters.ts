import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../../sampler/make-folder.ts';
import { EXPORTER_ADVICE, queueFolderError } from '../../queue/queue-error.ts';
import { type DeadLetter, type Letter, letterOf } from './letter.ts';
import { appendLetters, LetterFiles, removeFile } from './letter-files.ts';

/** The folder of dead letters within that of the queue. */
export function deadLettersFolder(queueDir: string): string {
  return join(queueDir, 'dead-letters');
}

const FILE_BYTES = 16 * 1024 * 1024;
/** A file is deleted whole, so that no more than this share of the letters goes at once. */
const FILES_MIN = 8;

/**
 * Documents that the server rejected, on disk with the reason, until `virtune elasticsearch dead-letters` sends or
 * deletes them. Above a limit the oldest are deleted.
 */
export class DeadLetters {
  readonly path: string;
  readonly #maxBytes: number;
  readonly #onTrouble: (error: Error) => void;
  readonly #files: LetterFiles;
  #file: string | undefined;
  #work: Promise<void> = Promise.resolve();

  /** @param onTrouble called with errors of the disk, and when letters are deleted because of the limit */
  constructor(queueDir: string, maxBytes: number, onTrouble: (error: Error) => void) {
    this.path = deadLettersFolder(queueDir);
    this.#maxBytes = maxBytes;
    this.#onTrouble = onTrouble;
    this.#files = new LetterFiles(this.path, Date.now());
  }

  /** Never rejects: the caller counts a letter that cannot be kept, too. */
  async keep(letters: readonly DeadLetter[], nowMs: number): Promise<void> {
    const lines = letters.map((letter) => letterOf(letter, nowMs));
    this.#work = this.#work
      .then(() => this.#write(lines))
      .catch((error: Error) => {
        this.#onTrouble(queueFolderError(this.path, error, EXPORTER_ADVICE));
      });
    await this.#work;
  }

  async #write(letters: readonly Letter[]): Promise<void> {
    await makeFolder(this.path, { mode: 0o700 });
    for (;;) {
      const file = await this.#writable();
      // A write that failed may have left half a line: the next one begins another file.
      this.#file = undefined;
      const isThere = await appendLetters(file, { letters, damaged: [] });
      if (!isThere) continue;
      this.#file = file;
      break;
    }
    await this.#limit();
  }

  async #writable(): Promise<string> {
    const file = this.#file ?? this.#files.fresh();
    const { size } = await stat(file).catch(() => ({ size: 0 }));
    return size < Math.min(FILE_BYTES, this.#maxBytes / FILES_MIN) ? file : this.#files.fresh();
  }

  async #limit(): Promise<void> {
    const files = await this.#files.list();
    let bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    for (const file of files) {
      if (bytes <= this.#maxBytes) return;
      if (file.isClaimed || file.path === this.#file) continue;
      await removeFile(file.path);
      bytes -= file.bytes;
      this.#onTrouble(
        new Error(
          `the oldest dead letters, ${file.bytes} bytes, were deleted: there are more than dead_letters_size; see virtune elasticsearch dead-letters`,
        ),
      );
    }
  }
}
