import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { DropReason } from '../../exporter/queue/drop-reason.ts';
import { DiskQueue } from '../../exporter/queue/queue.ts';
import { textWithCode } from '../../model/virtune-error.ts';
import { applyLocked } from '../../tuner/apply/apply.ts';
import type { HeldHost } from '../../tuner/apply/host-session.ts';
import { recoverLocked } from '../../tuner/apply/recover.ts';
import { openStateFolder } from '../../tuner/journal/folder.ts';
import { listTransactions } from '../../tuner/journal/list.ts';
import { NO_LEASE } from '../../tuner/lock/held-lease.ts';
import { FakeLibvirt, HOSTNAME } from '../tuner/apply/fake-libvirt.ts';
import {
  define,
  options,
  picture,
  pin,
  recovery,
  shares,
  transaction,
  UUIDS,
} from '../tuner/apply/fixtures.ts';
import { FaultyDisk } from './lab/faulty-disk/faulty-disk.ts';

/* The queue of documents and the tuner's journal on a mounted file system that fails, fills up and works again. */

const RUNS = process.env['VIRTUNE_HOST_FAULTS'] === 'all' ? 200 : 4;
/** With the first seed, documents were once counted twice. */
const SEEDS = Array.from({ length: RUNS }, (_, run) => 18 + run);
const STEPS = 100;
const SIZE_KIB = 4_096;

let folder: string;
let disk: FaultyDisk;
let copies = 0;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'virtune-faulty-'));
  disk = await FaultyDisk.mount(join(folder, 'disk'), SIZE_KIB);
});
afterEach(async () => {
  await repaired();
});
afterAll(async () => {
  await disk.unmount();
  rmSync(folder, { recursive: true, force: true });
});

async function repaired(): Promise<void> {
  await disk.repair();
  await disk.slow(0);
  await disk.resize(SIZE_KIB);
}

/** A folder on the disk for one test, which uses the disk alone. */
function onDisk(): string {
  const path = join(disk.path, `test-${copies++}`);
  mkdirSync(path, { mode: 0o700 });
  return path;
}

/** The same sequence for the same seed (mulberry32). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const FAULTS: readonly (() => Promise<void>)[] = [
  () => disk.failWrites('EIO'),
  () => disk.failWrites('EROFS'),
  () => disk.failWrites('ENOSPC'),
  () => disk.fail(),
  () => disk.resize(0),
  () => disk.slow(3),
  repaired,
  repaired,
  repaired,
];

test.each(SEEDS)(
  'a queue whose disk fails, fills up, is slow and is repaired: each document is sent once, waits, or is counted as dropped (seed %i)',
  async (seed) => {
    const random = randomFrom(seed);
    const dir = onDisk();
    const dropped: [DropReason, number][] = [];
    const trouble = new Set<string>();
    const open = (): Promise<DiskQueue> =>
      DiskQueue.open({
        dir,
        kind: 'elasticsearch',
        maxBytes: seed % 2 === 0 ? 40_000 : 1e9,
        maxAgeMs: 1e9,
        segmentBytes: 8_000,
        spillBytes: 60_000,
        now: () => 1_000_000,
        onDrop: (reason, documents) => dropped.push([reason, documents]),
        onTrouble: (error) => trouble.add(textWithCode(error)),
      });
    let queue = await open();
    let made = 0;
    let taken: number[] = [];
    const settled: number[] = [];
    const take = async (): Promise<boolean> => {
      const record = await queue.take().catch((error: Error) => {
        trouble.add(textWithCode(error));
        return undefined;
      });
      for (let at = 0; at < (record?.documents ?? 0); at++) taken.push((record?.firstDocument ?? 0) + at);
      return record !== undefined;
    };
    const commit = async (): Promise<void> => {
      const isDone = await queue.commit().then(
        () => true,
        (error: Error) => {
          trouble.add(textWithCode(error));
          return false;
        },
      );
      if (!isDone) return;
      settled.push(...taken);
      taken = [];
    };
    for (let step = 0; step < STEPS; step++) {
      const what = random(10);
      if (what < 4) {
        const documents = 1 + random(5);
        await queue.append(Buffer.alloc(1 + random(6_000), 'x'), documents, 1_000_000);
        made += documents;
      } else if (what < 6) await take();
      else if (what < 8) await commit();
      else await FAULTS[random(FAULTS.length)]?.();
    }
    await repaired();
    const lost = (): number => dropped.reduce((sum, [, count]) => sum + count, 0);
    expect(settled.length + lost() + queue.state.documents).toBe(made);
    while (await take());
    await commit();
    expect(new Set(settled).size).toBe(settled.length);
    expect(settled.length + lost()).toBe(made);
    // It works as before: what is stored now survives the process.
    await queue.append(Buffer.from('after'), 1, 1_000_000);
    await queue.close();
    queue = await open();
    expect(queue.state.documents).toBe(1);
    await queue.close();
    for (const each of trouble) {
      expect(each).toMatch(/\[QUEUE_FOLDER\]$/);
      expect(each).toMatch(/E(IO|ROFS|NOSPC)/);
      expect(each).toContain(dir);
    }
  },
);

test('a queue whose earlier files cannot be read takes documents, and sends all of them once they can be', async () => {
  const dir = onDisk();
  const open = (): Promise<DiskQueue> =>
    DiskQueue.open({
      dir,
      kind: 'elasticsearch',
      maxBytes: 1e9,
      maxAgeMs: 1e9,
      segmentBytes: 100,
      now: () => 1_000_000,
      onDrop: (reason, documents) => expect.fail(`${documents} documents were dropped: ${reason}`),
      onTrouble: () => undefined,
    });
  const before = await open();
  for (let made = 0; made < 4; made++) await before.append(Buffer.alloc(100, 'x'), 1, 1_000_000);
  await before.close();
  const queue = await open();
  await disk.fail();
  for (let made = 0; made < 4; made++) await queue.append(Buffer.alloc(100, 'y'), 1, 1_000_000);
  await expect(queue.take()).rejects.toMatchObject({ code: 'QUEUE_FOLDER' });
  await disk.repair();
  const sent: (number | undefined)[] = [];
  for (let record = await queue.take(); record !== undefined; record = await queue.take())
    sent.push(record.firstDocument);
  expect(sent).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  await queue.commit();
  await queue.close();
});

test('a file of the queue with a sector that cannot be read is put aside after minutes, and the rest is sent; it is kept', async () => {
  const dir = onDisk();
  const dropped: [DropReason, number][] = [];
  const trouble: string[] = [];
  let nowMs = 0;
  const open = (): Promise<DiskQueue> =>
    DiskQueue.open({
      dir,
      kind: 'otlp',
      maxBytes: 1e9,
      maxAgeMs: 1e9,
      segmentBytes: 100,
      now: () => 1_000_000,
      monotonicMs: () => nowMs,
      onDrop: (reason, documents) => dropped.push([reason, documents]),
      onTrouble: (error) => trouble.push(textWithCode(error)),
    });
  const before = await open();
  for (let made = 0; made < 4; made++) await before.append(Buffer.alloc(100, 'x'), 1, 1_000_000);
  await before.close();
  const [, second = ''] = readdirSync(dir).filter((name) => name.endsWith('.vq'));
  await disk.failReadsOf(join(dir, second));
  const queue = await open();
  const sent: (number | undefined)[] = [];
  for (let tries = 0; tries < 20 && sent.length < 3; tries++) {
    const record = await queue.take().catch((error: Error) => error);
    if (!(record instanceof Error)) sent.push(record?.firstDocument);
    else
      expect(textWithCode(record)).toMatch(new RegExp(`${second}.*EIO.*|${dir}.*EIO.* \\[QUEUE_FOLDER\\]$`));
    nowMs += 60_000;
  }
  expect(sent).toEqual([0, 2, 3]);
  expect(dropped).toEqual([['unreadable', 1]]);
  expect(trouble).toEqual([
    expect.stringMatching(
      new RegExp(`^${join(dir, second)} could not be read for 5 minutes .*\\[QUEUE_UNREADABLE\\]$`),
    ),
  ]);
  await queue.commit();
  await queue.close();
  await disk.repair();
  expect(statSync(join(dir, `${second}.unreadable`)).size).toBe(132);
});

function oneDomain() {
  const libvirt = new FakeLibvirt();
  const domain = libvirt.add('db01', UUIDS[0]);
  const steps = [pin(domain, 0, '2'), shares(domain, 2048), define(domain, 2048)];
  return { libvirt, planned: transaction([domain], steps), before: picture(libvirt) };
}
const heldOn = async (path: string): Promise<HeldHost> => ({
  folder: await openStateFolder(path),
  lease: NO_LEASE,
});

/** Header, two lines for each step, and the end. */
const LINES = 2 * 3 + 2;

