import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { DropReason } from '../../../exporter/queue/drop-reason.ts';
import { countNotIn, withRange } from '../../../exporter/queue/position.ts';
import { DiskQueue, type QueueOptions } from '../../../exporter/queue/queue.ts';
import { decodeRecord, encodeRecord, findRecord, HEADER_BYTES } from '../../../exporter/queue/record.ts';
import { Segment } from '../../../exporter/queue/segment.ts';

let root: string;
let copies = 0;
let dropped: [DropReason, number][];
let nowMs: number;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'virtune-queue-'));
  dropped = [];
  nowMs = 1_000_000;
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

const open = (dir: string, more: Partial<QueueOptions> = {}): Promise<DiskQueue> =>
  DiskQueue.open({
    dir: join(root, dir),
    kind: 'elasticsearch',
    maxBytes: 1e9,
    maxAgeMs: 1e9,
    now: () => nowMs,
    onDrop: (reason, documents) => dropped.push([reason, documents]),
    onTrouble: () => undefined,
    ...more,
  });

/** A copy of the files at this moment: what a process killed now leaves behind. */
function killed(dir: string): string {
  const copy = `${dir}-${copies++}`;
  cpSync(join(root, dir), join(root, copy), { recursive: true, filter: (path) => !path.endsWith('/lock') });
  return copy;
}

const payload = (text: string): Buffer => Buffer.from(text);
const add = (queue: DiskQueue, text: string, documents = 1): Promise<void> =>
  queue.append(payload(text), documents, nowMs);

async function drain(queue: DiskQueue): Promise<string[]> {
  const found: string[] = [];
  for (let record = await queue.take(); record !== undefined; record = await queue.take()) {
    found.push(record.payload.toString());
  }
  return found;
}

const segments = (dir: string): string[] =>
  readdirSync(join(root, dir))
    .filter((name) => name.endsWith('.vq'))
    .sort();

test('a record is what its header says, to the last bit', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.nat(), fc.nat(), fc.nat(), (bytes, firstDocument, documents, atMs) => {
      const record = { firstDocument, documents, atMs, payload: Buffer.from(bytes) };
      const encoded = encodeRecord(record);
      expect(decodeRecord(Buffer.concat([encoded, Buffer.from('more')]))).toEqual(record);
      expect(decodeRecord(encoded.subarray(0, -1))).toBeUndefined();
      for (let bit = 0; bit < encoded.length * 8; bit += 7) {
        const flipped = Buffer.from(encoded);
        flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
        expect(decodeRecord(flipped)).toBeUndefined();
      }
      expect(findRecord(Buffer.concat([Buffer.from('VQR1noise'), encoded]), 0)).toBe(9);
    }),
    { numRuns: 50 },
  );
});

test('records come out in order, and are there until they are settled', async () => {
  const queue = await open('q');
  await add(queue, 'a');
  await add(queue, 'b', 2);
  expect(queue.state).toMatchObject({ documents: 3, oldestAtMs: 1_000_000 });
  expect(await drain(queue)).toEqual(['a', 'b']);
  const again = await open(killed('q'));
  expect(await drain(again)).toEqual(['a', 'b']);
  await again.commit();
  expect(again.state).toMatchObject({ documents: 0, oldestAtMs: undefined });
  await add(again, 'c');
  expect(await drain(again)).toEqual(['c']);
  await again.close();
  await queue.close();
});

test('what is settled is not sent again after a crash, and its files are gone', async () => {
  const queue = await open('q', { segmentBytes: 100 });
  for (const text of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) await add(queue, text.repeat(40));
  expect(segments('q').length).toBeGreaterThan(3);
  await queue.take();
  await queue.take();
  await queue.commit();
  await queue.take();
  const again = await open(killed('q'), { segmentBytes: 100 });
  expect((await drain(again)).map((text) => text[0])).toEqual(['c', 'd', 'e', 'f', 'g', 'h']);
  await again.commit();
  await again.close();
  await drain(queue);
  await queue.commit();
  expect(segments('q').length).toBeLessThanOrEqual(1);
  await queue.close();
});

