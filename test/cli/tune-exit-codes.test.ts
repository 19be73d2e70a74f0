import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connect } from '../../libvirt/client/connect.ts';
import { openStateFolder } from '../../tuner/journal/folder.ts';
import { Journal, newTransactionId } from '../../tuner/journal/journal.ts';
import { lockHost } from '../../tuner/journal/lock.ts';
import { VirtuneProcess } from '../virtune-process.ts';
import { TunedDemo } from './tuned-demo.ts';

/** Each test starts several processes. */
const TIMEOUT_MS = 180_000;

let host: TunedDemo;
beforeEach(async () => {
  host = await TunedDemo.start();
});
afterEach(() => host.stop());

/** Its guest never shuts down. */
const DEAF = ['legacy-files', '--profile', 'balanced', '--restart', '--shutdown-timeout', '5', '--yes'];
const BALANCED = ['web-01', '--profile', 'balanced'] as const;
const DATABASE = ['pg-orders', '--profile', 'oltp-database'] as const;

test('wrong usage exits with 64, says what is right, and changes nothing', {
  timeout: TIMEOUT_MS,
}, async () => {
  const file = join(host.folder, 'assignments.yaml');
  writeFileSync(file, 'assign:\n  - { profile: balanced, domain: "web-*" }\n');
  const torn = join(host.folder, 'torn.json');
  writeFileSync(torn, '{"format": 1, "kind": "virtune pl');
  const folderOfPlans = join(host.folder, 'plans');
  mkdirSync(folderOfPlans);
  const before = host.picture();
  const cases: [args: string[], says: RegExp][] = [
    [['plan', 'web-01'], /specify --profile NAME or --file FILE \[TUNE_USAGE\]/],
    [['plan', '--profile', 'balanced'], /specify domains by name or glob, or --all \[TUNE_USAGE\]/],
    [['plan', 'web-01', '--all', '--profile', 'balanced'], /--all and names of domains cannot be combined/],
    [['plan', '--profile', 'balanced', '--file', file], /--profile and --file cannot be combined/],
    [
      ['plan', 'web-01', '--profile', 'blanced'],
      /there is no profile "blanced"; available: .*balanced.*\[TUNE_PROFILE\]/,
    ],
    [
      ['apply', 'web-9', '--profile', 'balanced', '--yes', '--wait', '60s'],
      /no domain.*"web-9".*\[TUNE_DOMAIN\]/,
    ],
    [
      ['apply', 'missing.json', '--yes', '--wait', '60s'],
      /"missing\.json": no such plan file, and no domain of that name; .*virtune tune plan -o FILE \[TUNE_DOMAIN\]/,
    ],
    [
      ['apply', torn, '--yes'],
      /torn\.json is not complete JSON: it was truncated or edited; create the plan again with virtune tune plan -o FILE \[TUNE_USAGE\]/,
    ],
    [
      ['apply', folderOfPlans, '--yes'],
      /the plan .*plans cannot be read: .*; check the path and its permissions, or create a plan with virtune tune plan -o FILE \[TUNE_USAGE\]/,
    ],
    [['plan', '--file', join(host.folder, 'none.yaml')], /none\.yaml.*\[TUNE_ASSIGNMENTS\]/],
    [['plan', ...BALANCED, '--host-cpus', '0-x'], /--host-cpus/],
    [['plan', ...BALANCED, '--accept', 'disk.colour'], /Unknown setting "disk\.colour"/],
    [['apply', ...BALANCED, '--yes', '--wait', 'long'], /Expected seconds, or a duration .* from 0 to 1d\./],
    [
      ['apply', ...BALANCED],
      /stdin is not a terminal, so there is no prompt; review the plan and use --yes \[TUNE_USAGE\]/,
    ],
    [['hugepages', '--size', '2M'], /unknown option '--size'/],
    [['show', 'last'], /no transactions in .* yet; virtune tune apply creates one \[TUNE_USAGE\]/],
    [
      ['rollback', '--yes'],
      /has no transaction .* that can be rolled back; virtune tune history lists all transactions \[TUNE_USAGE\]/,
    ],
    [['plam'], /unknown command 'plam'/],
  ];
  const ended = await Promise.all(cases.map(([args]) => host.run(...args)));
  for (const [index, [args, says]] of cases.entries()) {
    const { code, stderr } = ended[index] ?? {};
    expect([args.join(' '), code, stderr]).toEqual([args.join(' '), 64, expect.stringMatching(says)]);
  }
  expect(host.picture()).toEqual(before);
});

