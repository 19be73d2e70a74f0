import { dirname } from 'node:path';
import { pathExists, type ReadFile, readSmallFile } from '../libvirt/small-file.ts';
import type { PkiReader } from '../libvirt/transport/pki.ts';
import { unreadableText } from '../model/system-error.ts';

/** Half of the time allowed for connecting to libvirt. */
const FILE_MS = 5_000;
/** For a file system that timed out before: the cached content is good enough, so nothing has to wait for it. */
const HUNG_MS = 500;
/** A bundle of all public CAs is a quarter of that. */
const REMEMBERED_MAX_BYTES = 1024 * 1024;

/** Caused by the operator, not by a failing file system. */
const MEANT = new Set<string | undefined>([
  'ENOENT',
  'ENOTDIR',
  'EACCES',
  'EPERM',
  'EISDIR',
  'ELOOP',
  'ENAMETOOLONG',
  'EFBIG',
]);

/**
 * Secrets and certificates, read again for each new connection, since they may have been replaced. While their file
 * system hangs or fails, the last content read is used: connecting to a server must not depend on it.
 */
export class RememberedFiles implements PkiReader {
  readonly #log: (message: string) => void;
  readonly #fileMs: number;
  readonly #known = new Map<string, Buffer>();
  /** Whether a file existed when last checked. */
  readonly #wasThere = new Map<string, boolean>();
  /** A file system hangs as a whole, with all files of a host on it. */
  readonly #hungFolders = new Set<string>();
  /** Files whose failure was logged and still lasts. */
  readonly #inTrouble = new Set<string>();

  /** @param log called when cached content starts to be used, and when the file can be read again */
  constructor(log: (message: string) => void, fileMs = FILE_MS) {
    this.#log = log;
    this.#fileMs = fileMs;
  }

  /** The current content, for a start or a reload. @throws the system error */
  readonly fresh: ReadFile = async (path) => {
    const bytes = await readSmallFile(path);
    this.#remember(path, bytes);
    return bytes;
  };

  /** @throws the system error if the file is gone, may not be read, or was never read */
  readonly read: ReadFile = async (path) => {
    const known = this.#known.get(path);
    try {
      const bytes = await readSmallFile(path, { withinMs: this.#withinMs(path) });
      this.#remember(path, bytes);
      return bytes;
    } catch (error) {
      this.#noteHung(path, error);
      if (known === undefined || MEANT.has((error as NodeJS.ErrnoException).code)) throw error;
      this.#note(path, error);
      return known;
    }
  };

  readonly exists = async (path: string): Promise<boolean> => {
    const before = this.#wasThere.get(path) ?? (this.#known.has(path) || undefined);
    try {
      const isThereNow = await pathExists(path, this.#withinMs(path));
      this.#hungFolders.delete(dirname(path));
      this.#wasThere.set(path, isThereNow);
      return isThereNow;
    } catch (error) {
      this.#noteHung(path, error);
      if (before === undefined) throw error;
      // A file known to be absent is not missed.
      if (before) this.#note(path, error);
      return before;
    }
  };

  #withinMs(path: string): number {
    return this.#hungFolders.has(dirname(path)) ? Math.min(HUNG_MS, this.#fileMs) : this.#fileMs;
  }

  #noteHung(path: string, error: unknown): void {
    if ((error as NodeJS.ErrnoException).code === 'ETIMEDOUT') this.#hungFolders.add(dirname(path));
  }

  #remember(path: string, bytes: Buffer): void {
    this.#hungFolders.delete(dirname(path));
    if (bytes.length <= REMEMBERED_MAX_BYTES) this.#known.set(path, bytes);
    if (this.#inTrouble.delete(path)) this.#log(`${path} can be read again`);
  }

  #note(path: string, error: unknown): void {
    if (this.#inTrouble.has(path)) return;
    this.#inTrouble.add(path);
    this.#log(
      `${path} cannot be read: ${unreadableText(error)}; its previous content stays in use until it can be read again`,
    );
  }
}
