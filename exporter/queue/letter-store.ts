import { stat } from 'node:fs/promises';
import { makeFolder } from '../../sampler/make-folder.ts';
import { appendLetters, LetterFiles, removeFile } from './letter-files.ts';
import { exporterAdvice, queueFolderError } from './queue-error.ts';
import type { QueueKind } from './queue-kind.ts';

const FILE_BYTES = 16 * 1024 * 1024;
/** Files are deleted whole; this limits the share of letters lost at once. */
const FILES_MIN = 8;

export interface LetterStoreOptions {
  readonly path: string;
  readonly kind: QueueKind;
  readonly maxBytes: number;
  /** Called with errors of the disk, and when letters are deleted because of the limit. */
  readonly onTrouble: (error: Error) => void;
  /** Documentation or command to refer to in messages. */
  readonly seeAlso: string;
}

/** What a server rejected, on disk with the reason, one JSON object per line. Above a limit the oldest are deleted. */
export class LetterStore {
  readonly #options: LetterStoreOptions;
  readonly #files: LetterFiles;
  #file: string | undefined;
  #work: Promise<unknown> = Promise.resolve();

  constructor(options: LetterStoreOptions) {
    this.#options = options;
    this.#files = new LetterFiles(options.path, Date.now());
  }

  /**
   * Never rejects.
   * @returns whether all of them are on disk; if not, none is, and `onTrouble` was called with the reason
   */
  keep(letters: readonly object[]): Promise<boolean> {
    const kept = this.#work.then(() => this.#keep(letters));
    this.#work = kept;
    return kept;
  }

  async #keep(letters: readonly object[]): Promise<boolean> {
    const { path, kind, onTrouble } = this.#options;
    const report = (error: Error): void => onTrouble(queueFolderError(path, error, exporterAdvice(kind)));
    try {
      await this.#write(letters);
    } catch (error) {
      report(error as Error);
      return false;
    }
    // The letters are saved, even if enforcing the limit fails.
    await this.#limit().catch(report);
    return true;
  }

  async #write(letters: readonly object[]): Promise<void> {
    await makeFolder(this.#options.path, { mode: 0o700 });
    for (;;) {
      const file = await this.#writable();
      // A failed write may have left half a line: start a new file next time.
      this.#file = undefined;
      const isThere = await appendLetters(file, { letters, damaged: [] });
      if (!isThere) continue;
      this.#file = file;
      return;
    }
  }

  async #writable(): Promise<string> {
    const file = this.#file ?? this.#files.fresh();
    const { size } = await stat(file).catch(() => ({ size: 0 }));
    const maxBytes = Math.min(FILE_BYTES, this.#options.maxBytes / FILES_MIN);
    return size < maxBytes ? file : this.#files.fresh();
  }

  async #limit(): Promise<void> {
    const { maxBytes, onTrouble, seeAlso } = this.#options;
    const files = await this.#files.list();
    let bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    for (const file of files) {
      if (bytes <= maxBytes) return;
      if (file.isClaimed || file.path === this.#file) continue;
      await removeFile(file.path);
      bytes -= file.bytes;
      onTrouble(
        new Error(
          `the oldest dead letters (${file.bytes} bytes) were deleted, since dead_letters_size was exceeded; see ${seeAlso}`,
        ),
      );
    }
  }
}