test('a torn end is truncated, and the rest is intact', async () => {
  const queue = await open('q');
  await add(queue, 'first');
  await add(queue, 'second');
  const file = join(root, 'q', segments('q')[0] as string);
  const whole = readFileSync(file).length;
  for (const bytes of [whole - 1, whole - 6, whole - 6 - HEADER_BYTES + 1]) {
    const copy = killed('q');
    truncateSync(join(root, copy, segments(copy)[0] as string), bytes);
    const again = await open(copy);
    expect(await drain(again)).toEqual(['first']);
    await add(again, 'third');
    expect(await drain(again)).toEqual(['third']);
    await again.close();
  }
  expect(dropped).toEqual([]);
  await queue.close();
});

test('corrupt records are skipped and counted, document by document', async () => {
  const queue = await open('q', { segmentBytes: 200 });
  for (let i = 0; i < 8; i++) await add(queue, `${i}`.repeat(60), 10);
  const copy = killed('q');
  const [first, second] = segments(copy) as [string, string];
  const bytes = readFileSync(join(root, copy, first));
  bytes[HEADER_BYTES + 5] = 0;
  writeFileSync(join(root, copy, first), bytes);
  rmSync(join(root, copy, second));
  const again = await open(copy, { segmentBytes: 200 });
  const left = await drain(again);
  expect(left.length).toBeGreaterThan(2);
  const lost = dropped.reduce((sum, [, count]) => sum + count, 0);
  expect(lost + left.length * 10).toBe(80);
  expect(new Set(dropped.map(([reason]) => reason))).toEqual(new Set(['damaged']));
  await again.commit();
  expect(again.state.documents).toBe(0);
  await again.close();
  await queue.close();
});

test('without its position everything stored is sent again', async () => {
  const queue = await open('q');
  await add(queue, 'a');
  await add(queue, 'b');
  await queue.take();
  await queue.commit();
  const copy = killed('q');
  rmSync(join(root, copy, 'position'));
  const again = await open(copy);
  expect(await drain(again)).toEqual(['a', 'b']);
  expect(dropped).toEqual([]);
  await again.close();
  await queue.close();
});

test('above its limit the oldest documents are dropped and counted, except those in flight', async () => {
  const queue = await open('q', { segmentBytes: 150, maxBytes: 600 });
  await add(queue, 'being sent', 5);
  expect((await queue.take())?.payload.toString()).toBe('being sent');
  for (let i = 0; i < 40; i++) await add(queue, `${i}`.padStart(80, ' '), 5);
  expect(queue.state.bytes).toBeLessThan(600 + 300);
  const lost = dropped.reduce((sum, [, count]) => sum + count, 0);
  const waiting = queue.state.documents;
  expect(lost + waiting).toBe(41 * 5);
  const copy = killed('q');
  const left = await drain(queue);
  expect(left.at(-1)?.trim()).toBe('39');
  expect(left.map((text) => Number(text))).toEqual(
    [...left.map((text) => Number(text))].sort((a, b) => a - b),
  );
  await queue.commit();
  expect(queue.state.documents).toBe(0);
  await queue.close();
  const counted = dropped.length;
  const again = await open(copy, { segmentBytes: 150, maxBytes: 600 });
  expect((await drain(again)).map((text) => text.trim())).toEqual([
    'being sent',
    ...left.map((text) => text.trim()),
  ]);
  expect(dropped.length, 'what was dropped is not counted again after a crash').toBe(counted);
  await again.close();
});

test('what is too old is dropped, whether it waits or is taken', async () => {
  const queue = await open('q', { maxAgeMs: 1_000, segmentBytes: 50 });
  await add(queue, 'old'.repeat(20), 3);
  await add(queue, 'old'.repeat(20), 3);
  nowMs += 2_000;
  await add(queue, 'new'.repeat(20), 3);
  expect((await drain(queue)).map((text) => text.slice(0, 3))).toEqual(['new']);
  expect(dropped.reduce((sum, [, count]) => sum + count, 0)).toBe(6);
  expect(new Set(dropped.map(([reason]) => reason))).toEqual(new Set(['too_old']));
  await queue.close();
});

test('a folder belongs to one process at a time, and is free again after that process has ended', async () => {
  const queue = await open('q');
  await expect(open('q')).rejects.toMatchObject({
    code: 'QUEUE_IN_USE',
    message: expect.stringContaining('folder'),
  });
  await queue.close();
  expect(existsSync(join(root, 'q', 'lock'))).toBe(false);
  await (await open('q')).close();
});