test('a lack of room exits with 65 and figures', { timeout: TIMEOUT_MS }, async () => {
  const before = host.picture();
  const planned = await host.json('plan', '--all', '--profile', 'oltp-database');
  expect(planned).toMatchObject({
    code: 65,
    document: {
      refusals: [{ domain: 'batch-01', code: 'NO_CORES', text: expect.stringMatching(/needs 16/) }, {}, {}],
    },
  });
  const refused = await host.run('apply', '--all', '--profile', 'oltp-database', '--yes');
  expect(refused.code).toBe(65);
  expect(refused.stderr).toMatch(
    /nothing was changed:\nno place for batch-01: .*NO_CORES.*\[TUNE_PLACEMENT\]/s,
  );
  expect(host.picture()).toEqual(before);
});

test('a failed change exits with 1 when all of it is undone, and with 3 when it is not', {
  timeout: TIMEOUT_MS,
}, async () => {
  const { faults } = host.demo.daemon;
  const before = host.picture();
  const apply = ['apply', ...DATABASE, '--restart', '--settle', '0', '--yes'];
  faults.failNextStart(host.vm('pg-orders'), { kind: 'refused', message: 'no such machine' });
  const undone = await host.json(...apply);
  expect(undone).toMatchObject({
    code: 1,
    document: {
      format: 1,
      kind: 'undone',
      remains: [],
      failure: { code: 'TUNE_RESTART', message: expect.stringMatching(/no such machine/) },
    },
  });
  expect(host.picture()).toEqual(before);

  const { startFault } = faults;
  faults.startFault = () => ({ kind: 'refused', message: 'no such machine' });
  const incomplete = await host.json(...apply);
  expect(incomplete).toMatchObject({
    code: 3,
    document: { kind: 'incomplete', remains: [{ kind: 'restart' }] },
  });
  expect((await host.run(...apply)).code).toBe(75);
  faults.startFault = startFault;
  expect(await host.json('recover')).toMatchObject({ code: 0, document: { outcomes: [{ kind: 'undone' }] } });
  expect(host.picture()).toEqual(before);
});

test('a question that is answered with no exits with 4, with yes the command continues', {
  timeout: TIMEOUT_MS,
}, async () => {
  const before = host.picture();
  const no = host.onTerminal('apply', ...BALANCED);
  await no.asks('Make these changes');
  no.type('\r');
  expect(await no.ended).toMatchObject({ code: 4, shown: expect.stringMatching(/nothing was changed/) });
  expect(host.picture()).toEqual(before);
  const yes = host.onTerminal('apply', ...BALANCED);
  await yes.asks('Make these changes');
  yes.type('y\r');
  expect((await yes.ended).code).toBe(0);
  expect(host.picture()).not.toEqual(before);
  const kept = host.onTerminal('rollback');
  await kept.asks('Roll back transaction');
  kept.type('\u0004');
  expect((await kept.ended).code).toBe(4);
});

test('a domain that changes while the question is open exits with 75, or is planned again with --force', {
  timeout: TIMEOUT_MS,
}, async () => {
  const vm = host.vm('web-01');
  const change = (title: string): void => {
    vm.define(
      vm
        .xml({ inactive: true, secure: true })
        .replace(/( *<title>.*<\/title>\n)?( *)<memory /, `$2<title>${title}</title>\n$2<memory `),
    );
  };
  const stale = host.onTerminal('apply', ...BALANCED);
  await stale.asks('Make these changes');
  change('one');
  stale.type('y\r');
  expect(await stale.ended).toMatchObject({
    code: 75,
    shown: expect.stringMatching(
      /has changed since it was planned: its definition has .*--force.*TUNE_CHANGED/,
    ),
  });
  expect(await host.json('history')).toMatchObject({ document: { transactions: [] } });
  const forced = host.onTerminal('apply', ...BALANCED, '--force');
  await forced.asks('Make these changes');
  change('two');
  forced.type('y\r');
  await forced.asks('Make these changes', 2);
  forced.type('y\r');
  expect((await forced.ended).code).toBe(0);
  expect(vm.definition?.xml).toContain('<title>two</title>');
});

test('a host that another run holds exits with 75 and names the holder; --wait waits for it', {
  timeout: TIMEOUT_MS,
}, async () => {
  const lock = await lockHost(await openStateFolder(host.stateDir), {
    hostname: host.demo.daemon.host.name,
    command: 'virtune tune apply other',
    waitMs: 0,
    now: () => new Date(),
  });
  const refused = await host.run('apply', ...BALANCED, '--yes');
  expect([refused.code, refused.stderr]).toEqual([
    75,
    expect.stringMatching(
      new RegExp(`being tuned by process ${process.pid} \\("virtune tune apply other".*TUNE_LOCKED`),
    ),
  ]);
  const waiting = host.begin('apply', ...BALANCED, '--yes', '--wait', '60');
  await waiting.says(/waiting for process/);
  await lock.release();
  expect((await waiting.ended).code).toBe(0);
});

