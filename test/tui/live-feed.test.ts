import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Recording } from '../../sampler/record/recording.ts';
import { LiveFeed } from '../../tui/feed/live.ts';
import { hostSample } from './scene-of.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'virtune-live-feed-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A feed of one host, which answers once for each `sampled`. */
function watching() {
  let ticks = 0;
  let asked = Promise.withResolvers<void>();
  let seen = Promise.withResolvers<void>();
  const source = {
    name: 'kvm1',
    uri: 'qemu+ssh://kvm1/system',
    groups: new Set<never>(),
    sample: async () => {
      await asked.promise;
      asked = Promise.withResolvers<void>();
      return hostSample(ticks++ * 1_000, [{}]);
    },
    close: async () => asked.resolve(),
  };
  const feed = new LiveFeed([source], 3_600_000);
  feed.start(
    () => seen.resolve(),
    () => undefined,
  );
  const sampled = async (): Promise<void> => {
    seen = Promise.withResolvers<void>();
    asked.resolve();
    feed.refresh();
    await seen.promise;
  };
  return { feed, sampled };
}

test('a recording under way goes on when the next one cannot be begun', async () => {
  const { feed, sampled } = watching();
  const [a, b] = [join(folder, 'a.rec'), join(folder, 'b.rec')];
  writeFileSync(b, 'of another evening');
  await feed.record(a);
  await sampled();
  await expect(feed.record(b)).rejects.toThrow('already exists');
  expect(feed.session.recording).toBe(a);
  await sampled();
  await feed.close();
  expect(Recording.open(a).length).toBe(2);
});

test('the next recording begins where the one before it ends', async () => {
  const { feed, sampled } = watching();
  const [a, b] = [join(folder, 'a.rec'), join(folder, 'b.rec')];
  await feed.record(a);
  await sampled();
  await feed.record(b);
  expect(feed.session.recording).toBe(b);
  await sampled();
  await sampled();
  await feed.close();
  expect([a, b].map((file) => Recording.open(file).length)).toEqual([1, 2]);
});
