import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { connect } from '../../libvirt/client/connect.ts';
import { Sampler } from '../../sampler/sampler.ts';
import { applyLocked } from '../../tuner/apply/apply.ts';
import { onHost } from '../../tuner/apply/host-session.ts';
import { openStateFolder } from '../../tuner/journal/folder.ts';
import { listTransactions, type TransactionRecord } from '../../tuner/journal/list.ts';
import { bootTrialOf } from '../../tuner/measure/boots/experiment.ts';
import { makeBootSchedule } from '../../tuner/measure/boots/schedule.ts';
import { trialOf } from '../../tuner/measure/experiment.ts';
import { runningOthers, STEAL } from '../../tuner/measure/host-figures.ts';
import { makeSchedule } from '../../tuner/measure/schedule.ts';
import { userFigure } from '../../tuner/measure/user-figure.ts';
import { bootExperiment, findHostFigure, vmExperiment } from '../../tuner/measure/vm-experiment.ts';
import { reportPage } from '../../tuner/report/page.ts';
import { readReport } from '../../tuner/report/read-report.ts';
import {
  definitionStep,
  liveSteps,
  restartStep,
  runOptionsOf,
  TunedGuest,
  transactionOf,
} from './lab/tuned-guest.ts';
import { virsh } from './lab/virsh.ts';

const guest = new TunedGuest('measured');
let stateDir: string;
let sampler: Sampler;

beforeAll(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'virtune-live-'));
  sampler = new Sampler({
    open: (signal) => connect('qemu:///system', { readOnly: true, signal }),
    groups: new Set(['domain', 'vcpu', 'block', 'cpu']),
    procRoot: '/proc',
  });
});
afterAll(async () => {
  await sampler.close();
  guest.remove();
  rmSync(stateDir, { recursive: true, force: true });
});
beforeEach(() => {
  guest.create();
  virsh('resume', guest.name);
});

const shares = (): string | undefined => /cpu_shares\s*:\s*(\d+)/.exec(virsh('schedinfo', guest.name))?.[1];

/** An experiment whose figure is the setting itself, as virsh reports it, so that its result is certain. */
async function measured(higherIsBetter: boolean): Promise<TransactionRecord> {
  const own = guest.domain;
  const { name } = own;
  const others = runningOthers(await sampler.sample(), own);
  const probe = `virsh -q schedinfo ${name} | awk '/cpu_shares/ { print $3 }'`;
  const experiment = vmExperiment(
    own,
    others,
    sampler,
    {
      metric: findHostFigure(STEAL),
      user: userFigure({ probe, higherIsBetter: higherIsBetter || undefined }, 1_000),
      margin: 1.05,
      keepIf: 'better',
      // A decision needs at least six pairs; two may lose a reading on a busy machine.
      schedule: makeSchedule({ pairs: 8, blockMs: 3_000, settleMs: 0 }, 11),
      baselineMs: 12_000,
      everyMs: 1_000,
    },
    () => undefined,
  );
  const options = runOptionsOf(stateDir, {});
  const transaction = transactionOf(guest, liveSteps(guest, [['shares', '', '2048']]));
  await onHost(transaction, options, (held) => applyLocked(held, transaction, options, trialOf(experiment)));
  const { records } = await listTransactions(await openStateFolder(stateDir));
  const record = records.find(({ id }) => id === transaction.id);
  if (record === undefined) throw new Error('no journal');
  return record;
}

test('a setting is switched in each block as the schedule has it, kept where it is better, and has a page', async () => {
  const before = Number(shares());
  const record = await measured(true);
  expect(record.progress.status).toBe('committed');
  expect(shares()).toBe('2048');
  const { blocks, primary } = readReport(record);
  expect(primary).toMatchObject({ name: 'probe', judgement: { verdict: 'better' } });
  const read = primary.blocks.flatMap((value, index) =>
    value === undefined ? [] : [[index, value] as const],
  );
  expect(read).toEqual(read.map(([index]) => [index, blocks[index]?.arm === 'on' ? 2_048 : before]));
  expect(read.length).toBeGreaterThanOrEqual(12);
  expect(reportPage(record)).toContain(`<bdi>${guest.name}</bdi>: better`);
});

test('settings that need a boot are measured by restarts: each boot has them or not, and what is kept runs', async () => {
  const own = guest.domain;
  const before = Number(shares());
  const probe = `virsh -q schedinfo ${own.name} | awk '/cpu_shares/ { print $3 }'`;
  const arms = ['off', 'on', 'on', 'off'] as const;
  const schedule = { ...makeBootSchedule({ restarts: 4, blockMs: 1_500, settleMs: 0 }, 11), arms };
  const experiment = bootExperiment(
    own,
    runningOthers(await sampler.sample(), own),
    sampler,
    {
      metric: findHostFigure(STEAL),
      user: userFigure({ probe }, 500),
      margin: 1.05,
      keepIf: 'always',
      schedule,
      baselineMs: 2_000,
      everyMs: 500,
    },
    () => undefined,
  );
  // It has no operating system that would shut down.
  const restart = { shutdownMs: 200, settleMs: 200, forceOff: true };
  const options = runOptionsOf(stateDir, { restart });
  const steps = [definitionStep(guest, [['shares', '', '2048']]), restartStep(guest)];
  const transaction = transactionOf(guest, steps);
  const pid = guest.pid;
  const outcome = await onHost(transaction, options, (held) =>
    applyLocked(held, transaction, options, bootTrialOf(experiment)),
  );
  expect(outcome).toMatchObject({ kind: 'committed', remains: [], failure: undefined });
  expect(guest.pid).not.toBe(pid);
  expect(shares()).toBe('2048');
  expect(guest.inactive).toContain('<shares>2048</shares>');
  const { records } = await listTransactions(await openStateFolder(stateDir));
  const record = records.find(({ id }) => id === transaction.id) as TransactionRecord;
  expect(readReport(record)).toMatchObject({
    kind: 'restarts',
    blocks: arms.map((arm) => ({ arm })),
    primary: {
      blocks: arms.map((arm) => expect.toBeOneOf([null, arm === 'on' ? 2_048 : before])),
      judgement: { verdict: 'inconclusive' },
    },
  });
  expect(reportPage(record)).toContain('4 restarts, each boot');
});

test('where that is worse, the setting is as it was', async () => {
  const before = shares();
  const record = await measured(false);
  expect(record.progress).toMatchObject({ status: 'undone', failure: { code: 'TUNE_MEASURE' } });
  expect(readReport(record).primary.judgement.verdict).toBe('worse');
  expect(shares()).toBe(before);
});