test('Ctrl-C undoes the changes and exits with 1', { timeout: TIMEOUT_MS }, async () => {
  const before = host.picture();
  const stopped = host.begin('apply', ...DEAF);
  await stopped.says(/asked "legacy-files" to shut down/);
  expect(await stopped.stop('SIGINT')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/interrupted by a signal \[TUNE_STOPPED\].*everything is restored/s),
  });
  expect(host.picture()).toEqual(before);
});

test('a killed run blocks the next with 75 until it is recovered, which is offered on a terminal', {
  timeout: TIMEOUT_MS,
}, async () => {
  const before = host.picture();
  const kill = async (): Promise<void> => {
    const killed = host.begin('apply', ...DEAF);
    await killed.says(/asked "legacy-files" to shut down/);
    await killed.stop('SIGKILL');
    expect(host.picture()).not.toEqual(before);
  };
  await kill();
  const blocked = await host.run('apply', ...BALANCED, '--yes');
  expect([blocked.code, blocked.stderr]).toEqual([
    75,
    expect.stringMatching(/was interrupted .*virtune tune recover.*TUNE_INTERRUPTED/),
  ]);
  expect((await host.run('recover', '--shutdown-timeout', '0')).code).toBe(0);
  expect(host.picture()).toEqual(before);
  expect((await host.run('recover')).stderr).toContain('nothing to recover');

  await kill();
  const offered = host.onTerminal('apply', ...BALANCED, '--shutdown-timeout', '0');
  await offered.asks('This run was interrupted. Undo it first?');
  offered.type('y\r');
  await offered.asks('Make these changes');
  offered.type('n\r');
  expect((await offered.ended).code).toBe(4);
  expect(host.picture()).toEqual(before);
});

/** A run that was interrupted before its first step. */
async function cutOff(hostname: string, uri: string, at: string): Promise<string> {
  const id = newTransactionId(new Date(at));
  const options = { now: () => new Date(), trace: () => undefined, onEvent: () => undefined };
  const header = { format: 1, id, at, version: '1', command: 'virtune tune apply', uri, hostname } as const;
  const journal = await Journal.create(
    await openStateFolder(host.stateDir),
    { ...header, domains: [], steps: [], notes: [] },
    options,
  );
  await journal.close();
  return id;
}

test('recover undoes what it can when a host is away, says which one, and exits with its code', {
  timeout: TIMEOUT_MS,
}, async () => {
  const reader = await connect(host.demo.uri, { readOnly: true });
  const { hostname } = await reader.call('connectGetHostname', undefined);
  await reader.close();
  const id = await cutOff(hostname, host.demo.uri, '2026-01-01T00:00:00.000Z');
  await cutOff('gone', `qemu:///system?socket=${host.folder}/none`, '2026-02-01T00:00:00.000Z');
  const recover = (...more: readonly string[]) =>
    new VirtuneProcess('tune', 'recover', '--state-dir', host.stateDir, ...more).ended;
  const { code, stdout, stderr } = await recover('--json');
  expect([code, stderr]).toEqual([
    69,
    expect.stringMatching(/host "gone" is not recovered: .*\[LIBVIRT_NOT_FOUND\]/),
  ]);
  expect(JSON.parse(stdout)).toMatchObject({
    format: 1,
    outcomes: [{ id, kind: 'undone' }],
    errors: [{ hostname: 'gone', code: 'LIBVIRT_NOT_FOUND' }],
  });
  // With --connect, no other hosts are asked.
  expect(await host.run('recover')).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('nothing to recover'),
  });
});

test('an unwritable journal exits with 73, an unreachable libvirt with 69, one without permission with 77', {
  timeout: TIMEOUT_MS,
}, async () => {
  const before = host.picture();
  writeFileSync(host.stateDir, 'no folder');
  const unwritten = await host.run('apply', ...BALANCED, '--yes');
  expect([unwritten.code, unwritten.stderr]).toEqual([73, expect.stringMatching(/TUNE_JOURNAL/)]);
  const away = await host.run('plan', ...BALANCED, '--connect', `qemu:///system?socket=${host.folder}/none`);
  expect([away.code, away.stderr]).toEqual([69, expect.stringMatching(/LIBVIRT_NOT_FOUND/)]);
  host.demo.daemon.faults.refuseAuth = true;
  const closed = await host.run('plan', ...BALANCED);
  expect([closed.code, closed.stderr]).toEqual([77, expect.stringMatching(/LIBVIRT_AUTH/)]);
  expect(host.picture()).toEqual(before);
});
