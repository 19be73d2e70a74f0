import { fstatSync, write as writeToDescriptor } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Socket } from 'node:net';
import { promisify } from 'node:util';
import { systemErrorText } from '../../model/system-error.ts';
import { OutputError } from './output-error.ts';

const write = promisify(writeToDescriptor);

/** Where lines go. One write at a time. */
export interface Destination {
  /** Resolves once all of it is written. Rejects when it is not; a file then has no part of it. */
  write(text: string): Promise<void>;
  /** Opens the file of that name again, after it was renamed. @throws OutputError, and the old one stays open */
  reopen(): Promise<void>;
  close(): Promise<void>;
}

/** @throws OutputError when the file cannot be written */
export async function openFile(path: string): Promise<Destination> {
  let handle = await openForLines(path);
  return {
    async write(text) {
      const { size } = await handle.stat();
      try {
        await handle.appendFile(text);
      } catch (error) {
        // A part of a document would spoil the line of the next one.
        await handle.truncate(size).catch(() => undefined);
        throw error;
      }
    },
    async reopen() {
      const next = await openForLines(path);
      const before = handle;
      handle = next;
      await before.close();
    },
    close: () => handle.close(),
  };
}

async function openForLines(path: string): Promise<FileHandle> {
  try {
    const handle = await open(path, 'a+');
    const stat = await handle.stat();
    if (!stat.isFile()) {
      await handle.close();
      throw new OutputError(`${path} is not a regular file; use --output ndjson and pipe standard output`);
    }
    // A writer that was killed may have left a line without its end.
    if (stat.size > 0) {
      const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, stat.size - 1);
      if (buffer[0] !== 0x0a) await handle.appendFile('\n');
    }
    return handle;
  } catch (error) {
    if (error instanceof OutputError) throw error;
    throw new OutputError(`the output file ${path} cannot be written: ${systemErrorText(error)}`, error);
  }
}

/**
 * Standard output. `process.stdout` is not used: it may block the process while the reader of a pipe does not read
 * (https://nodejs.org/api/process.html#a-note-on-process-io), and with it every scrape.
 */
export function openStandardOutput(fd = 1): Destination {
  const stat = fstatSync(fd);
  if (!stat.isFIFO() && !stat.isSocket()) return openDescriptor(fd);
  const socket = new Socket({ fd, readable: false, writable: true });
  let failure: Error | undefined;
  socket.on('error', (error) => {
    failure = error;
  });
  socket.unref();
  return {
    write: (text) =>
      new Promise((resolve, reject) => {
        if (failure !== undefined) return reject(failure);
        socket.write(text, (error) => (error == null ? resolve() : reject(error)));
      }),
    reopen: async () => undefined,
    close: async () => {
      socket.destroy();
    },
  };
}

/** A file or a terminal that the shell has opened: through a thread, so that nothing here waits for it. */
function openDescriptor(fd: number): Destination {
  return {
    write: async (text) => {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; ) at += (await write(fd, bytes, at)).bytesWritten;
    },
    reopen: async () => undefined,
    close: async () => undefined,
  };
}
