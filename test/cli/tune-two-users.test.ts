import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Demo, startDemo } from '../../simulator/demo.ts';
import { type Ended, VirtuneProcess } from '../virtune-process.ts';
import { Terminal } from './terminal.ts';

const TIMEOUT_MS = 60_000;
const DISK = { target: 'vda', sizeGiB: 50, format: 'raw' };
const vm = (name: string, vcpus: number, memoryMiB: number) => ({
  name,
  workload: 'oltp',
  vcpus,
  memoryMiB,
  disks: [DISK],
});

let folder: string;
let demo: Demo;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'virtune-two-users-'));
  const scenario = join(folder, 'race.json');
  const vms = [vm('dba', 4, 8_192), vm('dbb', 4, 8_192), vm('web', 2, 2_048)];
  const host = { sockets: 2, coresPerSocket: 8, memoryGiB: 256 };
  writeFileSync(scenario, JSON.stringify({ name: 'race', description: 'two users', host, vms }));
  demo = await startDemo({ scenario });
});
afterEach(async () => {
  await demo.stop();
  rmSync(folder, { recursive: true });
});

/** Each user has a separate state folder, as on two machines. */
const argsOf = (user: string, [command = '', ...rest]: readonly string[]): string[] => [
  'tune',
  command,
  '--connect',
  demo.uri,
  '--state-dir',
  join(folder, user),
  ...rest,
];
const run = (user: string, ...args: string[]): Promise<Ended> =>
  new VirtuneProcess(...argsOf(user, args)).ended;
const PROFILE = ['--profile', 'oltp-database'] as const;

function pinsOf(name: string): string[] {
  const xml = demo.daemon.vm(name).definition?.xml ?? '';
  return [...xml.matchAll(/<vcpupin vcpu='\d+' cpuset='([^']+)'/g)].map(([, cpus = '']) => cpus);
}

const isMarked = (name: string): boolean =>
  demo.daemon.vm(name).definition?.xml.includes('virtune:tuned') === true;

test('CPUs that another user got while the question was open are refused with 75, with what changed', {
  timeout: TIMEOUT_MS,
}, async () => {
  const first = new Terminal(...argsOf('a', ['apply', 'dba', ...PROFILE]));
  await first.asks('Make these changes');
  expect(await run('b', 'apply', 'dbb', ...PROFILE, '--yes')).toMatchObject({ code: 0 });
  first.type('y\n');
  const { code, shown } = await first.ended;
  expect(code).toBe(75);
  expect(shown).toMatch(/domain "dbb": vCPU pins had none.*, now /);
  expect(shown).toContain('[TUNE_CHANGED]');
  expect(isMarked('dba')).toBe(false);
});

test('a manual pin on a VM outside the plan makes the plan stale', {
  timeout: TIMEOUT_MS,
}, async () => {
  const first = new Terminal(...argsOf('a', ['apply', 'dba', ...PROFILE]));
  await first.asks('Make these changes');
  demo.daemon.vm('web').definition?.edit((root) => {
    const tune = root.ownerDocument?.createElement('cputune');
    const pin = root.ownerDocument?.createElement('vcpupin');
    pin?.setAttribute('vcpu', '0');
    pin?.setAttribute('cpuset', '5');
    if (tune && pin) root.appendChild(tune).appendChild(pin);
  });
  first.type('y\n');
  const { code, shown } = await first.ended;
  expect(code).toBe(75);
  expect(shown).toMatch(/domain "web": vCPU pins had none, now none, next boot 0:5/);
});

test('of two users who apply at the same time, each gets CPUs that the other does not have', {
  timeout: TIMEOUT_MS,
}, async () => {
  const ended = await Promise.all([
    run('a', 'apply', 'dba', ...PROFILE, '--yes', '--wait', '30'),
    run('b', 'apply', 'dbb', ...PROFILE, '--yes', '--wait', '30'),
  ]);
  expect(ended.map(({ code, stderr }) => [code, code === 0 ? '' : stderr])).toEqual([
    [0, ''],
    [0, ''],
  ]);
  const [a, b] = [pinsOf('dba'), pinsOf('dbb')];
  expect(a).toHaveLength(4);
  expect(b).toHaveLength(4);
  expect(a.filter((cpu) => b.includes(cpu))).toEqual([]);
});

test('a plan in a file is applied as it was approved, and refused with 75 when it was edited or the host has moved', {
  timeout: TIMEOUT_MS,
}, async () => {
  const file = join(folder, 'plan.json');
  expect(await run('a', 'plan', 'dba', ...PROFILE, '--output', file)).toMatchObject({ code: 0 });
  const text = readFileSync(file, 'utf8');

  const edited = join(folder, 'edited.json');
  writeFileSync(edited, text.replace('"restart": false', '"restart": true'));
  const tampered = await run('b', 'apply', edited, '--yes');
  expect([tampered.code, tampered.stderr]).toEqual([75, expect.stringContaining('was edited or truncated')]);

  expect(await run('b', 'apply', file, '--yes')).toMatchObject({ code: 0 });
  expect(isMarked('dba')).toBe(true);

  const stale = await run('b', 'apply', file, '--yes');
  expect([stale.code, stale.stderr]).toEqual([75, expect.stringMatching(/domain "dba": vCPU pins had none/)]);
});
