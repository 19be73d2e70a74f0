import { expect, test } from 'vitest';
import { inFileTurn } from '../../libvirt/file-turn.ts';
import { unreadableText } from '../../model/system-error.ts';

/** A file system that answers when the test says so. */
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
      message: `ETIMEDOUT: its file system did not answer within 0.02 s, read '${path}'`,
    })),
  );
  expect(disk.asked).toEqual(['/nfs/a']);
  // A request that timed out is not sent when the file system is back; the next one is.
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
  const late = await disk.ask('/var/y', 10).catch((error) => error);
  expect(late).toMatchObject({
    code: 'ETIMEDOUT',
    message:
      "ETIMEDOUT: still queued after 0.01 s because other file systems do not answer (/nfs1, /nfs2, /nfs3, /nfs4), read '/var/y'",
  });
  expect(unreadableText(late)).toMatch(/\(\/nfs1, .*\); check those file systems$/);
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

test('what a thousand ask of one file before it is asked is asked once more, after the read that may be too old', async () => {
  const disk = new Disk();
  const first = disk.ask('/pki/ca');
  await turns();
  const others = Array.from({ length: 1_000 }, () => disk.ask('/pki/ca'));
  const another = disk.ask('/pki/cert');
  disk.answer('/pki/ca');
  expect(await first).toBe('/pki/ca');
  await turns();
  expect(disk.asked).toEqual(['/pki/ca', '/pki/ca']);
  disk.answer('/pki/ca');
  expect(new Set(await Promise.all(others))).toEqual(new Set(['/pki/ca']));
  await turns();
  disk.answer('/pki/cert');
  expect(await another).toBe('/pki/cert');
});

test('a question is asked as long as one still waits for it', async () => {
  const disk = new Disk();
  const first = disk.ask('/nfs/a', 10);
  const impatient = disk.ask('/nfs/b', 10);
  const patient = disk.ask('/nfs/b', 60_000);
  await expect(first).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  await expect(impatient).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  disk.answer('/nfs/a');
  await turns();
  disk.answer('/nfs/b');
  expect(await patient).toBe('/nfs/b');
});
