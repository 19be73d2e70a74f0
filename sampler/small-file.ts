import { closeSync, openSync, readSync } from 'node:fs';

/** Far more than any file has that a user writes by hand. */
const SMALL_FILE_MAX_BYTES = 16 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;

/**
 * Reads a file that the user named and that should be small, without loading what has no end: a device (`/dev/zero`), or a disk
 * image named by mistake. A pipe, as a shell makes it for `<(command)`, is read to its end.
 *
 * It stands here because commands, exporter and tuner need it, and this is the lowest room that they share and that may read
 * a file.
 *
 * @throws the system's error, EFBIG for a file that is larger than `maxBytes`
 */
export function readSmallFile(path: string, maxBytes = SMALL_FILE_MAX_BYTES): Buffer {
  const fd = openSync(path, 'r');
  try {
    const chunks: Buffer[] = [];
    for (let length = 0; ; ) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      const read = readSync(fd, chunk);
      if (read === 0) return Buffer.concat(chunks, length);
      length += read;
      if (length > maxBytes) throw tooLarge(path, maxBytes);
      chunks.push(chunk.subarray(0, read));
    }
  } finally {
    closeSync(fd);
  }
}

/** As the system words its errors. */
function tooLarge(path: string, maxBytes: number): NodeJS.ErrnoException {
  const error = new Error(`EFBIG: file is larger than ${maxBytes} bytes, read '${path}'`);
  return Object.assign(error, { code: 'EFBIG', syscall: 'read', path });
}
