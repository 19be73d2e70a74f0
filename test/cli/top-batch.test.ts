import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { liveScenes, type RunBatchOptions, recordedScenes, runBatch } from '../../cli/top/run-batch.ts';
import { DEFAULT_GROUPS } from '../../model/catalogue/catalogue.ts';
import type { HostSample } from '../../sampler/host-sample.ts';
import { Recorder } from '../../sampler/record/recorder.ts';
import { Recording } from '../../sampler/record/recording.ts';
import { jsonLine } from '../../tui/batch/json.ts';
import { vmColumns } from '../../tui/columns/vm-columns.ts';
import type { HostSource } from '../../tui/feed/live.ts';
import { parseThreshold } from '../../tui/model/filter.ts';
import { HostModel } from '../../tui/model/host-model.ts';
import { type Scene, sceneOf } from '../../tui/model/host-view.ts';
import { INITIAL_STATE } from '../../tui/state/state.ts';
import { hostSample } from '../tui/scene-of.ts';
import { sceneAt } from '../tui/scenes.ts';

const up = sceneAt('noisy-neighbour', 56);
/** The same host a tick later, when its libvirtd does not answer. */
const down = sceneOf(
  up.hosts.map((host) => ({
    ...host,
    down: { sinceMs: up.atMs, error: new Error('the socket is closed') },
  })),
  up.atMs + 1_000,
);

const OPTIONS: RunBatchOptions = {
  format: 'csv',
  filter: '',
  sort: INITIAL_STATE.sorts.vms,
  thresholds: [],
  delayMs: 1_000,
  iterations: Number.POSITIVE_INFINITY,
  units: 'bytes',
  ascii: true,
  record: undefined,
};

afterEach(() => {
  vi.restoreAllMocks();
});

/** Everything printed on both streams, and the exit code. */
async function printed(scenes: readonly Scene[], options: Partial<RunBatchOptions>) {
  const [out, err] = [process.stdout, process.stderr].map((stream) =>
    vi.spyOn(stream, 'write').mockImplementation((_text, ...rest: readonly unknown[]) => {
      const [done] = rest.slice(-1);
      if (typeof done === 'function') done();
      return true;
    }),
  );
  const code = await runBatch(
    (async function* () {
      yield* scenes;
    })(),
    { ...OPTIONS, ...options },
  );
  const textOf = (stream: typeof out): string => (stream?.mock.calls ?? []).map(([text]) => text).join('');
  return { code, stdout: textOf(out), stderr: textOf(err) };
}

test('CSV has no rows of a host while it cannot be asked', async () => {
  const { stdout, code } = await printed([up, down, up], {});
  const times = stdout
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((row) => row.split(',')[0]);
  expect(times).toHaveLength(2 * up.vms.length);
  expect(new Set(times)).toEqual(new Set([new Date(up.atMs).toISOString()]));
  expect(code).toBe(0);
});

test('JSON has neither VMs nor figures of a host while it cannot be asked', async () => {
  const { stdout } = await printed([down], { format: 'json' });
  const { vms, hosts } = JSON.parse(stdout);
  expect(vms).toEqual([]);
  expect(hosts).toEqual([
    expect.objectContaining({
      name: 'noisy-neighbour',
      up: false,
      error: 'the socket is closed',
      cpu_busy_percent: null,
      vcpus_running: null,
      contention_percent: null,
      pressure: {},
    }),
  ]);
});

test('tables have no VMs of a host while it cannot be asked', async () => {
  const { stdout } = await printed([down], { format: 'text' });
  expect(stdout).toContain('libvirt not reachable for');
  expect(stdout).not.toContain('pg-orders');
  expect(stdout).toContain(' 0 VMs');
});

test('a threshold is not crossed again while the host cannot be asked', async () => {
  const thresholds = [parseThreshold('delay>5%', vmColumns)];
  const { code, stderr } = await printed([up, down, down], { thresholds });
  expect(code).toBe(1);
  expect(stderr.match(/pg-orders/g)).toHaveLength(1);
  expect((await printed([down], { thresholds })).code).toBe(69);
});

/** Two hosts, with this scene as the second. */
const withSecond = (second: Scene): Scene =>
  sceneOf([...up.hosts, ...second.hosts.map((host) => ({ ...host, name: 'kvm2' }))], second.atMs);

test('with a threshold, a host that could not be asked at last exits with 69, and is named', async () => {
  const thresholds = [parseThreshold('delay>99%', vmColumns)];
  const { code, stderr } = await printed([withSecond(down)], { thresholds });
  expect({ code, stderr }).toEqual({ code: 69, stderr: 'virtune top: kvm2: the socket is closed\n' });
  expect((await printed([up, down], { thresholds })).code).toBe(69);
  expect((await printed([withSecond(down), withSecond(up)], { thresholds })).code).toBe(0);
  const crossed = await printed([withSecond(down)], { thresholds: [parseThreshold('delay>5%', vmColumns)] });
  expect(crossed.code).toBe(1);
  // Without a threshold, the figures of one host are enough.
  expect((await printed([withSecond(down)], {})).code).toBe(0);
});

