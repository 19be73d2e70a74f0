import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeFolder } from '../../sampler/make-folder.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'virtune-folder-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const modeOf = (path: string): number => statSync(path).mode & 0o777;

test('every missing folder is created, each with the mode', async () => {
  await makeFolder(join(root, 'a/b/c'), { mode: 0o700 });
  expect(['a', 'a/b', 'a/b/c'].map((each) => modeOf(join(root, each)))).toEqual([0o700, 0o700, 0o700]);
});

test('a folder that exists is left as it is, and two at once both succeed', async () => {
  await Promise.all([makeFolder(join(root, 'a/b')), makeFolder(join(root, 'a/b'))]);
  const before = modeOf(join(root, 'a/b'));
  await makeFolder(join(root, 'a/b'), { mode: 0o700 });
  expect(modeOf(join(root, 'a/b'))).toBe(before);
});

test.each(['/proc/x', '/proc/x/y'])('%s is an error, not an endless loop', async (path) => {
  await expect(makeFolder(path)).rejects.toMatchObject({ code: 'ENOENT', path: '/proc/x' });
});

test('a file in the way, and a link to nothing, are errors', async () => {
  writeFileSync(join(root, 'file'), '');
  symlinkSync(join(root, 'nowhere'), join(root, 'link'));
  await expect(makeFolder(join(root, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(makeFolder(join(root, 'file/below'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  await expect(makeFolder(join(root, 'link'))).rejects.toMatchObject({ code: 'EEXIST' });
});

test('a relative folder in a working directory that was deleted is an error', async () => {
  const module = JSON.stringify(join(import.meta.dirname, '../../sampler/make-folder.ts'));
  const script = `
    const { makeFolder } = await import(${module});
    const { chdir } = await import('node:process');
    const { rmdirSync, mkdirSync } = await import('node:fs');
    mkdirSync(${JSON.stringify(join(root, 'gone'))});
    chdir(${JSON.stringify(join(root, 'gone'))});
    rmdirSync(${JSON.stringify(join(root, 'gone'))});
    await makeFolder('x/y').catch((error) => console.log(error.code));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  expect(stdout).toBe('ENOENT\n');
});
