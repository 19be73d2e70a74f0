import { expect, test } from 'vitest';
import { inFileTurn } from '../../libvirt/file-turn.ts';

/** A file system that answers when the test has it answer. */
class Disk {
  readonly asked: string[] = [];
  readonly #answers = new Map<string, (text: string) => void>();

  ask(path: string, withinMs?: number): Promise<string> {
    const read = (): Promise<string> => {
      this.asked.push(path);
      return new Promise((resolve) => this.#answers.set(path, resolve));
    };
    return inFileTurn(path, 'read', read, withinMs);
  }

  answer(path: string): void {
    this.#answers.get(path)?.(path);
  }
}

const turns = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a folder that does not answer is asked once, and each that waits for it gets an error with path and time', async () => {
  const disk = new Disk();
  const failures = ['/nfs/a', '/nfs/b', '/nfs/a'].map((path) => disk.ask(path, 20).catch((error) => error));
  expect(await Promise.all(failures)).toMatchObject(
    ['/nfs/a', '/nfs/b', '/nfs/a'].map((path) => ({
      code: 'ETIMEDOUT',
      path,
      message: `ETIMEDOUT: its file system does not answer within 0.02 s, read '${path}'`,
    })),
  );
  expect(disk.asked).toEqual(['/nfs/a']);
  // What gave up waiting is not asked for when the file system is back; the next one is.
  disk.answer('/nfs/a');
  await turns();
  expect(disk.asked).toEqual(['/nfs/a']);
  const next = disk.ask('/nfs/b');
  await turns();
  disk.answer('/nfs/b');
  expect(await next).toBe('/nfs/b');
});

test('four folders that hang hold four threads, and what comes after waits for one of them to answer', async () => {
  const disk = new Disk();
  const hung = [1, 2, 3, 4].map((each) => disk.ask(`/nfs${each}/x`, 10).catch((error) => error.code));
  expect(await Promise.all(hung)).toEqual(Array(4).fill('ETIMEDOUT'));
  const other = disk.ask('/etc/x');
  await turns();
  expect(disk.asked).not.toContain('/etc/x');
  disk.answer('/nfs3/x');
  await turns();
  disk.answer('/etc/x');
  expect(await other).toBe('/etc/x');
  for (const each of [1, 2, 4]) disk.answer(`/nfs${each}/x`);
});

test('what the file system says is passed on, and the next of its folder is asked', async () => {
  await expect(inFileTurn('/a/x', 'read', () => Promise.reject(new Error('EIO')))).rejects.toThrow('EIO');
  await expect(inFileTurn('/a/y', 'read', async () => 1)).resolves.toBe(1);
});
