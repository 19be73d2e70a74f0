import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { DropReason } from '../../../exporter/queue/drop-reason.ts';
import { DiskQueue, type QueueOptions } from '../../../exporter/queue/queue.ts';
import { Segment } from '../../../exporter/queue/segment.ts';
import { textWithCode } from '../../../model/virtune-error.ts';

const MINUTE_MS = 60_000;

let dir: string;
let dropped: [DropReason, number][];
let trouble: string[];
let nowMs: number;
/** Files that the disk fails to read, by their first document. */
let bad: Set<number>;
const { read } = Segment.prototype;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'virtune-unreadable-'));
  dropped = [];
  trouble = [];
  nowMs = 0;
  bad = new Set();
  vi.spyOn(Segment.prototype, 'read').mockImplementation(function (this: Segment, offset) {
    if (!bad.has(this.firstDocument)) return read.call(this, offset);
    const error = Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO', syscall: 'read' });
    return Promise.reject(error);
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(dir, { recursive: true, force: true });
});

/** Opens a queue with a separate file for each record. */
const open = (more: Partial<QueueOptions> = {}): Promise<DiskQueue> =>
  DiskQueue.open({
    dir,
    kind: 'elasticsearch',
    maxBytes: 1e9,
    maxAgeMs: 1e9,
    segmentBytes: 1,
    now: () => 1_000_000,
    monotonicMs: () => nowMs,
    onDrop: (reason, documents) => dropped.push([reason, documents]),
    onTrouble: (error) => trouble.push(textWithCode(error)),
    ...more,
  });

async function filled(records: number, more?: Partial<QueueOptions>): Promise<DiskQueue> {
  const queue = await open(more);
  for (let at = 0; at < records; at++) await queue.append(Buffer.from(`record ${at}`), 10, 1_000_000);
  return queue;
}

/** Takes records as the sender does: with a retry each minute, until the queue is empty or time is up. */
async function sentWithin(queue: DiskQueue, minutes: number): Promise<string[]> {
  const sent: string[] = [];
  for (const endMs = nowMs + minutes * MINUTE_MS; nowMs <= endMs; ) {
    const record = await queue.take().catch(() => null);
    if (record === undefined) break;
    if (record === null) nowMs += MINUTE_MS;
    else sent.push(record.payload.toString());
  }
  return sent;
}

const asideFiles = (): string[] => readdirSync(dir).filter((name) => name.endsWith('.unreadable'));

test('a file that cannot be read for five minutes is put aside: its documents count as dropped, it is named with what to do, and the rest is sent', async () => {
  const queue = await filled(4);
  bad.add(10);
  expect(await sentWithin(queue, 4)).toEqual(['record 0']);
  expect([dropped, asideFiles()]).toEqual([[], []]);
  expect(await sentWithin(queue, 4)).toEqual(['record 2', 'record 3']);
  expect(dropped).toEqual([['unreadable', 10]]);
  const file = join(dir, '0000000000000010.vq');
  expect(trouble).toEqual([
    `${file} could not be read for 5 minutes (EIO: i/o error), and blocked the queue; it was renamed to ${file}.unreadable, and its 10 documents that were not sent count as dropped (unreadable); check the disk (dmesg, smartctl), then delete the file, or send it again as docs/elasticsearch.md explains under "A file that cannot be read" [QUEUE_UNREADABLE]`,
  ]);
  expect(asideFiles()).toEqual(['0000000000000010.vq.unreadable']);
  await queue.commit();
  expect(queue.state).toMatchObject({ documents: 0, bytes: 0 });
  await queue.close();
  const next = await open();
  expect(next.state.documents).toBe(0);
  expect(await sentWithin(next, 10)).toEqual([]);
  expect(dropped).toHaveLength(1);
  await next.close();
});

test.each(['elasticsearch', 'otlp'] as const)(
  'the message about a file that cannot be read refers to a page that explains it: %s',
  async (kind) => {
    const queue = await filled(2, { kind });
    bad.add(0);
    await sentWithin(queue, 6);
    const [, page = '', heading = ''] =
      /send it again as (\S+) explains under "(.+)"/.exec(String(trouble[0])) ?? [];
    expect(page).toContain(kind === 'otlp' ? 'opentelemetry' : 'elasticsearch');
    expect(readFileSync(page, 'utf8')).toContain(`**${heading}`);
    await queue.close();
  },
);

