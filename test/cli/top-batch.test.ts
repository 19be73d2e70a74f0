import { afterEach, expect, test, vi } from 'vitest';
import { type RunBatchOptions, runBatch } from '../../cli/top/run-batch.ts';
import { vmColumns } from '../../tui/columns/vm-columns.ts';
import { parseThreshold } from '../../tui/model/filter.ts';
import { type Scene, sceneOf } from '../../tui/model/host-view.ts';
import { INITIAL_STATE } from '../../tui/state/state.ts';
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
