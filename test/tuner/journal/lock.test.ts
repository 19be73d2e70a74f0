import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStateFolder, type StateFolder } from '../../../tuner/journal/folder.ts';
import { type HostLock, type LockOptions, lockHost } from '../../../tuner/journal/lock.ts';

let path: string;
let folder: StateFolder;
let holder: ChildProcess | undefined;
beforeEach(async () => {
  path = mkdtempSync(join(tmpdir(), 'virtune-lock-'));
  folder = await openStateFolder(path);
});
afterEach(() => {
  holder?.kill('SIGKILL');
  holder = undefined;
  rmSync(path, { recursive: true });
});

function lock(more: Partial<LockOptions> = {}): Promise<HostLock> {
  return lockHost(folder, {
    hostname: 'kvm01',
    command: 'virtune tune recover',
    waitMs: 0,
    now: () => new Date(),
    ...more,
  });
}

async function heldByAnother(hostname = 'kvm01'): Promise<ChildProcess> {
  holder = spawn(process.execPath, [join(import.meta.dirname, 'lock-child.ts'), path, hostname], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(holder.stdout as NodeJS.ReadableStream, 'data');
  return holder;
}

test('a second run on one host learns who holds it, and since when', async () => {
  const { pid } = await heldByAnother();
  await expect(lock()).rejects.toMatchObject({
    code: 'TUNE_LOCKED',
    message: expect.stringContaining(
      `process ${pid} ("virtune tune apply --all", since 2026-01-31T10:11:12.000Z)`,
    ),
  });
});

test('a host is free as soon as its holder is killed: nothing has to be cleaned up', async () => {
  const killed = await heldByAnother();
  killed.kill('SIGKILL');
  await once(killed, 'exit');
  await (await lock()).release();
});

test('a run that waits gets the host when it is free, and knows the holder', async () => {
  const killed = await heldByAnother();
  const waitedFor: (number | undefined)[] = [];
  const waiting = lock({
    waitMs: 60_000,
    onWait: (who) => {
      waitedFor.push(who?.pid);
      killed.kill('SIGKILL');
    },
  });
  await (await waiting).release();
  expect(waitedFor).toEqual([killed.pid]);
});

test('one that waits can be stopped', async () => {
  await heldByAnother();
  const stop = new AbortController();
  const waiting = lock({ waitMs: 60_000, signal: stop.signal, onWait: () => stop.abort() });
  await expect(waiting).rejects.toMatchObject({ code: 'TUNE_STOPPED' });
});

test('hosts are locked one by one, and again after a release', async () => {
  await heldByAnother('kvm02');
  const first = await lock();
  await expect(lock()).rejects.toMatchObject({ code: 'TUNE_LOCKED' });
  await first.release();
  await (await lock()).release();
});
