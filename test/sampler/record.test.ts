import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Recorder } from '../../sampler/record/recorder.ts';
import { Recording } from '../../sampler/record/recording.ts';
import { vmColumns } from '../../tui/columns/vm-columns.ts';
import { ReplayFeed } from '../../tui/feed/replay.ts';
import type { Scene } from '../../tui/model/host-view.ts';
import { hostSample } from '../tui/scene-of.ts';
import { RECORDINGS } from '../tui/scenes.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'virtune-recording-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const HOST = { name: 'host', uri: 'qemu:///system', groups: ['domain'] };
const error = Object.assign(new Error('denied'), { code: 'LIBVIRT_REMOTE', libvirtCode: 88 });

async function recorded(count: number): Promise<string> {
  const file = join(folder, 'a.rec');
  const recorder = await Recorder.create(file);
  for (let tick = 0; tick < count; tick++) {
    recorder.add(
      HOST,
      hostSample(tick * 1_000, [
        { figures: { 'vcpu.0.time': tick } },
        { name: 'b', more: { outcome: { kind: 'error', error } } },
      ]),
    );
  }
  await recorder.close();
  return file;
}

test('a sample comes back as it was: maps, CPU sets, errors and all', async () => {
  const recording = Recording.open(await recorded(3));
  expect(recording.length).toBe(3);
  expect(recording.atMs(2)).toBe(2_000);
  const { sample, host } = recording.read(1);
  const was = hostSample(1_000, [{ figures: { 'vcpu.0.time': 1 } }]);
  expect(host).toEqual(HOST);
  // What is absent stays absent, whether it was omitted or undefined.
  expect(sample.domains[0]).toEqual(was.domains[0]);
  expect(sample.host).toEqual(was.host);
  expect(sample.domains[1]?.outcome).toMatchObject({
    kind: 'error',
    error: { message: 'denied', libvirtCode: 88 },
  });
  recording.close();
});

test('it is gzip of JSON lines, for its owner alone, and facts that stay are written once', async () => {
  const file = await recorded(1);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const lines = gunzipSync(readFileSync(file))
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines[0]).toEqual({ virtune: 'recording', version: 1 });
  expect(lines.filter((line) => 'sample' in line)).toHaveLength(1);
  const long = readFileSync(join(RECORDINGS, 'noisy-neighbour.rec'));
  const defined = gunzipSync(long)
    .toString()
    .split('\n')
    .filter((line) => line.startsWith('{"define"'));
  // 15 VMs and a topology over 60 samples; two of the VMs have changed.
  expect(defined.length).toBeLessThan(25);
});

test('a file that is there is not written over', async () => {
  const file = await recorded(1);
  await expect(Recorder.create(file)).rejects.toMatchObject({
    code: 'RECORDING',
    message: expect.stringContaining('another name'),
  });
  await expect(Recorder.create(join(folder, 'no/such/folder'))).rejects.toMatchObject({ code: 'RECORDING' });
});

test('cut short anywhere, the whole samples before the cut are there', async () => {
  const file = await recorded(3);
  const bytes = readFileSync(file);
  const cut = join(folder, 'cut.rec');
  let before = 0;
  for (let length = 1; length <= bytes.length; length += 7) {
    writeFileSync(cut, bytes.subarray(0, length));
    let found = 0;
    try {
      const recording = Recording.open(cut);
      found = recording.length;
      for (let index = 0; index < found; index++) recording.read(index);
      recording.close();
    } catch (error) {
      expect(error).toMatchObject({ code: 'RECORDING' });
    }
    expect(found).toBeGreaterThanOrEqual(before);
    before = found;
  }
  expect(before).toBeGreaterThanOrEqual(2);
});

test.each([
  ['nothing', Buffer.alloc(0)],
  ['no gzip', Buffer.from('hello, this is some text')],
  ['gzip of something else', gzipSync('{"a":1}\n')],
  ['no JSON', gzipSync('nonsense\n')],
  ['another version', gzipSync('{"virtune":"recording","version":99}\n')],
  ['no samples', gzipSync('{"virtune":"recording","version":1}\n')],
])('%s is refused with a reason', (_, bytes) => {
  const file = join(folder, 'wrong.rec');
  writeFileSync(file, bytes);
  expect(() => Recording.open(file)).toThrow(expect.objectContaining({ code: 'RECORDING' }));
});

test('samples before a hole of gigabytes are there: no file is too large', async () => {
  const file = await recorded(3);
  truncateSync(file, 3 * 1024 ** 3);
  const recording = Recording.open(file);
  expect(recording.length).toBe(3);
  expect(recording.read(2).sample.startedAtMs).toBe(2_000);
  recording.close();
});

test('samples of any length are found, whatever stands before them', () => {
  const file = join(folder, 'long.rec');
  // Spans several windows of the reader, with one line longer than a window.
  const lengths = [100_000, 7_000_000, 100_000, ...Array.from({ length: 20 }, () => 300_000)];
  const lines = lengths.map((length, tick) => {
    const sample = { startedAtMs: tick, domains: [], text: randomBytes(length / 2).toString('hex') };
    return { at: tick, host: HOST, sample };
  });
  const members = [{ virtune: 'recording', version: 1 }, ...lines].map((line) =>
    gzipSync(`${JSON.stringify(line)}\n`, { level: 1 }),
  );
  writeFileSync(file, Buffer.concat(members));
  const recording = Recording.open(file);
  expect(recording.length).toBe(lengths.length);
  lines.forEach(({ sample }, index) => {
    expect(recording.read(index).sample).toEqual(sample);
  });
  recording.close();
});

test('a name that looks like the begin of a sample is a name', async () => {
  const file = join(folder, 'odd.rec');
  const recorder = await Recorder.create(file);
  const name = 'kvm1,"sample":{';
  recorder.add({ ...HOST, name }, hostSample(1_000, [{ name: '","sample":true}' }]));
  await recorder.close();
  const recording = Recording.open(file);
  expect(recording.hosts.map((host) => host.name)).toEqual([name]);
  expect(recording.read(0).sample.domains[0]?.domain.name).toBe('","sample":true}');
  recording.close();
});

const figures = (scene: Scene): unknown[] =>
  scene.vms.map((vm) => vmColumns.map((column) => column.read(vm)));

test('a sample that unpacks to gigabytes is not unpacked', () => {
  const file = join(folder, 'bomb');
  const head = gzipSync(`${JSON.stringify({ virtune: 'recording', version: 1 })}\n`);
  writeFileSync(file, Buffer.concat([head, gzipSync(Buffer.alloc(300 * 1024 * 1024), { level: 1 })]));
  expect(() => Recording.open(file)).toThrow(/contains no samples/);
});

test('an instant shows the same whether one came to it step by step, from behind, or at once', () => {
  const open = (index: number): ReplayFeed =>
    new ReplayFeed(Recording.open(join(RECORDINGS, 'noisy-neighbour.rec')), index);
  const stepped = open(1);
  for (let step = 0; step < 9; step++) stepped.seek(1);
  const back = open(20);
  back.seek(-10);
  const direct = open(10);
  expect(stepped.session.replay).toMatchObject({ index: 10, count: 60 });
  expect(figures(stepped.scene)).toEqual(figures(direct.scene));
  expect(figures(back.scene)).toEqual(figures(direct.scene));
  stepped.seek(1_000);
  expect(stepped.session.replay?.index).toBe(59);
  stepped.seek(Number.NEGATIVE_INFINITY);
  expect(stepped.session.replay?.index).toBe(0);
});
