import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { connect } from '../../libvirt/client/connect.ts';
import { Sampler } from '../../sampler/sampler.ts';
import { applyLocked, applyTransaction } from '../../tuner/apply/apply.ts';
import { onHost, type RunOptions } from '../../tuner/apply/host-session.ts';
import type { TransactionOutcome } from '../../tuner/apply/transaction.ts';
import { openStateFolder } from '../../tuner/journal/folder.ts';
import { listTransactions } from '../../tuner/journal/list.ts';
import { trialOf } from '../../tuner/measure/experiment.ts';
import { runningOthers, STEAL } from '../../tuner/measure/host-figures.ts';
import { makeSchedule } from '../../tuner/measure/schedule.ts';
import { findHostFigure, vmExperiment } from '../../tuner/measure/vm-experiment.ts';
import { perform } from '../tuner/histories/job.ts';
import { killedChild } from '../tuner/histories/kill.ts';
import { User } from '../tuner/histories/user.ts';
import { killLibvirtd, startLibvirtd } from './lab/daemon.ts';
import { run, succeeds } from './lab/run.ts';
import { type SecondDaemon, startSecondLibvirtd } from './lab/second-daemon.ts';
import { liveSteps, runOptionsOf, TunedGuest, transactionOf } from './lab/tuned-guest.ts';
import { virsh } from './lab/virsh.ts';

/** Some hundred processes, each killed, and as many recoveries. */
const ALL_RECORDS_MS = 1_800_000;
/** `.ci/nightly` kills before each record of the journal, and covers everything that can happen to a guest. */
const NIGHTLY = process.env['VIRTUNE_KILL_POINTS'] === 'all';
const EVERY = NIGHTLY ? 1 : 35;
const nightly = test.runIf(NIGHTLY);
const RESTART = { shutdownMs: 60_000, settleMs: 200, forceOff: true };

const guest = new TunedGuest('judged');
let stateDir: string;
let hostname: string;
let reboots = 0;
let sampler: Sampler;
beforeAll(() => {
  hostname = virsh('hostname').trim();
});
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'virtune-judged-'));
  guest.create();
  virsh('resume', guest.name);
  reboots = 0;
  sampler = new Sampler({
    open: (signal) => connect('qemu:///system', { readOnly: true, signal }),
    groups: new Set(['domain', 'vcpu', 'block', 'cpu']),
    procRoot: '/proc',
    onReboot: () => {
      reboots += 1;
    },
  });
});
afterEach(async () => {
  await sampler.close();
  await startLibvirtd();
  rmSync(stateDir, { recursive: true, force: true });
});
afterAll(() => guest.remove());

const planned = () =>
  transactionOf(
    guest,
    liveSteps(guest, [
      ['vcpupin', '0', '1'],
      ['shares', '', '2048'],
      ['disk.iotune.totalIopsSec', 'vdb', '700'],
    ]),
  );

const world = () => ({
  vcpus: virsh('vcpupin', guest.name),
  scheduler: virsh('schedinfo', guest.name),
  tune: virsh('blkdeviotune', guest.name, 'vdb'),
  affinity: guest.affinity,
  defined: guest.inactive,
});

async function statuses(folder = stateDir): Promise<(string | undefined)[]> {
  const { records } = await listTransactions(await openStateFolder(folder));
  return records.map(({ progress }) => progress.status);
}

test(
  'kill -9 before any record of an experiment: recover leaves the guest as it was',
  async () => {
    const before = world();
    const user = new User('qemu:///system', stateDir, RESTART);
    const points: string[] = [];
    for (let at = 0; ; at += EVERY) {
      const job = { kind: 'experiment', transaction: planned() } as const;
      const point = await killedChild(user, RESTART, job, { at, how: 'child', records: true });
      if (point.startsWith('ended')) {
        expect(point).toBe('ended: committed');
        break;
      }
      points.push(point);
      const outcomes = await perform({ kind: 'recover', hostname, how: 'undo' }, user.options());
      // Before its first record nothing was touched, and there is nothing to recover.
      if (outcomes.length > 0) expect(outcomes, point).toMatchObject([{ kind: 'undone', remains: [] }]);
      expect(world(), point).toEqual(before);
      rmSync(join(stateDir, 'transactions'), { recursive: true, force: true });
    }
    console.log(`killed at ${points.length} records: ${points.slice(0, 12).join(', ')} ...`);
    expect(points.length * EVERY).toBeGreaterThan(50);
  },
  ALL_RECORDS_MS,
);

interface Fault {
  /** Injected before a sample of the second block with the settings. */
  readonly fault: () => Promise<void> | void;
  readonly more?: Partial<RunOptions>;
}

/** An experiment of some seconds, with a fault while the settings are on. */
async function faulted({ fault, more = {} }: Fault): Promise<TransactionOutcome> {
  const schedule = makeSchedule({ pairs: 6, blockMs: 600, settleMs: 0 }, 11);
  const second = schedule.blocks.flatMap(({ arm }, at) => (arm === 'on' ? [at] : []))[1];
  let block = -1;
  let isOver = false;
  const read = async (): Promise<number> => {
    if (block === second && !isOver) {
      isOver = true;
      await fault();
    }
    return 1;
  };
  const own = guest.domain;
  const experiment = vmExperiment(
    own,
    runningOthers(await sampler.sample(), own),
    sampler,
    {
      metric: findHostFigure(STEAL),
      user: { figure: { name: 'probe', kind: 'gauge', direction: 'lower is better' }, read },
      margin: 1.05,
      keepIf: 'always',
      schedule,
      baselineMs: 600,
      everyMs: 300,
    },
    () => undefined,
  );
  const trial = trialOf({
    ...experiment,
    reboots: () => reboots,
    onBlock: (_, index) => {
      block = index;
    },
  });
  const options = runOptionsOf(stateDir, more);
  const transaction = planned();
  return onHost(transaction, options, (held) => applyLocked(held, transaction, options, trial));
}