test('the error of a folder that cannot be created names it', async () => {
  writeFileSync(join(root, 'file'), '');
  await expect(open('file/q')).rejects.toMatchObject({
    code: 'QUEUE_FOLDER',
    message: expect.stringContaining('file/q'),
  });
});

/** Events of a queue, in any order. */
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      documents: fc.integer({ min: 1, max: 5 }),
      size: fc.nat(120),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('take' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('commit' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), torn: fc.nat(40) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
);

test('whatever happens, each document is settled, waits, or was counted as dropped; none is two of these', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60 }),
      fc.constantFrom(400, 1e9),
      async (steps, maxBytes) => {
        dropped = [];
        let dir = `p-${copies++}`;
        const more = { segmentBytes: 120, maxBytes };
        let queue = await open(dir, more);
        const settled: number[] = [];
        let inFlight: number[] = [];
        let made = 0;
        for (const what of steps) {
          if (what.do === 'append') {
            await queue.append(payload(`${made}:${'x'.repeat(what.size)}`), what.documents, nowMs);
            made += what.documents;
          } else if (what.do === 'take') {
            const record = await queue.take();
            for (let i = 0; i < (record?.documents ?? 0); i++)
              inFlight.push((record?.firstDocument ?? 0) + i);
          } else if (what.do === 'commit') {
            await queue.commit();
            settled.push(...inFlight);
            inFlight = [];
          } else {
            inFlight = [];
            const next = killed(dir);
            await queue.close();
            // Half a record at the end: all that was reported as stored is before it.
            const last = segments(next).at(-1);
            if (what.do === 'crash' && last !== undefined) {
              const half = encodeRecord({
                firstDocument: made,
                documents: 1,
                atMs: nowMs,
                payload: payload('torn'),
              });
              const file = join(root, next, last);
              writeFileSync(
                file,
                Buffer.concat([readFileSync(file), half.subarray(0, Math.min(what.torn, half.length - 1))]),
              );
            }
            dir = next;
            queue = await open(dir, more);
          }
        }
        const lost = (): number => dropped.reduce((sum, [, count]) => sum + count, 0);
        expect(settled.length + lost() + queue.state.documents).toBe(made);
        for (let record = await queue.take(); record !== undefined; record = await queue.take()) {
          for (let i = 0; i < record.documents; i++) inFlight.push(record.firstDocument + i);
        }
        await queue.commit();
        settled.push(...inFlight);
        expect(new Set(settled).size).toBe(settled.length);
        expect(settled).toEqual([...settled].sort((a, b) => a - b));
        expect(settled.length + lost()).toBe(made);
        await queue.close();
      },
    ),
    { numRuns: 60 },
  );
});

test('while the disk fails, memory holds what fits and sends it, and the disk takes over when it works again', async () => {
  const trouble: Error[] = [];
  const queue = await open('q', {
    segmentBytes: 1,
    spillBytes: 250,
    onTrouble: (error) => trouble.push(error),
  });
  await add(queue, 'on disk');
  await queue.take();
  // Without the folder no file can be created, as on a full disk.
  rmSync(join(root, 'q'), { recursive: true });
  for (let i = 0; i < 5; i++) await add(queue, `${i}`.repeat(100));
  expect(trouble.length).toBeGreaterThan(0);
  expect(dropped).toEqual([
    ['disk', 1],
    ['disk', 1],
    ['disk', 1],
  ]);
  expect(queue.state.documents).toBe(3);
  await queue.commit();
  expect((await queue.take())?.payload.toString()[0]).toBe('3');
  mkdirSync(join(root, 'q'));
  await add(queue, 'back');
  expect(segments('q'), 'what is being sent keeps its place').toEqual([]);
  await queue.commit();
  await add(queue, 'again');
  expect(segments('q')).toHaveLength(3);
  expect(await drain(queue)).toEqual(['4'.repeat(100), 'back', 'again']);
  await queue.commit();
  expect(queue.state).toMatchObject({ documents: 0, bytes: 0 });
  await queue.close();
});

