import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connect } from '../../libvirt/client/connect.ts';
import { type Demo, startDemo } from '../../simulator/demo.ts';
import { type Ended, VirtuneProcess } from '../virtune-process.ts';
import { Terminal } from './terminal.ts';

const TIMEOUT_MS = 60_000;

let folder: string;
let demo: Demo;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'virtune-batches-'));
  const scenario = join(folder, 'batch.json');
  const vms = ['a1', 'a2', 'a3', 'a4'].map((name) => ({
    name,
    workload: 'oltp',
    vcpus: 2,
    memoryMiB: 2_048,
    disks: [{ target: 'vda', sizeGiB: 50, format: 'raw' }],
    ...(name === 'a3' && { shutdownSeconds: 'never' }),
  }));
  const host = { sockets: 2, coresPerSocket: 8, memoryGiB: 256 };
  writeFileSync(scenario, JSON.stringify({ name: 'batch', description: 'one is deaf', host, vms }));
  demo = await startDemo({ scenario });
});
afterEach(async () => {
  await demo.stop();
  rmSync(folder, { recursive: true });
});

const argsOf = ([command = '', ...rest]: readonly string[]): string[] => [
  'tune',
  command,
  '--connect',
  demo.uri,
  '--state-dir',
  join(folder, 'state'),
  ...rest,
];
const run = (...args: string[]): Promise<Ended> => new VirtuneProcess(...argsOf(args)).ended;
const ALL = ['--all', '--profile', 'oltp-database'] as const;
const RESTART = ['--restart', '--shutdown-timeout', '2', '--settle', '0'] as const;

/** Names of VMs with a mark; `ids` shows restarts, since each start gives a new id. */
const tuned = (): string[] =>
  demo.daemon.host.vms
    .filter(({ definition }) => definition?.xml.includes('virtune:tuned') === true)
    .map(({ name }) => name);
const ids = () => Object.fromEntries(demo.daemon.host.vms.map((vm) => [vm.name, vm.domain.id]));

test('a guest that ignores its power button does not affect others: those before it keep their verified changes', {
  timeout: TIMEOUT_MS,
}, async () => {
  const before = ids();
  const { code, stdout, stderr } = await run('apply', ...ALL, ...RESTART, '--yes', '--json');
  expect(code, stderr).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    kind: 'undone',
    failure: { code: 'TUNE_RESTART' },
    applied: ['a1', 'a2'],
    failed: ['a3'],
    notTried: ['a4'],
  });
  expect(tuned()).toEqual(['a1', 'a2']);
  const after = ids();
  expect([after['a3'], after['a4']]).toEqual([before['a3'], before['a4']]);
  // Started once each: two new ids in total.
  expect([after['a1'], after['a2']].toSorted()).toEqual([5, 6]);
  expect(stderr).toMatch(/applied {4}.*"a1", "a2"\n.*failed {5}"a3"\n.*not tried {2}"a4"/);
});

test('--together undoes all of them, as one transaction', { timeout: TIMEOUT_MS }, async () => {
  const { code } = await run('apply', ...ALL, ...RESTART, '--together', '--yes');
  expect(code).toBe(1);
  expect(tuned()).toEqual([]);
});

test('after the canary it asks, and after a no the other VMs stay unchanged', {
  timeout: TIMEOUT_MS,
}, async () => {
  const terminal = new Terminal(...argsOf(['apply', ...ALL, '--canary', '1']));
  await terminal.asks('Make these changes');
  terminal.type('y\n');
  await terminal.asks('Continue with the other 3?');
  expect(tuned()).toEqual(['a1']);
  terminal.type('n\n');
  const { code, shown } = await terminal.ended;
  expect(code).toBe(1);
  expect(shown).toMatch(/not tried {2}"a2", "a3", "a4"/);
  expect(tuned()).toEqual(['a1']);
});

test('a VM that stops during the pause after its change ends the run', {
  timeout: TIMEOUT_MS,
}, async () => {
  const terminal = new Terminal(...argsOf(['apply', ...ALL, '--batch', '2', '--pause', '2s', '--yes']));
  await terminal.asks('pausing for 2 s');
  const connection = await connect(demo.uri, { readOnly: false });
  await connection.call('domainDestroyFlags', { domain: demo.daemon.vm('a2').domain, flags: 0 });
  await connection.close();
  const { code, shown } = await terminal.ended;
  expect([code, shown]).toEqual([1, expect.stringMatching(/"a2" stopped running after its change/)]);
  expect(tuned()).toEqual(['a1', 'a2']);
});

test('a run of several VMs is rolled back VM by VM, by the ids that history shows', {
  timeout: TIMEOUT_MS,
}, async () => {
  const definitions = () => demo.daemon.host.vms.map(({ definition }) => definition?.xml);
  const before = definitions();
  expect(await run('apply', ...ALL, '--yes')).toMatchObject({ code: 0 });
  const { stdout } = await run('history', '--json');
  const { transactions }: { transactions: { id: string }[] } = JSON.parse(stdout);
  for (const { id } of transactions) expect(await run('rollback', id, '--yes')).toMatchObject({ code: 0 });
  expect(definitions()).toEqual(before);
});
