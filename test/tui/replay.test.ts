import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Recorder } from '../../sampler/record/recorder.ts';
import { Recording } from '../../sampler/record/recording.ts';
import { ReplayFeed } from '../../tui/feed/replay.ts';
import { downText } from '../../tui/render/header.ts';
import { hostSample } from './scene-of.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'virtune-replay-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The messages about hosts that are down, at each of these samples in a recording. */
async function down(
  samples: readonly (readonly [host: string, second: number])[],
  step: (feed: ReplayFeed, index: number) => void = (feed, index) => feed.seekTo(index),
): Promise<string[]> {
  const file = join(folder, 'a.rec');
  const recorder = await Recorder.create(file);
  for (const [name, second] of samples) {
    const sample = hostSample(second * 1_000, [{ name: `on-${name}` }]);
    const written = statSync(file).size;
    recorder.add({ name, uri: `qemu+ssh://${name}/system`, groups: ['domain'] }, sample);
    // One after another: a recorder with a backlog drops samples.
    while (statSync(file).size === written) await setTimeout(1);
  }
  await recorder.close();
  const feed = new ReplayFeed(Recording.open(file));
  const said = samples.map((_, index) => {
    step(feed, index);
    const { hosts, atMs } = feed.scene;
    return hosts
      .map((host) => [host.name, downText(host, atMs)])
      .filter(([, text]) => text !== undefined)
      .map((both) => both.join(': '))
      .join(', ');
  });
  await feed.close();
  rmSync(file);
  return said;
}

test('a host without samples while others have some is not shown as if it were as before', async () => {
  const outage = [...[0, 1, 2].flatMap((at) => [['a', at] as const, ['b', at] as const]), ['a', 60] as const];
  const gone = 'b: no sample in the recording for 0:58';
  expect(await down(outage)).toEqual([gone.replace('0:58', '0:00'), '', '', '', '', '', gone]);
  const stepped = await down(outage, (feed, index) => (index === 0 ? feed.seekTo(0) : feed.seek(1)));
  expect(stepped.at(-1)).toBe(gone);
});

test('a host that comes later has no sample before, and one that comes back is up', async () => {
  const said = await down([
    ['a', 0],
    ['a', 1],
    ['a', 2],
    ['b', 2],
    ['b', 3],
    ['b', 4],
    ['a', 30],
    ['b', 30],
  ]);
  expect(said).toEqual([
    'b: no sample in the recording for 0:00',
    'b: no sample in the recording for 0:01',
    'b: no sample in the recording for 0:02',
    '',
    '',
    '',
    'b: no sample in the recording for 0:26',
    '',
  ]);
});

test('hosts that are sampled every minute are up between two samples, also after shorter intervals', async () => {
  const at = (second: number) => [['a', second] as const, ['b', second + 0.1] as const];
  expect((await down([0, 60, 120, 180].flatMap(at))).slice(1)).toEqual(Array.from({ length: 7 }, () => ''));
  const changed = await down([0, 1, 2, 3, 4, 5, 60, 120, 180].flatMap(at));
  expect(changed.slice(-5)).toEqual(['', '', '', '', '']);
});

test('after a jump, a host with no sample among those before is as it was seen last', async () => {
  const samples = [
    ['b', 0] as const,
    ['b', 0.01] as const,
    ...Array.from({ length: 130 }, (_, index) => ['a', (index + 2) / 100] as const),
  ];
  const said = await down(samples, (feed, index) => {
    if (index === samples.length - 1) feed.seekTo(index);
  });
  expect(said.at(-1)).toBe('');
});
