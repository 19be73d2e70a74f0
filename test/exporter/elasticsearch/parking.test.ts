import { cpSync, existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Parking } from '../../../exporter/elasticsearch/parking.ts';
import { DiskQueue } from '../../../exporter/queue/queue.ts';
import { Segment } from '../../../exporter/queue/segment.ts';

const STREAM = 'metrics-virtune.vm-default';

let dir: string;
let started: string[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'virtune-parking-'));
  started = [];
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(dir, { recursive: true, force: true });
});

const queue = {
  kind: 'elasticsearch' as const,
  maxAgeMs: 1e12,
  now: Date.now,
  onDrop: () => undefined,
  onTrouble: () => undefined,
};
const openQueue = (): Promise<DiskQueue> =>
  DiskQueue.open({ ...queue, dir: join(dir, STREAM), maxBytes: 1e9, lock: false });
const open = (): Promise<Parking> =>
  Parking.open({
    dir,
    maxBytes: 1e9,
    queue,
    senderOf: (_, stream) => ({ start: () => void started.push(stream), stop: async () => undefined }),
  });

test('the folder of a stream that waits no longer is removed, unless a file in it was put aside for its operator', async () => {
  await (await openQueue()).close();
  await open();
  expect(readdirSync(dir)).toEqual([]);
  const parked = await openQueue();
  await parked.append(Buffer.from('x'), 10, Date.now());
  await parked.close();
  const [file = ''] = readdirSync(join(dir, STREAM)).filter((name) => name.endsWith('.vq'));
  const aside = join(dir, STREAM, `${file}.unreadable`);
  renameSync(join(dir, STREAM, file), aside);
  rmSync(join(dir, STREAM, 'position'), { force: true });
  await open();
  expect([existsSync(aside), started]).toEqual([true, []]);
});

test('a stream whose last file cannot be read at a start stays: documents may be in it that were stored just before a kill', async () => {
  const parked = await openQueue();
  await parked.append(Buffer.from('one'), 10, Date.now());
  await parked.take();
  await parked.commit();
  await parked.append(Buffer.from('two'), 10, Date.now());
  // As a kill leaves it: the position of the queue was last written with the first one.
  cpSync(join(dir, STREAM), join(dir, 'killed'), { recursive: true });
  await parked.close();
  rmSync(join(dir, STREAM), { recursive: true });
  vi.spyOn(Segment.prototype, 'read').mockRejectedValue(Object.assign(new Error('EIO'), { code: 'EIO' }));
  await open();
  expect(started).toEqual(['killed']);
  expect(readdirSync(join(dir, 'killed')).filter((name) => name.endsWith('.vq'))).toHaveLength(1);
});
