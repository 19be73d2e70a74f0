import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { type RunBatchOptions, recordedScenes, runBatch } from '../../cli/top/run-batch.ts';
import { Recorder } from '../../sampler/record/recorder.ts';
import { Recording } from '../../sampler/record/recording.ts';
import { vmColumns } from '../../tui/columns/vm-columns.ts';
import { parseThreshold } from '../../tui/model/filter.ts';
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

/** What is printed on either stream, and the exit code. */
async function printed(scenes: readonly Scene[], options: Partial<RunBatchOptions>) {
  const [out, err] = [process.stdout, process.stderr].map((stream) =>
    vi.spyOn(stream, 'write').mockReturnValue(true),
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
  expect(stdout).toContain('libvirt not reachable since');
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

/** Which VMs, at which second, each scene of a recording has that was made of these samples. */
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