test('a failure that ends within five minutes loses nothing, however often it comes back', async () => {
  const queue = await filled(4);
  const sent: string[] = [];
  for (const file of [0, 10, 20, 30]) {
    bad.add(file);
    sent.push(...(await sentWithin(queue, 4)));
    bad.clear();
    const record = await queue.take();
    sent.push(String(record?.payload));
  }
  expect(sent).toEqual(['record 0', 'record 1', 'record 2', 'record 3']);
  expect([dropped, asideFiles()]).toEqual([[], []]);
  await queue.close();
});

test('a file that is read now and then is not put aside', async () => {
  const queue = await filled(5, { segmentBytes: 1_000 });
  for (let at = 0; at < 5; at++) {
    bad.add(0);
    expect(await sentWithin(queue, 4)).toEqual([]);
    bad.clear();
    expect(String((await queue.take())?.payload)).toBe(`record ${at}`);
  }
  expect([dropped, asideFiles()]).toEqual([[], []]);
  await queue.close();
});

test('while the disk reads nothing at all, no file is put aside, and all is sent when it works again', async () => {
  const queue = await filled(3);
  bad = new Set([0, 10, 20]);
  expect(await sentWithin(queue, 120)).toEqual([]);
  expect([dropped, asideFiles()]).toEqual([[], []]);
  bad.clear();
  expect(await sentWithin(queue, 1)).toEqual(['record 0', 'record 1', 'record 2']);
  await queue.close();
});

test('one try after hours of sleep puts nothing aside', async () => {
  const queue = await filled(2);
  bad.add(0);
  await expect(queue.take()).rejects.toMatchObject({ code: 'QUEUE_FOLDER' });
  nowMs += 8 * 60 * MINUTE_MS;
  await expect(queue.take()).rejects.toMatchObject({ code: 'QUEUE_FOLDER' });
  expect(asideFiles()).toEqual([]);
  await queue.close();
});

test('of a file that is read in part, what was taken before is not lost, and is settled as usual', async () => {
  const queue = await filled(4, { segmentBytes: 80 });
  expect(String((await queue.take())?.payload)).toBe('record 0');
  bad.add(0);
  expect(await sentWithin(queue, 10)).toEqual(['record 2', 'record 3']);
  expect(dropped).toEqual([['unreadable', 10]]);
  expect(queue.state.documents, 'three are taken and not settled').toBe(30);
  await queue.commit();
  expect(queue.state.documents).toBe(0);
  await queue.close();
});

test('the only file of a queue is put aside too, and what comes later goes on with other numbers', async () => {
  const queue = await filled(1);
  bad.add(0);
  expect(await sentWithin(queue, 10)).toEqual([]);
  await queue.append(Buffer.from('later'), 5, 1_000_000);
  expect(await sentWithin(queue, 1)).toEqual(['later']);
  await queue.commit();
  expect(dropped).toEqual([['unreadable', 10]]);
  await queue.close();
  const next = await open();
  await next.append(Buffer.from('after'), 5, 1_000_000);
  expect(await next.take()).toMatchObject({ firstDocument: 15 });
  await next.close();
});

test('killed right after a file was put aside, the next process counts nothing twice', async () => {
  const queue = await filled(3);
  const copy = `${dir}-killed`;
  const putAside = Segment.prototype.putAside;
  vi.spyOn(Segment.prototype, 'putAside').mockImplementation(async function (this: Segment) {
    await putAside.call(this);
    cpSync(dir, copy, { recursive: true, filter: (path) => !path.endsWith('/lock') });
  });
  bad.add(0);
  await sentWithin(queue, 10);
  await queue.close();
  dropped = [];
  const next = await open({ dir: copy });
  expect(await sentWithin(next, 10)).toEqual(['record 1', 'record 2']);
  await next.close();
  rmSync(copy, { recursive: true });
  // The position was not written: the gap shows that they are lost.
  expect(dropped).toEqual([['damaged', 10]]);
});

