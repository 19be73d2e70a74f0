import { execFileSync, spawn, spawnSync } from 'node:child_process';
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

/**
 * Writes two lines, the second of which is cut short, and more once there is space. A limit on the size of files
 * simulates the disk: a write that reaches it is first a short one.
 */
function writeToFullDisk(
  open: string,
  redirection: string,
): { code: string; lines: number; message: string } {
  const script = `
    import { execFileSync } from 'node:child_process';
    process.on('SIGXFSZ', () => undefined);
    const { openFile, openStandardOutput } = await import(${JSON.stringify(join(import.meta.dirname, '../../../exporter/ndjson/destination.ts'))});
    const file = await ${open};
    const text = '{"b":"' + 'x'.repeat(1000) + '"}\\n{"c":"' + 'x'.repeat(3000) + '"}\\n';
    const error = await file.write(text).then(() => ({ code: 'written' }), (failure) => failure);
    execFileSync('prlimit', ['--pid', String(process.pid), '--fsize=100000']);
    await file.write('{"d":4}\\n');
    await file.write('{"e":5}\\n');
    console.error(JSON.stringify({ code: error.code, lines: error.writtenLines, message: error.message }));`;
  const command = `ulimit -S -f 2; exec "$0" --input-type=module -e "$1" ${redirection}`;
  const { stderr, status } = spawnSync('bash', ['-c', command, process.execPath, script], {
    encoding: 'utf8',
    // The compile cache is a file, too.
    env: { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' },
  });
  expect(status, stderr).toBe(0);
  return JSON.parse(stderr);
}

test('a disk that is full leaves no part of a line in a file, and the error says which file and what to do', () => {
  const path = join(folder, 'full');
  writeFileSync(path, '{"a":1}\n');
  expect(writeToFullDisk(`openFile(${JSON.stringify(path)})`, '')).toEqual({
    code: 'OUTPUT_WRITE',
    lines: 0,
    message: `${path} cannot be written: EFBIG: file too large; rotate the file, or raise the limit on the size of files (ulimit -f)`,
  });
  expect(readFileSync(path, 'utf8')).toBe('{"a":1}\n{"d":4}\n{"e":5}\n');
});

test('nor in a file that the shell has opened for appending as standard output', () => {
  const path = join(folder, 'full-appended');
  // An incomplete line, as left by a writer that was killed.
  writeFileSync(path, '{"a":');
  const error = writeToFullDisk('openStandardOutput()', `>> ${path}`);
  expect(error).toMatchObject({ code: 'OUTPUT_WRITE', lines: 0 });
  expect(readFileSync(path, 'utf8')).toBe('{"a":\n{"d":4}\n{"e":5}\n');
});

test('in a file that the shell has opened otherwise, which cannot be cut, the next line begins on its own line', () => {
  const path = join(folder, 'full-redirected');
  const error = writeToFullDisk('openStandardOutput()', `> ${path}`);
  expect(error).toMatchObject({
    code: 'OUTPUT_WRITE',
    lines: 1,
    message: expect.stringContaining(`standard output (${path}) cannot be written: EFBIG`),
  });
  const lines = readFileSync(path, 'utf8').split('\n');
  expect(lines.map((line) => line.slice(0, 7))).toEqual(['{"b":"x', '{"c":"x', '{"d":4}', '{"e":5}', '']);
  expect(() => JSON.parse(lines[1] ?? '')).toThrow();
});

test.each([
  ['a folder', (at: string) => at, /: EISDIR: [^;]+; name a file in it: --output ndjson:.+\/FILE$/],
  [
    'a folder that is missing',
    (at: string) => join(at, 'no/o'),
    /: ENOENT: [^;]+; create its folder: mkdir -p .+\/no$/,
  ],
  [
    'a file in place of a folder',
    (at: string) => join(at, 'file/o'),
    /: ENOTDIR: [^;]+; .+\/file is a file: name another path$/,
  ],
])('%s is refused with what to do', async (_, pathIn, message) => {
  writeFileSync(join(folder, 'file'), '');
  await expect(openFile(pathIn(folder))).rejects.toMatchObject({
    code: 'OUTPUT_FILE',
    message: expect.stringMatching(message),
  });
});

test('a pipe whose reader does not read holds up nothing but its own writes, and gets all in order', async () => {
  const fifo = join(folder, 'stuck');
  execFileSync('mkfifo', [fifo]);
  // Reads once it is resumed.
  const reader = spawn('cat', [fifo], { stdio: ['ignore', 'pipe', 'inherit'] });
  let read = '';
  reader.stdout.on('data', (chunk: Buffer) => {
    read += chunk.toString();
  });
  const fd = openSync(fifo, 'w');
  reader.kill('SIGSTOP');
  const output = await openStandardOutput(fd);
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
  const output = await openStandardOutput(fd);
  const ended = new Promise((resolve) => reader.once('close', resolve));
  reader.kill('SIGKILL');
  await ended;
  const closed = {
    code: 'OUTPUT_CLOSED',
    message: expect.stringMatching(/^the reader of standard output is gone: .*EPIPE/),
  };
  await expect(output.write('1\n')).rejects.toMatchObject(closed);
  await expect(output.write('2\n')).rejects.toMatchObject(closed);
  await output.close();
});

test('standard output that the shell has opened as a file is written', async () => {
  const path = join(folder, 'redirected');
  const fd = openSync(path, 'a');
  const output = await openStandardOutput(fd);
  await output.write('{"a":"é"}\n');
  await output.close();
  closeSync(fd);
  expect(readFileSync(path, 'utf8')).toBe('{"a":"é"}\n');
});
