import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDemo } from '../../simulator/demo.ts';
import { runVirtune } from '../virtune-process.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'virtune-top-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** `virtune top` with standard output in a pipe. */
const top = (...args: string[]) => runVirtune('top', '--no-config', '-d', '0.3', ...args);
const DEMO = ['--demo', 'noisy-neighbour'];

test('to a pipe it prints tables without escape codes', async () => {
  const { code, stdout } = await top(...DEMO, '-n', '2');
  expect(code).toBe(0);
  expect(stdout.match(/^NAME/gm)).toHaveLength(2);
  expect(stdout).toContain('pg-orders');
  expect(stdout).not.toContain('\u001b');
});

test('--once --json is one line of JSON with rates in it', async () => {
  const { code, stdout } = await top(...DEMO, '--once', '--json');
  expect(code).toBe(0);
  const { vms, hosts } = JSON.parse(stdout);
  expect(hosts).toHaveLength(1);
  expect(vms).toHaveLength(15);
  expect(vms.find((vm: { name: string }) => vm.name === 'pg-orders').cpu_percent).toBeGreaterThan(0);
});

test('--csv prints one header, and one row per VM and tick', async () => {
  const { stdout } = await top(...DEMO, '--csv', '-n', '3', '--filter', 'pg', '--sort', 'name');
  const rows = stdout
    .trimEnd()
    .split('\n')
    .map((row) => row.split(','));
  expect(rows).toHaveLength(1 + 3 * 2);
  expect(new Set(rows.map((row) => row.length)).size).toBe(1);
  expect(rows.map((row) => row[2])).toEqual([
    'name',
    ...Array.from({ length: 3 }, () => ['pg-billing', 'pg-orders']).flat(),
  ]);
});

test('--fail-on exits with 1 and names the VMs above the limit, or with 0 if there are none', async () => {
  const over = await top(...DEMO, '--fail-on', 'cpu>1%', '--filter', 'pg-orders');
  expect(over.code).toBe(1);
  expect(over.stderr).toMatch(/pg-orders on noisy-neighbour: cpu_percent > 1%, it is \d/);
  expect((await top(...DEMO, '--fail-on', 'cpu>100000%')).code).toBe(0);
});

test('--fail-on counts findings once there are enough samples for them', async () => {
  const args = ['--demo', 'overcommitted', '--fail-on', 'findings>0', '--json'];
  const { code, stdout } = await top(...args);
  expect(code).toBe(1);
  expect(stdout.trimEnd().split('\n')).toHaveLength(1);
});

test('--fail-on exits with 69 where a host could not be asked', async () => {
  const demo = await startDemo();
  try {
    const hosts = ['-c', `up=${demo.uri}`, '-c', 'down=test:///default?socket=/no/such/one'];
    const { code, stderr } = await top(...hosts, '--fail-on', 'steal>100000%');
    expect(code).toBe(69);
    expect(stderr).toMatch(/^virtune top: down: .*\/no\/such\/one.*\n$/);
  } finally {
    await demo.stop();
  }
});

test('several hosts are listed together, and an unreachable one does not delay the others', async () => {
  const { code, stdout, stderr } = await top(
    ...['-c', 'test:///default?socket=/no/such/one', '-c', 'qemu+tcp://127.0.0.1:1/system'],
    '--once',
    '--json',
  );
  expect(code).toBe(69);
  expect(JSON.parse(stdout).hosts.map((host: { up: boolean }) => host.up)).toEqual([false, false]);
  expect(stderr).toContain('/no/such/one');
});

test('a recording can be replayed', async () => {
  const file = join(folder, 'a.rec');
  expect((await top(...DEMO, '--record', file, '-n', '3')).code).toBe(0);
  const { code, stdout } = await top('--replay', file, '--json');
  expect(code).toBe(0);
  expect(stdout.trimEnd().split('\n')).toHaveLength(3);
  expect(readFileSync(file).subarray(0, 2)).toEqual(Buffer.from([0x1f, 0x8b]));
  expect((await top(...DEMO, '--record', file, '-n', '1')).stderr).toContain('another name');
});

test.each([
  [['--connect', 'qemu:///system?socket=/no/such/socket', '--once'], 69, 'LIBVIRT_NOT_FOUND'],
  [['--connect', 'not a uri', '--once'], 64, 'LIBVIRT_URI'],
  [['--demo', 'no-such', '--once'], 64, 'SCENARIO'],
  [['--demo', '--replay', 'x'], 64, 'cannot be combined'],
  [['--demo', '--json', '--csv'], 64, 'cannot be combined'],
  [['--demo', '--once', '--sort', 'nonsense'], 64, 'steal_percent'],
  [['--demo', '--once', '--sort', 'cpu:sideways'], 64, 'cpu:asc'],
  [['--demo', '--once', '--filter', 'steal>much'], 64, 'steal_percent>10'],
  [['--demo', '--once', '--filter', 'hostname=kvm1'], 64, 'no column "hostname"'],
  [['--demo', '--fail-on', 'nonsense'], 64, 'delay>10%'],
  [['--demo', '--once', '--view', 'nowhere'], 64, 'disks'],
  [['--demo', '--once', '--theme', 'pink'], 64, 'colour-blind'],
  [['--demo', '--once', '--also', 'nonsense'], 64, 'numa'],
  [['--vms', '5', '--once'], 64, '--demo'],
  [['--replay', '/no/such/file', '--once'], 64, 'RECORDING'],
  [['--delay', '0.01', '--demo', '--once'], 64, 'from 100ms to 1h'],
])('virtune top %j ends with %i and says %s', async (args, code, says) => {
  const ended = await runVirtune('top', '--no-config', ...args);
  expect(ended.code).toBe(code);
  expect(ended.stderr).toContain(says);
  expect(ended.stderr).not.toContain('    at ');
});