test('killed while the server has not answered on what was read of such a file, the next process counts that, and gives no number twice', async () => {
  const queue = await filled(2, { segmentBytes: 1_000 });
  await queue.take();
  bad.add(0);
  expect(await sentWithin(queue, 10)).toEqual([]);
  expect(dropped).toEqual([['unreadable', 10]]);
  const copy = `${dir}-killed`;
  cpSync(dir, copy, { recursive: true, filter: (path) => !path.endsWith('/lock') });
  await queue.close();
  dropped = [];
  const next = await open({ dir: copy });
  await next.append(Buffer.from('later'), 5, 1_000_000);
  expect(await next.take()).toMatchObject({ firstDocument: 20 });
  expect(dropped).toEqual([['damaged', 10]]);
  await next.close();
  rmSync(copy, { recursive: true });
});

test('a last file that cannot be read keeps no exporter from its start, and is sent once it can be', async () => {
  await (await filled(2)).close();
  bad.add(10);
  const queue = await open();
  expect(trouble).toEqual([expect.stringContaining('EIO')]);
  expect(queue.state.documents).toBe(20);
  await queue.append(Buffer.from('later'), 5, 1_000_000);
  expect(queue.state.documents).toBe(25);
  expect(await sentWithin(queue, 3)).toEqual(['record 0']);
  bad.clear();
  expect(await sentWithin(queue, 3)).toEqual(['record 1', 'later']);
  await queue.commit();
  expect([dropped, queue.state.documents]).toEqual([[], 0]);
  await queue.close();
});

test('such a file that stays unreadable counts the documents that it is known to have', async () => {
  await (await filled(2)).close();
  bad.add(10);
  const queue = await open();
  await queue.append(Buffer.from('later'), 5, 1_000_000);
  expect(await sentWithin(queue, 10)).toEqual(['record 0', 'later']);
  await queue.commit();
  expect(dropped).toEqual([['unreadable', 10]]);
  expect(queue.state.documents).toBe(0);
  await queue.close();
});

test('a full queue drops its oldest files also while the disk reads none of them', async () => {
  const queue = await filled(20);
  bad = new Set(Array.from({ length: 30 }, (_, at) => at * 10));
  await queue.close();
  bad.delete(190);
  const full = await open({ maxBytes: 400 });
  bad.add(190);
  await full.append(Buffer.from('one more'), 10, 1_000_000);
  expect(full.state.bytes).toBeLessThan(500);
  expect(dropped.every(([reason]) => reason === 'queue_full')).toBe(true);
  expect(existsSync(join(dir, '0000000000000000.vq'))).toBe(false);
  await full.close();
});

/** Changes a byte of the record in that file. */
function damage(file: string): void {
  const bytes = readFileSync(join(dir, file));
  bytes[bytes.length - 2] = (bytes[bytes.length - 2] ?? 0) ^ 0xff;
  writeFileSync(join(dir, file), bytes);
}

test('documents that are damaged before a file that is put aside are counted, too', async () => {
  const queue = await filled(4);
  damage('0000000000000010.vq');
  bad.add(20);
  expect(await sentWithin(queue, 10)).toEqual(['record 0', 'record 3']);
  expect(dropped).toEqual([
    ['damaged', 10],
    ['unreadable', 10],
  ]);
  await queue.commit();
  expect(queue.state.documents).toBe(0);
  await queue.close();
});

test('documents that are damaged before a file that a full queue drops are counted, too', async () => {
  let maxBytes = 1e9;
  const queue = await filled(4, { maxBytes: () => maxBytes });
  damage('0000000000000010.vq');
  bad.add(20);
  expect(await sentWithin(queue, 2)).toEqual(['record 0']);
  await queue.commit();
  maxBytes = 1;
  await queue.append(Buffer.from('record 4'), 10, 1_000_000);
  expect(dropped.filter(([reason]) => reason === 'damaged')).toEqual([['damaged', 10]]);
  await queue.close();
});
