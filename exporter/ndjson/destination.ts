import { close, fstat, open } from 'node:fs';
import { readlink } from 'node:fs/promises';
import { Socket } from 'node:net';
import { promisify } from 'node:util';
import { LineFile } from './line-file.ts';
import { closedError, notRegularError, OutputError, openError, writeError } from './output-error.ts';

const STANDARD_OUTPUT = 'standard output';

/** Where lines go. One write at a time. */
export interface Destination {
  /** For messages: the file's path, or standard output, with its path if it is a file. */
  readonly target: string;
  /**
   * Resolves once everything is written.
   * @throws OutputError OUTPUT_WRITE if the write failed but the next one may succeed; OUTPUT_CLOSED if none will
   */
  write(text: string): Promise<void>;
  /** Reopens the file by name, after it was renamed. @throws OutputError, and the old file stays open */
  reopen(): Promise<void>;
  close(): Promise<void>;
}

/** @throws OutputError when the file cannot be written */
export async function openFile(path: string): Promise<Destination> {
  let file = await openForLines(path);
  return {
    target: path,
    async write(text) {
      const failed = await file.write(text);
      if (failed !== undefined) throw writeError(path, failed);
    },
    async reopen() {
      const next = await openForLines(path);
      const before = file;
      file = next;
      await before.close();
    },
    close: () => file.close(),
  };
}

async function openForLines(path: string): Promise<LineFile> {
  let fd: number;
  try {
    fd = await promisify(open)(path, 'a+');
  } catch (error) {
    throw openError(path, error);
  }
  try {
    if (!(await promisify(fstat)(fd)).isFile()) throw notRegularError(path);
    return await LineFile.of(fd);
  } catch (error) {
    await promisify(close)(fd);
    throw error instanceof OutputError ? error : openError(path, error);
  }
}

/**
 * Standard output. Not through `process.stdout`, which may block the whole process, and every scrape, while the reader
 * of a pipe does not read (https://nodejs.org/api/process.html#a-note-on-process-io).
 */
export async function openStandardOutput(fd = 1): Promise<Destination> {
  const stat = await promisify(fstat)(fd);
  return stat.isFIFO() || stat.isSocket() ? openPipe(fd) : openDescriptor(fd);
}

function openPipe(fd: number): Destination {
  const socket = new Socket({ fd, readable: false, writable: true });
  let failure: Error | undefined;
  socket.on('error', (error) => {
    failure = error;
  });
  socket.unref();
  return {
    target: STANDARD_OUTPUT,
    // A stream does not recover from an error.
    write: (text) =>
      new Promise<void>((resolve, reject) => {
        if (failure !== undefined) return reject(failure);
        socket.write(text, (error) => (error == null ? resolve() : reject(error)));
      }).catch((error: Error) => {
        throw closedError(STANDARD_OUTPUT, failure ?? error);
      }),
    reopen: async () => undefined,
    close: async () => {
      socket.destroy();
    },
  };
}

/** Errors of a terminal that was closed. */
const CLOSED = new Set<string | undefined>(['EPIPE', 'EIO', 'EBADF']);

/**
 * A file, terminal or device opened by the shell: written from the thread pool, so that it never blocks the event loop.
 */
async function openDescriptor(fd: number): Promise<Destination> {
  const file = await LineFile.ofInherited(fd);
  const isFile = (await promisify(fstat)(fd)).isFile();
  const target = isFile ? await namedTarget(fd) : STANDARD_OUTPUT;
  return {
    target,
    async write(text) {
      const failed = await file.write(text);
      if (failed === undefined) return;
      const isClosed = !isFile && CLOSED.has((failed.error as NodeJS.ErrnoException).code);
      throw isClosed ? closedError(target, failed.error) : writeError(target, failed);
    },
    reopen: async () => undefined,
    close: async () => undefined,
  };
}

async function namedTarget(fd: number): Promise<string> {
  const path = await readlink(`/proc/self/fd/${fd}`).catch(() => undefined);
  return path === undefined ? STANDARD_OUTPUT : `${STANDARD_OUTPUT} (${path})`;
}