/** A host that returns these samples in turn; `undefined` is a failed one. */
function sourceOf(name: string, samples: readonly (HostSample | undefined)[]): HostSource {
  const left = [...samples];
  return {
    name,
    uri: `qemu+ssh://${name}/system`,
    groups: DEFAULT_GROUPS,
    sample: () => {
      const next = left.shift();
      return next === undefined ? Promise.reject(new Error('too slow')) : Promise.resolve(next);
    },
    close: () => Promise.resolve(),
  };
}

/** Samples at these seconds of a VM that uses half a CPU. */
const seconds = (...ats: readonly (number | undefined)[]) =>
  ats.map((at) =>
    at === undefined ? undefined : hostSample(at * 1_000, [{ name: 'vm', cpuTimeNs: at * 5e8 }]),
  );

async function live(sources: readonly HostSource[], iterations: number, thresholds: readonly string[] = []) {
  const scenes: Scene[] = [];
  const options = {
    delayMs: 1,
    iterations,
    record: undefined,
    thresholds: thresholds.map((text) => parseThreshold(text, vmColumns)),
  };
  for await (const scene of liveScenes(sources, options, new AbortController().signal)) scenes.push(scene);
  return scenes;
}

test('a host whose first sample fails has rates in the one scene that is printed', async () => {
  const [scene, ...more] = await live(
    [sourceOf('a', seconds(1, 2)), sourceOf('b', seconds(undefined, 2, 3))],
    1,
  );
  expect(more).toEqual([]);
  expect(scene?.vms.map(({ host, total }) => [host, total.cpuUsage])).toEqual([
    ['a', 0.5],
    ['b', 0.5],
  ]);
});

test('a threshold on findings is for scenes with enough samples for findings of load', async () => {
  const [early] = await live([sourceOf('a', seconds(1, 2))], 1);
  expect(early?.hosts.map(({ advice }) => advice.observation?.samples)).toEqual([1]);
  const scenes = await live([sourceOf('a', seconds(1, 2, 3, 4, 5))], 2, ['findings>0']);
  expect(scenes.map(({ hosts }) => hosts[0]?.advice.observation?.samples)).toEqual([3, 4]);
});

test('before there are enough samples, a VM without findings has a missing figure and not 0', () => {
  const after = (count: number) => {
    const model = new HostModel({ name: 'host', uri: 'qemu:///system', groups: DEFAULT_GROUPS });
    for (const sample of seconds(...Array.from({ length: count }, (_, at) => at + 1)))
      if (sample !== undefined) model.ingest(sample);
    return sceneOf([model.view], 0);
  };
  const row = (count: number) => {
    const scene = after(count);
    return JSON.parse(jsonLine(scene, scene.vms)).vms[0];
  };
  expect(row(3)).toMatchObject({ findings: [], missing: { findings: 'few_samples' } });
  expect(row(4)).toMatchObject({ findings: [] });
  expect(row(4).missing).not.toHaveProperty('findings');
});

test('sampling ends once the reader of what is printed has ended', async () => {
  let sampled = 0;
  vi.spyOn(process.stdout, 'write').mockImplementation((_text, ...rest: readonly unknown[]) => {
    const [done] = rest.slice(-1);
    if (typeof done === 'function') done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    return false;
  });
  async function* scenes() {
    for (; sampled < 10; sampled++) yield up;
  }
  const thresholds = [parseThreshold('delay>5%', vmColumns)];
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  expect(await runBatch(scenes(), { ...OPTIONS, format: 'json' })).toBe(0);
  expect(await runBatch(scenes(), { ...OPTIONS, format: 'text', thresholds })).toBe(1);
  expect(await runBatch(scenes(), OPTIONS)).toBe(0);
  expect(sampled).toBe(0);
});

/** The VMs and their seconds in each scene of a recording made of these samples. */
async function replayed(
  samples: readonly (readonly [host: string, second: number])[],
  iterations = Number.POSITIVE_INFINITY,
): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'virtune-top-batch-'));
  try {
    const file = join(folder, 'a.rec');
    const recorder = await Recorder.create(file);
    for (const [host, second] of samples) {
      recorder.add(
        { name: host, uri: `qemu+ssh://${host}/system`, groups: ['domain'] },
        hostSample(second * 1_000, [{ name: 'vm', cpuTimeNs: second * 5e8 }]),
      );
    }
    await recorder.close();
    const recording = Recording.open(file);
    const scenes: string[] = [];
    for await (const { vms, hosts, atMs } of recordedScenes(recording, iterations)) {
      expect(hosts.map(({ name }) => name)).toEqual(vms.map((vm) => vm.host));
      scenes.push(vms.map((vm) => `${vm.host} ${atMs / 1_000} ${vm.total.cpuUsage ?? '-'}`).join(', '));
    }
    recording.close();
    return scenes;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('of a recording of several hosts each sample is printed once, from the second of its host on', async () => {
  expect(
    await replayed([
      ['a', 0],
      ['a', 1],
      ['b', 1],
      ['a', 2],
      ['b', 3],
      ['a', 4],
      ['c', 4],
    ]),
  ).toEqual(['a 1 0.5', 'a 2 0.5', 'b 3 0.5', 'a 4 0.5', 'c 4 -']);
});

test('so many samples of each host of a recording are printed as are asked for', async () => {
  expect(
    await replayed(
      [
        ['a', 0],
        ['b', 0],
        ['a', 1],
        ['a', 2],
        ['b', 2],
      ],
      1,
    ),
  ).toEqual(['a 1 0.5', 'b 2 0.5']);
});
