import {
  appendFileSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { LineFile } from '../../../exporter/ndjson/line-file.ts';

/** Free bytes on the disk, and what happens when it is full. */
let disk: { room: number; onFull: () => void } | undefined;

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  const { promisify } = await import('node:util');
  const write = promisify(fs.write);
  const limited = async (fd: number, bytes: Buffer, at: number) => {
    if (disk === undefined) return write(fd, bytes, at);
    if (disk.room === 0) {
      disk.onFull();
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    }
    const written = await write(fd, bytes, at, Math.min(disk.room, bytes.length - at));
    disk.room -= written.bytesWritten;
    return written;
  };
  return { ...fs, write: Object.assign(() => undefined, { [promisify.custom]: limited }) };
});

const folder = mkdtempSync(join(tmpdir(), 'virtune-line-file-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const opened = async (name: string) => {
  const path = join(folder, name);
  const fd = openSync(path, 'a+');
  writeSync(fd, '{"a":1}\n');
  return { path, file: await LineFile.of(fd) };
};

/** Writes one and a half lines, then a complete one. */
async function fillUp(file: LineFile, onFull: () => void) {
  disk = { room: 12, onFull };
  const failed = await file.write('{"b":2}\n{"c":3}\n');
  disk = undefined;
  await file.write('{"d":4}\n');
  await file.close();
  return failed;
}

test('a line that does not fit is removed with all of its write', async () => {
  const { path, file } = await opened('alone');
  expect(await fillUp(file, () => undefined)).toMatchObject({ error: { code: 'ENOSPC' }, lines: 0 });
  expect(readFileSync(path, 'utf8')).toBe('{"a":1}\n{"d":4}\n');
});

test('nothing is removed where another process has written to the file since', async () => {
  const { path, file } = await opened('shared');
  const failed = await fillUp(file, () => appendFileSync(path, ' another\n'));
  expect(failed).toMatchObject({ lines: 1 });
  expect(readFileSync(path, 'utf8')).toBe('{"a":1}\n{"b":2}\n{"c" another\n{"d":4}\n');
});

test('a file that was truncated in the meantime, as by logrotate with copytruncate, gets no zeros', async () => {
  const { path, file } = await opened('truncated');
  await fillUp(file, () => truncateSync(path, 0));
  expect(readFileSync(path, 'utf8')).toBe('{"d":4}\n');
});
