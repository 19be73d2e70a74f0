import { type FileHandle, open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { jsonText } from '../../model/json-text.ts';
import { VirtuneError } from '../../model/virtune-error.ts';
import { inTime } from '../deadline.ts';
import type { HostSample } from '../host-sample.ts';
import { encode } from './codec.ts';

const compress = promisify(gzip);

/** A recording that cannot be written or read. */
export class RecordingError extends VirtuneError {
  override readonly name = 'RecordingError';
  constructor(message: string, options?: ErrorOptions) {
    super('RECORDING', message, options);
  }
}

export const RECORDING_VERSION = 1;

/** Writing the rest takes much less, unless the file system hangs. */
const CLOSE_MAX_MS = 5_000;

/** Bounds the backlog in memory when the disk does not keep up: further samples are dropped. */
const PENDING_MAX = 64;

/**
 * Writes samples as JSON, one per line, in consecutive gzip members: `zcat` reads the file, a crash loses the
 * last sample at most, and a reader can seek to any of them without unpacking those before it.
 */
export class Recorder {
  readonly file: string;
  readonly #handle: FileHandle;
  readonly #known = new WeakMap<object, number>();
  #next = 0;
  #writing: Promise<void> = Promise.resolve();
  #pending = 0;
  #error: Error | undefined;

  private constructor(file: string, handle: FileHandle) {
    this.file = file;
    this.#handle = handle;
  }

  /**
   * Never overwrites a file; readable by its owner only, since it shows who runs what.
   * @throws RecordingError
   */
  static async create(file: string): Promise<Recorder> {
    try {
      const recorder = new Recorder(file, await open(file, 'wx', 0o600));
      recorder.#append([{ virtune: 'recording', version: RECORDING_VERSION }]);
      return recorder;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw new RecordingError(
        code === 'EEXIST'
          ? `${file} already exists; choose another name`
          : `${file} cannot be written: ${message}`,
        { cause: error },
      );
    }
  }

  /** The error after which nothing more is written, if any. */
  get error(): Error | undefined {
    return this.#error;
  }

  add(
    host: { readonly name: string; readonly uri: string; readonly groups: readonly string[] },
    sample: HostSample,
  ): void {
    if (this.#pending >= PENDING_MAX) return;
    const lines: unknown[] = [];
    const definitions = {
      number: (value: object): { id: number; isNew: boolean } => {
        const known = this.#known.get(value);
        if (known !== undefined) return { id: known, isNew: false };
        const id = this.#next++;
        this.#known.set(value, id);
        return { id, isNew: true };
      },
    };
    const json = encode(sample, definitions, (id, value) => lines.push({ define: id, value }));
    lines.push({ at: sample.startedAtMs, host, sample: json });
    this.#append(lines);
  }

  /** @throws RecordingError if the rest cannot be written in time: the file system may hang */
  async close(): Promise<void> {
    const isClosed = await inTime(
      this.#writing.then(() => this.#handle.close()).then(() => true),
      CLOSE_MAX_MS,
    );
    if (isClosed === true) return;
    throw new RecordingError(
      `the last samples could not be written to ${this.file} within ${CLOSE_MAX_MS / 1_000} s; check its file system`,
    );
  }

  #append(lines: readonly unknown[]): void {
    const text = lines.map((line) => `${jsonText(line)}\n`).join('');
    this.#pending++;
    this.#writing = this.#writing
      .then(async () => {
        // Unlike `write`, it continues after a partial write.
        if (this.#error === undefined) await this.#handle.appendFile(await compress(text, { level: 4 }));
      })
      .catch((error: Error) => {
        this.#error = new RecordingError(`${this.file} cannot be written: ${error.message}`, {
          cause: error,
        });
      })
      .finally(() => {
        this.#pending--;
      });
  }
}
