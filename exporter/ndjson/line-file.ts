import { close, fstat, ftruncate, readFileSync, write as writeTo } from 'node:fs';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';

const stat = promisify(fstat);
const write = promisify(writeTo);
const truncate = promisify(ftruncate);

const NEWLINE = 0x0a;
/** asm-generic/fcntl.h, as in /proc/PID/fdinfo. */
const O_APPEND = 0o2000;

export interface FailedWrite {
  readonly error: unknown;
  /** Whole lines that were written nevertheless. */
  readonly lines: number;
}

/** An open file that only gets whole lines: each starts on a new line, even after a partial write. */
export class LineFile {
  readonly #fd: number;
  /** Whether the file is open for appending: only then can an unfinished line be truncated. */
  readonly #isAppending: boolean;
  /** Whether the file ends in the middle of a line. */
  #isUnfinished: boolean;

  private constructor(fd: number, isAppending: boolean, isUnfinished: boolean) {
    this.#fd = fd;
    this.#isAppending = isAppending;
    this.#isUnfinished = isUnfinished;
  }

  /** @param fd of a regular file that is open for appending */
  static async of(fd: number): Promise<LineFile> {
    return new LineFile(fd, true, await endsWithinLine(fd, false));
  }

  /** @param fd of a file, terminal or device opened by another process, perhaps write-only */
  static async ofInherited(fd: number): Promise<LineFile> {
    if (!(await stat(fd)).isFile()) return new LineFile(fd, false, false);
    const isAppending = isOpenForAppending(fd);
    return new LineFile(fd, isAppending, isAppending && (await endsWithinLine(fd, false)));
  }

  /**
   * @param text whole lines, each ended
   * @returns the system error if not everything could be written, and how many lines were; a partial line is truncated
   * now, or terminated by the next write
   */
  async write(text: string): Promise<FailedWrite | undefined> {
    const prefix = this.#isUnfinished ? '\n' : '';
    const bytes = Buffer.from(prefix + text);
    let at = 0;
    let before = 0;
    try {
      before = (await stat(this.#fd)).size;
      while (at < bytes.length) at += (await write(this.#fd, bytes, at)).bytesWritten;
    } catch (error) {
      if (at === 0 || (await this.#cutBack(before, at))) return { error, lines: 0 };
      const isUnfinished = bytes[at - 1] !== NEWLINE;
      this.#isUnfinished = this.#isAppending ? await endsWithinLine(this.#fd, isUnfinished) : isUnfinished;
      return { error, lines: linesIn(bytes.subarray(prefix.length, at)) };
    }
    this.#isUnfinished = false;
    return undefined;
  }

  close(): Promise<void> {
    return promisify(close)(this.#fd);
  }

  /**
   * Truncates a partial write; returns whether that worked. Not attempted if another process has written to the file or
   * truncated it.
   */
  async #cutBack(before: number, written: number): Promise<boolean> {
    try {
      if (!this.#isAppending || (await stat(this.#fd)).size !== before + written) return false;
      await truncate(this.#fd, before);
      return true;
    } catch {
      return false;
    }
  }
}

function linesIn(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) count++;
  return count;
}

/**
 * Whether the file ends in the middle of a line, as a killed writer leaves it; `otherwise` if it cannot be read.
 * Reopens the file to read: the descriptor may be write-only.
 */
async function endsWithinLine(fd: number, otherwise: boolean): Promise<boolean> {
  try {
    const { size } = await stat(fd);
    if (size === 0) return false;
    const file = await open(`/proc/self/fd/${fd}`, 'r');
    try {
      const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
      return buffer[0] !== NEWLINE;
    } finally {
      await file.close();
    }
  } catch {
    return otherwise;
  }
}

function isOpenForAppending(fd: number): boolean {
  try {
    const [, flags = '0'] = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? [];
    return (Number.parseInt(flags, 8) & O_APPEND) !== 0;
  } catch {
    return false;
  }
}
