import { execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { openFile, openStandardOutput } from '../../../exporter/ndjson/destination.ts';

const folder = mkdtempSync(join(tmpdir(), 'virtune-output-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('lines are appended to what the file has', async () => {
  const path = join(folder, 'append');
  writeFileSync(path, '{"a":1}\n');
  const file = await openFile(path);
  await file.write('{"b":2}\n');
  await file.close();
  expect(readFileSync(path, 'utf8')).toBe('{"a":1}\n{"b":2}\n');
});

test('a line that a killed writer left unfinished is ended, and spoils no other', async () => {
  const path = join(folder, 'partial');
  writeFileSync(path, '{"a":1}\n{"b":');
  const file = await openFile(path);
  await file.write('{"c":3}\n');
  await file.close();
  expect(readFileSync(path, 'utf8')).toBe('{"a":1}\n{"b":\n{"c":3}\n');
});

test('a renamed file is written until it is reopened, then a new one is', async () => {
  const path = join(folder, 'rotated');
  const file = await openFile(path);
  await file.write('1\n');
  renameSync(path, `${path}.1`);
  await file.write('2\n');
  await file.reopen();
  await file.write('3\n');
  await file.close();
  expect(readFileSync(`${path}.1`, 'utf8')).toBe('1\n2\n');
  expect(readFileSync(path, 'utf8')).toBe('3\n');
});

test('a file whose folder is gone stays in use, and the error says which', async () => {
  const inner = mkdtempSync(join(folder, 'inner-'));
  const file = await openFile(join(inner, 'out'));
  rmSync(inner, { recursive: true });
  await expect(file.reopen()).rejects.toMatchObject({
    code: 'OUTPUT_FILE',
    message: expect.stringContaining(join(inner, 'out')),
  });
  await file.write('still\n');
  await file.close();
});

test('what is not a regular file is refused, and nothing waits for a reader of it', async () => {
  await expect(openFile('/dev/null')).rejects.toMatchObject({ code: 'OUTPUT_FILE' });
  await expect(openFile(folder)).rejects.toMatchObject({ code: 'OUTPUT_FILE' });
  const fifo = join(folder, 'fifo');
  execFileSync('mkfifo', [fifo]);
  await expect(openFile(fifo)).rejects.toMatchObject({ code: 'OUTPUT_FILE' });
});

test('a disk that is full leaves no part of a line', async () => {
  const path = join(folder, 'full');
  writeFileSync(path, '{"a":1}\n');
  // A limit on the size of files stands in for the disk: a write that reaches it is a short one first.
  const script = `
    process.on('SIGXFSZ', () => undefined);
    const { openFile } = await import(${JSON.stringify(join(import.meta.dirname, '../../../exporter/ndjson/destination.ts'))});
    const file = await openFile(${JSON.stringify(path)});
    const failed = await file.write('x'.repeat(3000) + '\\n').then(() => 'written', (error) => error.code);
    await file.write('{"b":2}\\n');
    console.log(failed);`;
  const out = execFileSync(
    'bash',
    ['-c', 'ulimit -f 2; exec "$0" --input-type=module -e "$1"', process.execPath, script],
    // The cache of compiled code is a file, too.
    { encoding: 'utf8', env: { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' } },
  );
  expect(out.trim()).toBe('EFBIG');
  expect(readFileSync(path, 'utf8')).toBe('{"a":1}\n{"b":2}\n');
});

test('a pipe whose reader does not read holds up nothing but its own writes, and gets all in order', async () => {
  const fifo = join(folder, 'stuck');
  execFileSync('mkfifo', [fifo]);
  // Reads once it is continued.
  const reader = spawn('cat', [fifo], { stdio: ['ignore', 'pipe', 'inherit'] });
  let read = '';
  reader.stdout.on('data', (chunk: Buffer) => {
    read += chunk.toString();
  });
  const fd = openSync(fifo, 'w');
  reader.kill('SIGSTOP');
  const output = openStandardOutput(fd);
  const text = `${'x'.repeat(1023)}\n`.repeat(2_000);
  let isWritten = false;
  const written = output.write(text).then(() => {
    isWritten = true;
  });
  // Turns of the event loop that a blocking write would not let through.
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(isWritten).toBe(false);
  reader.kill('SIGCONT');
  await written;
  await output.close();
  await vi.waitFor(() => expect(read.length).toBe(text.length), { timeout: 20_000 });
  reader.kill();
});

test('a pipe whose reader is gone fails its writes, with the reason', async () => {
  const fifo = join(folder, 'gone');
  execFileSync('mkfifo', [fifo]);
  const reader = spawn('cat', [fifo], { stdio: 'ignore' });
  const fd = openSync(fifo, 'w');
  const output = openStandardOutput(fd);
  const ended = new Promise((resolve) => reader.once('close', resolve));
  reader.kill('SIGKILL');
  await ended;
  await expect(output.write('1\n')).rejects.toMatchObject({ code: 'EPIPE' });
  await expect(output.write('2\n')).rejects.toThrow();
  await output.close();
});

test('standard output that the shell has opened as a file is written', async () => {
  const path = join(folder, 'redirected');
  const fd = openSync(path, 'a');
  const output = openStandardOutput(fd);
  await output.write('{"a":"é"}\n');
  await output.close();
  closeSync(fd);
  expect(readFileSync(path, 'utf8')).toBe('{"a":"é"}\n');
});
