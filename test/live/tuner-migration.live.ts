import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { applyTransaction } from '../../tuner/apply/apply.ts';
import { openStateFolder } from '../../tuner/journal/folder.ts';
import { listTransactions } from '../../tuner/journal/list.ts';
import { run, succeeds } from './lab/run.ts';
import { type SecondDaemon, startSecondLibvirtd } from './lab/second-daemon.ts';
import { definitionStep, liveSteps, runOptionsOf, TunedGuest, transactionOf } from './lab/tuned-guest.ts';
import { virsh } from './lab/virsh.ts';

const guest = new TunedGuest('moves');
let stateDir: string;
let second: SecondDaemon;
beforeAll(async () => {
  second = await startSecondLibvirtd();
}, 120_000);
afterAll(async () => {
  await second?.stop();
  guest.remove();
});
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'virtune-moves-'));
  guest.create();
});
afterEach(() => {
  succeeds('virsh', ['-c', second.uri, 'destroy', guest.name]);
  succeeds('virsh', ['-c', second.uri, 'undefine', guest.name]);
  rmSync(stateDir, { recursive: true, force: true });
});

/** --unsafe: both hosts share the images, since they are one machine. */
const migrate = (...more: string[]): void => {
  virsh('migrate', '--live', '--unsafe', ...more, guest.name, second.uri, 'tcp://127.0.0.1');
};
const runsThere = (): boolean =>
  run('virsh', ['-q', '-c', second.uri, 'list', '--name']).includes(guest.name);

const LIVE = [
  ['vcpupin', '0', '1'],
  ['shares', '', '2048'],
  ['iothreads', '', '1-3'],
] as const;
const DEFINED = [['shares', '', '2048']] as const;
const planned = () => transactionOf(guest, [...liveSteps(guest, LIVE), definitionStep(guest, DEFINED)]);

test.each([
  [['--persistent', '--undefinesource'], /it is no longer on this host/],
  [[], /it was shut down/],
])('a guest that migrated after the plan (%j) is refused, and nothing is begun', async (how, why) => {
  const transaction = planned();
  migrate(...how);
  await expect(applyTransaction(transaction, runOptionsOf(stateDir))).rejects.toMatchObject({
    code: 'TUNE_CHANGED',
    message: expect.stringMatching(why),
  });
  expect(runsThere()).toBe(true);
  expect((await listTransactions(await openStateFolder(stateDir))).records).toEqual([]);
});

test.each(['domainSetSchedulerParametersFlags', 'domainAddIoThread', 'domainDefineXmlFlags'])(
  'a guest that migrates away with its definition before %s is not brought back, and runs on where it is',
  async (call) => {
    const transaction = planned();
    const trace = ({ when, what }: { when: string; what: string }): void => {
      if (when === 'before' && what === call && !runsThere()) migrate('--persistent', '--undefinesource');
    };
    const outcome = await applyTransaction(transaction, runOptionsOf(stateDir, { trace }));
    expect(outcome).toMatchObject({ kind: 'undone', remains: [] });
    expect(outcome.notes.join()).toContain('is no longer on this host');
    expect(succeeds('virsh', ['dominfo', guest.name])).toBe(false);
    expect(runsThere()).toBe(true);
    const { records } = await listTransactions(await openStateFolder(stateDir));
    expect(records.map(({ progress }) => progress.status)).toEqual(['undone']);
  },
);

test('a guest that migrates away and leaves its definition: that is as before, and it is not started twice', async () => {
  const transaction = planned();
  const defined = guest.inactive;
  const trace = ({ when, what }: { when: string; what: string }): void => {
    if (when === 'before' && what === 'domainAddIoThread' && !runsThere()) migrate();
  };
  const outcome = await applyTransaction(transaction, runOptionsOf(stateDir, { trace }));
  expect(outcome).toMatchObject({ kind: 'undone', remains: [] });
  expect(outcome.notes.join()).toContain('is no longer running');
  expect(guest.inactive).toBe(defined);
  expect(virsh('domstate', guest.name).trim()).toBe('shut off');
  expect(runsThere()).toBe(true);
});
