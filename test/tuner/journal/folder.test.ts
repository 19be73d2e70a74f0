import { chmodSync, chownSync, lchownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStateFolder } from '../../../tuner/journal/folder.ts';

const isRoot = process.getuid?.() === 0;
const STRANGER = 12_345;

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'virtune-folder-'));
});
afterEach(() => rmSync(root, { recursive: true }));

test('a symbolic link of the same user to a folder of theirs is a state folder', async () => {
  mkdirSync(join(root, 'real'), { mode: 0o700 });
  symlinkSync(join(root, 'real'), join(root, 'link'));
  expect((await openStateFolder(join(root, 'link'))).transactions).toBe(join(root, 'link/transactions'));
  expect((await openStateFolder(join(root, 'link/deeper'))).path).toBe(join(root, 'link/deeper'));
});

test('a folder below one in which every user may rename is refused, unless it is sticky as /tmp is', async () => {
  mkdirSync(join(root, 'open'));
  chmodSync(join(root, 'open'), 0o777);
  const inOpen = openStateFolder(join(root, 'open/state'));
  await expect(inOpen).rejects.toMatchObject({ code: 'TUNE_JOURNAL' });
  await expect(inOpen).rejects.toThrow(`every user can write to ${join(root, 'open')}; choose another`);
  chmodSync(join(root, 'open'), 0o1777);
  await expect(openStateFolder(join(root, 'open/state'))).resolves.toBeDefined();
});

test('a link to a folder below one in which every user may rename is refused', async () => {
  mkdirSync(join(root, 'open/state'), { recursive: true });
  chmodSync(join(root, 'open'), 0o777);
  chmodSync(join(root, 'open/state'), 0o700);
  symlinkSync(join(root, 'open/state'), join(root, 'link'));
  await expect(openStateFolder(join(root, 'link'))).rejects.toThrow(/every user can write to .*open;/);
});

test.runIf(isRoot)("another user's link, and a folder of another user above it, are refused", async () => {
  mkdirSync(join(root, 'mine'), { mode: 0o700 });
  symlinkSync(join(root, 'mine'), join(root, 'link'));
  lchownSync(join(root, 'link'), STRANGER, STRANGER);
  await expect(openStateFolder(join(root, 'link'))).rejects.toThrow(`link belongs to user ${STRANGER};`);
  mkdirSync(join(root, 'theirs'));
  chownSync(join(root, 'theirs'), STRANGER, STRANGER);
  await expect(openStateFolder(join(root, 'theirs/state'))).rejects.toThrow(
    `theirs belongs to user ${STRANGER};`,
  );
});
