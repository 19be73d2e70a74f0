import { spawnSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { RememberedFiles } from '../../exporter/remembered-files.ts';
import { readSmallFile } from '../../libvirt/small-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'virtune-remembered-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Replaces the file by a pipe without a writer: opening it blocks like a file on a hung file system. */
async function hung(name: string) {
  const path = join(folder, name);
  writeFileSync(path, 'secret');
  const logged: string[] = [];
  const files = new RememberedFiles((message) => logged.push(message), 20);
  await files.fresh(path);
  spawnSync('mkfifo', [`${path}.pipe`]);
  renameSync(`${path}.pipe`, path);
  return {
    path,
    files,
    logged,
    /** Its file system answers again, with a file of this text. */
    answer: async (text: string): Promise<void> => {
      const waiting = await open(path, 'r+');
      writeFileSync(`${path}.file`, text);
      renameSync(`${path}.file`, path);
      await waiting.close();
    },
  };
}

test('while a file system hangs, what was read before counts, which is logged once', async () => {
  const { path, files, logged, answer } = await hung('token');
  for (let times = 0; times < 3; times++) expect(String(await files.read(path))).toBe('secret');
  expect(logged).toEqual([
    `${path} cannot be read: ETIMEDOUT: its file system did not answer within 0.02 s; check the file system that it is on; its previous content stays in use until it can be read again`,
  ]);
  await answer('another');
  await expect.poll(async () => String(await files.read(path))).toBe('another');
  expect(logged.at(-1)).toBe(`${path} can be read again`);
  expect(logged).toHaveLength(2);
});

test('a start and a reload take nothing that is remembered, and what was never read is an error', async () => {
  const { path, files, answer } = await hung('key');
  await expect(new RememberedFiles(() => undefined, 20).read(path)).rejects.toMatchObject({
    code: 'ETIMEDOUT',
  });
  await answer('x');
  expect(String(await files.fresh(path))).toBe('x');
});

test('a file that was removed is gone', async () => {
  const path = join(folder, 'removed');
  writeFileSync(path, 'x');
  const files = new RememberedFiles(() => undefined);
  await files.fresh(path);
  rmSync(path);
  await expect(files.read(path)).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(files.exists(path)).resolves.toBe(false);
});

/** A folder on a hung file system: access to it waits for a pipe without a writer inside it. */
async function hungFolder(fileMs: number) {
  const path = mkdtempSync(join(folder, 'pki-'));
  for (const name of ['ca', 'cert']) writeFileSync(join(path, name), name);
  const files = new RememberedFiles(() => undefined, fileMs);
  for (const name of ['ca', 'cert']) await files.fresh(join(path, name));
  expect(await files.exists(join(path, 'absent'))).toBe(false);
  spawnSync('mkfifo', [join(path, 'pipe')]);
  const holding = readSmallFile(join(path, 'pipe'), { withinMs: 60_000 });
  return { path, files, release: () => open(join(path, 'pipe'), 'r+').then((file) => file.close()), holding };
}

test('that a file was not there is remembered as well, and what was never asked is an error', async () => {
  const { path, files, release, holding } = await hungFolder(20);
  await expect(files.exists(join(path, 'absent'))).resolves.toBe(false);
  await expect(files.exists(join(path, 'ca'))).resolves.toBe(true);
  await expect(files.exists(join(path, 'other'))).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  await release();
  await holding.catch(() => undefined);
});

test('a folder that has not answered once is waited for shortly, whichever of its files is asked next', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const { path, files, release, holding } = await hungFolder(5_000);
    const first = files.read(join(path, 'ca'));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(String(await first)).toBe('ca');
    const second = files.read(join(path, 'cert'));
    await vi.advanceTimersByTimeAsync(500);
    expect(String(await second)).toBe('cert');
    await release();
    await holding.catch(() => undefined);
  } finally {
    vi.useRealTimers();
  }
});