test.each(['EIO', 'EROFS', 'ENOSPC'] as const)(
  'a disk that begins to answer %s at any line of the journal: an error with path and code, all is undone, and recover has nothing left to do',
  async (code) => {
    for (let line = 0; line < LINES; line++) {
      const { libvirt, planned, before } = oneDomain();
      const stateDir = onDisk();
      const held = await heldOn(stateDir);
      let lines = 0;
      const trace = async ({ when, what }: { when: string; what: string }): Promise<void> => {
        if (when === 'before' && what.startsWith('journal ') && lines++ === line) await disk.failWrites(code);
      };
      const applied = applyLocked(held, planned, options(libvirt, { stateDir, trace }));
      if (line === 0) {
        await expect(applied).rejects.toMatchObject({
          code: 'TUNE_JOURNAL',
          message: expect.stringMatching(new RegExp(`${planned.id}.*${code}.*nothing was changed`)),
        });
      } else {
        const outcome = await applied;
        expect(outcome, `line ${line}`).toMatchObject({
          kind: 'undone',
          failure: { code: 'TUNE_JOURNAL', message: expect.stringContaining(code) },
          remains: [],
        });
        expect(outcome.failure?.message).toContain(stateDir);
      }
      expect(picture(libvirt), `line ${line}`).toEqual(before);
      await disk.repair();
      // Undo steps missing from the journal are recognized as done.
      await recoverLocked(held, HOSTNAME, recovery(libvirt, { stateDir }));
      const { records, damaged } = await listTransactions(held.folder);
      expect(damaged).toEqual([]);
      expect(records.filter(({ progress }) => progress.status === 'open')).toEqual([]);
      expect(picture(libvirt), `line ${line}`).toEqual(before);
    }
  },
);

test('a state folder that cannot be read is an error with its path and code', async () => {
  const stateDir = onDisk();
  await openStateFolder(stateDir);
  await disk.fail();
  await expect(listTransactions(await openStateFolder(stateDir))).rejects.toMatchObject({
    code: 'TUNE_JOURNAL',
    message: expect.stringMatching(new RegExp(`${stateDir}.*EIO`)),
  });
});

test('a slow disk makes an apply slow, and nothing else', async () => {
  const { libvirt, planned } = oneDomain();
  const stateDir = onDisk();
  await disk.slow(20);
  const outcome = await applyLocked(await heldOn(stateDir), planned, options(libvirt, { stateDir }));
  expect(outcome).toMatchObject({ kind: 'committed', remains: [], notes: [] });
});