test.each(NIGHTLY ? (['SIGKILL', 'SIGTERM'] as const) : (['SIGKILL'] as const))(
  'libvirtd that ends by %s in the middle of an experiment and comes back: ended with the reason, and all is undone',
  async (signal) => {
    const before = world();
    const outcome = await faulted({
      fault: async () => {
        await killLibvirtd(signal);
        setTimeout(() => void startLibvirtd(), 500);
      },
    });
    expect(outcome).toMatchObject({ kind: 'undone', remains: [] });
    expect(outcome.failure?.code).toMatch(/^LIBVIRT_/);
    expect(world()).toEqual(before);
    expect(await statuses()).toEqual(['undone']);
  },
);

const ENDS: readonly (readonly [what: string, end: () => void, why: RegExp])[] = [
  [
    'shut off',
    () => void virsh('destroy', guest.name),
    /stopped running in block \d+ of 12, settings on: it is shut off/,
  ],
  [
    'paused',
    () => void virsh('suspend', guest.name),
    /stopped running in block \d+ of 12, settings on: it is paused/,
  ],
  [
    'restarted',
    () => {
      virsh('destroy', guest.name);
      virsh('start', guest.name);
    },
    /was restarted in block \d+ of 12, settings on/,
  ],
  ['reset', () => void virsh('reset', guest.name), /the guest rebooted in block \d+ of 12, settings on/],
];
/** Each case costs a guest, so only one of them runs with every change. */
const OFTEN = ['reset'];

test.each(ENDS.filter(([what]) => NIGHTLY || OFTEN.includes(what)))(
  'a guest that is %s in the middle of a block: ended with the reason, and nothing is left behind',
  async (_what, fault, why) => {
    const before = world();
    const outcome = await faulted({
      fault: () => {
        fault();
      },
    });
    expect(outcome).toMatchObject({ kind: 'undone', remains: [], failure: { code: 'TUNE_MEASURE' } });
    expect(outcome.failure?.message).toMatch(why);
    expect(guest.inactive).toBe(before.defined);
    if (virsh('domstate', guest.name).trim() === 'shut off') virsh('start', guest.name);
    const { defined: _, ...runs } = world();
    expect(runs).toEqual({
      vcpus: before.vcpus,
      scheduler: before.scheduler,
      tune: before.tune,
      affinity: before.affinity,
    });
    expect(await statuses()).toEqual(['undone']);
  },
);

nightly(
  'a second user with another state folder learns who measures, and the experiment goes on to its end',
  async () => {
    const refused: unknown[] = [];
    const elsewhere = mkdtempSync(join(tmpdir(), 'virtune-judged-'));
    const outcome = await faulted({
      fault: async () => {
        const other = applyTransaction(planned(), runOptionsOf(elsewhere));
        refused.push(await other.catch((error: unknown) => error));
      },
    });
    expect(refused).toMatchObject([
      { code: 'TUNE_LOCKED', message: expect.stringContaining(`process ${process.pid}`) },
    ]);
    expect(outcome).toMatchObject({ kind: 'committed', remains: [] });
    rmSync(elsewhere, { recursive: true });
  },
);

nightly(
  'a disk that is full in the middle of an experiment: ended with the reason, and all is undone and journalled',
  async () => {
    const path = join(stateDir, 'small');
    mkdirSync(path, { mode: 0o700 });
    run('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=0700', 'tmpfs', path]);
    try {
      const before = world();
      const outcome = await faulted({
        more: { stateDir: path },
        fault: () => {
          const { bavail, bsize } = statfsSync(path);
          writeFileSync(join(path, 'filler'), Buffer.alloc(bavail * bsize));
        },
      });
      expect(outcome).toMatchObject({
        kind: 'undone',
        remains: [],
        notes: [],
        failure: { code: 'TUNE_JOURNAL' },
      });
      expect(outcome.failure?.message).toContain('ENOSPC');
      expect(world()).toEqual(before);
      expect(await statuses(path)).toEqual(['undone']);
    } finally {
      run('umount', [path]);
    }
  },
);

nightly(
  'a guest that migrates away in the middle of a block: ended with the reason, and it runs on where it is',
  async () => {
    const second: SecondDaemon = await startSecondLibvirtd();
    try {
      const outcome = await faulted({
        fault: () => {
          virsh(
            ...['migrate', '--live', '--unsafe', '--persistent', '--undefinesource'],
            ...[guest.name, second.uri, 'tcp://127.0.0.1'],
          );
        },
      });
      expect(outcome).toMatchObject({ kind: 'undone', remains: [], failure: { code: 'TUNE_MEASURE' } });
      expect(outcome.failure?.message).toMatch(/settings on: it is no longer on this host: .* migrated/);
      expect(outcome.notes.join()).toContain('is no longer on this host');
      expect(succeeds('virsh', ['dominfo', guest.name])).toBe(false);
      expect(await statuses()).toEqual(['undone']);
    } finally {
      for (const how of ['destroy', 'undefine']) succeeds('virsh', ['-c', second.uri, how, guest.name]);
      await second.stop();
    }
  },
);