test('what memory holds when a queue is closed is stored for the next process, also what was being sent; what the disk still does not take counts as dropped', async () => {
  for (const isRepaired of [true, false]) {
    dropped = [];
    const dir = `close-${isRepaired}`;
    const queue = await open(dir, { segmentBytes: 1 });
    await add(queue, 'on disk');
    rmSync(join(root, dir), { recursive: true });
    await add(queue, 'in memory', 2);
    await add(queue, 'later', 3);
    expect(await drain(queue)).toContain('in memory');
    if (isRepaired) mkdirSync(join(root, dir));
    await queue.close();
    expect(dropped).toEqual(
      isRepaired
        ? []
        : [
            ['disk', 2],
            ['disk', 3],
          ],
    );
    const next = await open(dir);
    expect(await drain(next)).toEqual(isRepaired ? ['in memory', 'later'] : []);
    await next.close();
  }
});

test('a folder is free after a close that failed', async () => {
  const queue = await open('q');
  await add(queue, 'a');
  const { closeFile } = Segment.prototype;
  const failing = vi.spyOn(Segment.prototype, 'closeFile').mockImplementationOnce(async function (
    this: Segment,
  ) {
    await closeFile.call(this);
    throw new Error('EIO: i/o error, close');
  });
  try {
    await expect(queue.close()).rejects.toThrow('EIO');
  } finally {
    failing.mockRestore();
  }
  await (await open('q')).close();
});

test('documents that memory gave up and older ones that a full queue dropped are each counted once', () => {
  const ranges = fc.array(fc.tuple(fc.nat(200), fc.integer({ min: 1, max: 20 })), { maxLength: 30 });
  fc.assert(
    fc.property(ranges, (added) => {
      let known: ReturnType<typeof withRange> = [];
      const lost = new Set<number>();
      for (const [from, length] of added) {
        const fresh = Array.from({ length }, (_, at) => from + at).filter((each) => !lost.has(each));
        expect(countNotIn(known, from, from + length)).toBe(fresh.length);
        known = withRange(known, from, from + length);
        for (const each of fresh) lost.add(each);
      }
      expect(countNotIn(known, 0, 300)).toBe(300 - lost.size);
      expect(known).toEqual([...known].sort(([one], [other]) => one - other));
    }),
  );
});

test('a record that must be on the disk is there, or is refused and not in the queue', async () => {
  const queue = await open('q', { segmentBytes: 1 });
  expect(await queue.store(payload('a'), 2, nowMs)).toBe(true);
  expect(queue.state).toMatchObject({ documents: 2, oldestAtMs: nowMs });
  rmSync(join(root, 'q'), { recursive: true });
  expect(await queue.store(payload('b'), 3, nowMs)).toBe(false);
  expect(queue.state.documents).toBe(2);
  mkdirSync(join(root, 'q'));
  expect(await queue.store(payload('c'), 4, nowMs)).toBe(true);
  await queue.close();
  const next = await open(killed('q'));
  expect(await drain(next)).toEqual(['c']);
  await next.close();
});

test('a limit that queues share is asked for after each record', async () => {
  let maxBytes = 1e9;
  const queue = await open('q', { maxBytes: () => maxBytes, segmentBytes: 100 });
  for (let i = 0; i < 10; i++) await add(queue, 'x'.repeat(100));
  expect(dropped).toEqual([]);
  maxBytes = 300;
  await add(queue, 'y');
  expect(dropped.length).toBeGreaterThan(0);
  expect(queue.state.bytes).toBeLessThan(450);
  await queue.close();
});

test('killed right after a file was removed, the next process takes what was sent or dropped for no damage', async () => {
  const copies: string[] = [];
  const { remove } = Segment.prototype;
  const spy = vi.spyOn(Segment.prototype, 'remove').mockImplementation(async function (this: Segment) {
    await remove.call(this);
    copies.push(killed('q'));
  });
  try {
    const queue = await open('q', { segmentBytes: 60, maxBytes: 1_000 });
    for (let at = 0; at < 6; at++) await add(queue, `sent ${at}`);
    await drain(queue);
    await queue.commit();
    for (let at = 0; at < 40; at++) await add(queue, `dropped ${at}`);
    await queue.close();
  } finally {
    spy.mockRestore();
  }
  expect(copies.length).toBeGreaterThan(10);
  for (const copy of copies) {
    dropped = [];
    const queue = await open(copy, { segmentBytes: 60 });
    await drain(queue);
    await queue.close();
    expect([copy, dropped]).toEqual([copy, []]);
  }
});
