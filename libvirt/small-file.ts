import { access, type FileHandle, open } from 'node:fs/promises';
import { FILE_DEADLINE_MS, inFileTurn } from './file-turn.ts';

/** Far larger than any file that a user writes by hand. */
const SMALL_FILE_MAX_BYTES = 16 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;

export interface SmallFileOptions {
  readonly maxBytes?: number | undefined;
  /** How long its file system has to answer. Default: 10 s. */
  readonly withinMs?: number | undefined;
}

/** Reads a file that a user named. @throws the system's error */
export type ReadFile = (path: string) => Promise<Buffer>;

/**
 * Reads a user-named file that should be small, without loading an endless or huge one: a device (`/dev/zero`), or a
 * disk image named by mistake. A pipe, such as a shell's `<(command)`, is read to its end, however long the command
 * takes. A hung file system does not block the process.
 *
 * It lives here because connections, commands, exporter and tuner need it: this is the lowest folder they share.
 *
 * @throws the system's error; EFBIG for a file that is larger than `maxBytes`; FileTimeout
 */
export function readSmallFile(
  path: string,
  { maxBytes = SMALL_FILE_MAX_BYTES, withinMs = FILE_DEADLINE_MS }: SmallFileOptions = {},
): Promise<Buffer> {
  return inFileTurn(path, 'read', (takeTime) => readWhole(path, maxBytes, takeTime), withinMs);
}

/** @throws FileTimeout */
export function pathExists(path: string, withinMs: number = FILE_DEADLINE_MS): Promise<boolean> {
  const look = (): Promise<boolean> =>
    access(path).then(
      () => true,
      () => false,
    );
  return inFileTurn(path, 'access', look, withinMs);
}

async function readWhole(path: string, maxBytes: number, takeTime: () => void): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    // The writer of a pipe or a terminal may take its time: a password manager may prompt the user.
    if (!(await file.stat()).isFile()) takeTime();
    return await readToEnd(file, path, maxBytes);
  } finally {
    await file.close();
  }
}

async function readToEnd(file: FileHandle, path: string, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let length = 0; ; ) {
    // Without a position, since a pipe has none.
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES, null);
    if (bytesRead === 0) return Buffer.concat(chunks, length);
    length += bytesRead;
    if (length > maxBytes) throw tooLarge(path, maxBytes);
    chunks.push(buffer.subarray(0, bytesRead));
  }
}

/** Worded like the system's errors. */
function tooLarge(path: string, maxBytes: number): NodeJS.ErrnoException {
  const error = new Error(`EFBIG: file is larger than ${maxBytes} bytes, read '${path}'`);
  return Object.assign(error, { code: 'EFBIG', syscall: 'read', path });
}
