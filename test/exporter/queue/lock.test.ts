import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { lockFolder } from '../../../exporter/queue/lock.ts';

/** Called before each link, rename and unlink. */
const beforeChange = vi.hoisted(() => ({ run: async (): Promise<void> => undefined }));
vi.mock('node:fs/promises', async (importOriginal) => {
  const original = await importOriginal<typeof import('node:fs/promises')>();
  const paused =
    <A extends readonly unknown[]>(change: (...args: A) => Promise<void>) =>
    async (...args: A): Promise<void> => {
      await beforeChange.run();
      return change(...args);
    };
  return {
    ...original,
    link: paused(original.link),
    rename: paused(original.rename),
    unlink: paused(original.unlink),
  };
});

let dir: string;
let child: ChildProcess | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'virtune-queue-lock-'));
});
afterEach(() => {
  beforeChange.run = async () => undefined;
  child?.kill('SIGKILL');
  child = undefined;
  rmSync(dir, { recursive: true });
});

const IN_USE = new Error('in use');
const lock = (folder = dir): ReturnType<typeof lockFolder> => lockFolder(folder, () => IN_USE);

/** A socket left behind by a killed process. */
async function deadSocket(folder: string, name: string): Promise<void> {
  const server = createServer();
  const bound = join(folder, 'bound');
  await new Promise<void>((resolve) => server.listen(bound, resolve));
  linkSync(bound, join(folder, name));
  await new Promise((resolve) => server.close(resolve));
}

async function heldByAnother(): Promise<ChildProcess> {
  child = spawn(process.execPath, [join(import.meta.dirname, 'lock-child.ts'), dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  return child;
}

test.each([[['lock']], [['lock', 'lock.1']], [['lock', 'lock.1', 'lock.2']]])(
  'of two that find %j of killed processes one gets the folder, wherever the other one is at that time',
  async (dead) => {
    for (let at = 1; ; at++) {
      const folder = join(dir, String(at));
      mkdirSync(folder);
      for (const name of dead) await deadSocket(folder, name);
      let changes = 0;
      let isPaused = false;
      const paused = Promise.withResolvers<void>();
      const goOn = Promise.withResolvers<void>();
      beforeChange.run = async () => {
        if (++changes !== at) return;
        isPaused = true;
        paused.resolve();
        await goOn.promise;
      };
      const first = Promise.allSettled([lock(folder)]).finally(paused.resolve);
      await paused.promise;
      beforeChange.run = async () => undefined;
      const [second] = await Promise.allSettled([lock(folder)]);
      goOn.resolve();
      const both = [...(await first), second as PromiseSettledResult<() => Promise<void>>];
      const holders = both.filter((each) => each.status === 'fulfilled');
      const others = both.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
      expect([at, holders.length, others]).toEqual([at, 1, [IN_USE]]);
      await expect(lock(folder), 'a third one').rejects.toBe(IN_USE);
      for (const { value: unlock } of holders) await unlock();
      expect(readdirSync(folder)).toEqual([]);
      // It was paused before each of its changes in turn.
      if (!isPaused) break;
    }
  },
  120_000,
);

test('a folder is free once its holder was killed, and then belongs to the next one alone', async () => {
  const holder = await heldByAnother();
  await expect(lock()).rejects.toBe(IN_USE);
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  const all = await Promise.allSettled(Array.from({ length: 20 }, () => lock()));
  const holders = all.filter((each) => each.status === 'fulfilled');
  expect(holders).toHaveLength(1);
  for (const { value: unlock } of holders) await unlock();
  expect(readdirSync(dir)).toEqual([]);
});

test('a holder that is stopped, with as many connections as wait for it at most, is not taken for a killed one', async () => {
  const holder = await heldByAnother();
  holder.kill('SIGSTOP');
  const sockets: Socket[] = [];
  try {
    let isFull = false;
    while (!isFull && sockets.length < 10_000) {
      const socket = connect(join(dir, 'lock'));
      sockets.push(socket);
      isFull = await new Promise<boolean>((resolve) => {
        socket.once('connect', () => resolve(false));
        socket.once('error', () => resolve(true));
      });
    }
    expect(isFull).toBe(true);
    await expect(lock()).rejects.toBe(IN_USE);
  } finally {
    for (const socket of sockets) socket.destroy();
  }
});

test('what is not a socket in the place of the lock is replaced where it is a file, and is an error where it is a folder', async () => {
  writeFileSync(join(dir, 'lock'), '');
  await (await lock())();
  expect(readdirSync(dir)).toEqual([]);
  mkdirSync(join(dir, 'lock'));
  await expect(lock()).rejects.toMatchObject({ code: 'EISDIR' });
  expect(readdirSync(dir)).toEqual(['lock']);
});

test('a release does not remove the lock of another process', async () => {
  const unlock = await lock();
  rmSync(join(dir, 'lock'));
  const another = await lock();
  await unlock();
  await expect(lock()).rejects.toBe(IN_USE);
  await another();
  expect(readdirSync(dir)).toEqual([]);
});

test('a path that is too long for a socket is an error that says so', async () => {
  const long = join(dir, 'x'.repeat(100));
  mkdirSync(long);
  await expect(lock(long)).rejects.toMatchObject({
    code: 'QUEUE_FOLDER',
    message: expect.stringContaining('too long'),
  });
});
