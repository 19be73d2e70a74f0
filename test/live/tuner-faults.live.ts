import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { applyTransaction } from '../../tuner/apply/apply.ts';
import type { RunOptions } from '../../tuner/apply/host-session.ts';
import { recoverHost } from '../../tuner/apply/recover.ts';
import type { TransactionOutcome } from '../../tuner/apply/transaction.ts';
import { openStateFolder } from '../../tuner/journal/folder.ts';
import { listTransactions } from '../../tuner/journal/list.ts';
import type { Step } from '../../tuner/steps/step.ts';
import { applyAndKill, type KillPoints } from '../tuner/apply/kill.ts';
import { killLibvirtd, startLibvirtd } from './lab/daemon.ts';
import { run, succeeds } from './lab/run.ts';
import {
  definitionStep,
  liveSteps,
  restartStep,
  runOptionsOf,
  TunedGuest,
  transactionOf,
} from './lab/tuned-guest.ts';
import { virsh } from './lab/virsh.ts';

/** Hundreds of processes, each killed, and as many recoveries. */
const ALL_POINTS_MS = 1_800_000;
/** The unit tests also kill around every reading call; here that would take twenty minutes. */
const POINTS: KillPoints = process.env['VIRTUNE_KILL_POINTS'] === 'all' ? 'all' : 'changes';
/** Tests every n-th of these points; the nightly run tests all. */
const STRIDE = Number(process.env['VIRTUNE_KILL_STRIDE'] ?? 1);
/** Minimum for a transaction of three steps: each is journalled before and after, and set. */
const POINTS_MIN = Math.floor(20 / STRIDE);

const guest = new TunedGuest('faults', '52:54:00:ab:cd:78');
let stateDir: string;
let hostname: string;
beforeAll(() => {
  hostname = virsh('hostname').trim();
});
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'virtune-faults-'));
  guest.create();
  writeFileSync(POOL, String(pagesBefore));
});
afterEach(async () => {
  await startLibvirtd();
  rmSync(stateDir, { recursive: true, force: true });
});
afterAll(() => guest.remove());

const options = (more: Partial<RunOptions> = {}): RunOptions => runOptionsOf(stateDir, more);
const recover = (how: 'undo' | 'finish'): Promise<TransactionOutcome[]> =>
  recoverHost(hostname, { ...options(), how, force: false });

/** One of each kind: a live change, a change of the definition, a host setting, and a restart that applies it. */
const LIVE = [
  ['vcpupin', '0', '1'],
  ['shares', '', '2048'],
  ['disk.iotune.totalIopsSec', 'vdb', '700'],
  ['iothreads', '', '1-3'],
] as const;
const DEFINED = [
  ['vcpupin', '0', '1'],
  ['shares', '', '2048'],
  ['disk.queues', 'vda', '2'],
] as const;
const POOL = '/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages';
const poolPages = (): number => Number(readFileSync(POOL, 'utf8'));
const pagesBefore = poolPages();
const PAGES: Step = { kind: 'hostPages', cell: 0, sizeKiB: 2048, to: pagesBefore + 3 };

const withoutRestart = (): Step[] => [PAGES, ...liveSteps(guest, LIVE), definitionStep(guest, DEFINED)];
const withRestart = (): Step[] => [PAGES, definitionStep(guest, DEFINED), restartStep(guest)];

function world() {
  return {
    run: guest.picture(),
    defined: guest.inactive,
    pages: poolPages(),
    state: virsh('domstate', guest.name),
  };
}

async function statusOfLast(): Promise<string | undefined> {
  const { records } = await listTransactions(await openStateFolder(stateDir));
  return records[0]?.progress.status;
}

/** The state of guest and host once all steps are applied. */
async function doneWorld(steps: () => Step[]) {
  const outcome = await applyTransaction(transactionOf(guest, steps()), options());
  expect(outcome.failure).toBeUndefined();
  return world();
}

const KINDS = [
  ['live and in the definition', withoutRestart],
  ['with a restart', withRestart],
] as const;

test.each(KINDS)(
  'kill -9 at every point of an apply, %s: recover undoes it, to the byte',
  async (_, steps) => {
    const before = world();
    const points: string[] = [];
    for (let killAt = 0; ; killAt += STRIDE) {
      const point = await applyAndKill(stateDir, transactionOf(guest, steps()), killAt, POINTS);
      if (point === 'committed') break;
      points.push(point);
      const outcomes = await recover('undo');
      if (point === 'after journal committed') {
        expect(await statusOfLast()).toBe('committed');
        break;
      }
      // Before its journal exists, nothing was touched and there is nothing to recover.
      if (outcomes.length > 0) expect(outcomes, point).toMatchObject([{ kind: 'undone', remains: [] }]);
      expect(world(), point).toEqual(before);
      rmSync(join(stateDir, 'transactions'), { recursive: true });
    }
    console.log(`killed at ${points.length} points, the last one ${points.at(-1)}`);
    expect(points.length).toBeGreaterThanOrEqual(POINTS_MIN);
  },
  ALL_POINTS_MS,
);

test.each(KINDS)(
  'kill -9 at every point of an apply, %s: recover --finish finishes it',
  async (_, steps) => {
    const done = await doneWorld(steps);
    await putBack();
    const points: string[] = [];
    for (let killAt = 0; ; killAt += STRIDE) {
      const before = world();
      const point = await applyAndKill(stateDir, transactionOf(guest, steps()), killAt, POINTS);
      if (point === 'committed' || point === 'after journal committed') break;
      points.push(point);
      const outcomes = await recover('finish');
      if (outcomes.length > 0) expect(outcomes, point).toMatchObject([{ kind: 'committed', remains: [] }]);
      // After a restart the guest runs in another process; everything else is the same.
      expect(world(), point).toEqual(outcomes.length > 0 ? done : before);
      await putBack();
    }
    console.log(`killed at ${points.length} points, the last one ${points.at(-1)}`);
    expect(points.length).toBeGreaterThanOrEqual(POINTS_MIN);
  },
  ALL_POINTS_MS,
);

/** Restores guest and pool to their initial state. */
async function putBack(): Promise<void> {
  guest.create();
  writeFileSync(POOL, String(pagesBefore));
  rmSync(join(stateDir, 'transactions'), { recursive: true, force: true });
}

const SETTERS = [
  'nodeAllocPages',
  'domainPinVcpuFlags',
  'domainSetSchedulerParametersFlags',
  'domainSetBlockIoTune',
  'domainAddIoThread',
  'domainDefineXmlFlags',
];

test.each(SETTERS.flatMap((call) => [`before ${call}`, `after ${call}`]))(
  'libvirtd killed in the middle of an apply, just %s: it comes back, and all is undone',
  async (point) => {
    const before = world();
    const trace = async ({ when, what }: { when: string; what: string }): Promise<void> => {
      if (`${when} ${what}` !== point) return;
      await killLibvirtd('SIGKILL');
      setTimeout(() => void startLibvirtd(), 500);
    };
    const outcome = await applyTransaction(transactionOf(guest, withoutRestart()), options({ trace }));
    expect(outcome).toMatchObject({ kind: 'undone', remains: [] });
    expect(outcome.failure?.code).toMatch(/^LIBVIRT_/);
    expect(world()).toEqual(before);
  },
);

test('libvirtd killed and not started again: said so, and undone by recover once it is back', async () => {
  const before = world();
  const trace = async ({ when, what }: { when: string; what: string }): Promise<void> => {
    if (when === 'after' && what === 'domainDefineXmlFlags') await killLibvirtd('SIGKILL');
  };
  const outcome = await applyTransaction(
    transactionOf(guest, withoutRestart()),
    options({ trace, reconnectMs: 1_000 }),
  );
  expect(outcome.kind).toBe('incomplete');
  expect(outcome.remains.length).toBeGreaterThan(4);
  expect(await statusOfLast()).toBe('open');
  await startLibvirtd();
  await expect(applyTransaction(transactionOf(guest, [PAGES]), options())).rejects.toMatchObject({
    code: 'TUNE_INTERRUPTED',
  });
  expect(await recover('undo')).toMatchObject([{ kind: 'undone', remains: [] }]);
  expect(world()).toEqual(before);
});

/** A separate disk for the journal, small enough to be filled. */
function smallDisk(): { readonly path: string; fill(): void; free(): void; unmount(): void } {
  const path = join(stateDir, 'small');
  mkdirSync(path, { mode: 0o700 });
  run('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=0700', 'tmpfs', path]);
  const filler = join(path, 'filler');
  return {
    path,
    fill: () => {
      const { bavail, bsize } = statfsSync(path);
      writeFileSync(filler, Buffer.alloc(bavail * bsize));
    },
    free: () => rmSync(filler, { force: true }),
    unmount: () => run('umount', [path]),
  };
}

test('a disk that is full before an apply begins: a clear error, and nothing is touched', async () => {
  const disk = smallDisk();
  try {
    await openStateFolder(disk.path);
    disk.fill();
    const before = world();
    await expect(
      applyTransaction(transactionOf(guest, withoutRestart()), options({ stateDir: disk.path })),
    ).rejects.toMatchObject({
      code: 'TUNE_JOURNAL',
      message: expect.stringMatching(/ENOSPC.*nothing was changed/),
    });
    expect(world()).toEqual(before);
    disk.free();
    expect(succeeds('test', ['-z', run('ls', ['-A', join(disk.path, 'transactions')]).trim()])).toBe(true);
  } finally {
    disk.unmount();
  }
});

test.each(['doing 1', 'done 3', 'doing 5'])(
  'a disk that fills up before the line "%s" of the journal: all is undone, and the undo is journalled',
  async (line) => {
    const disk = smallDisk();
    try {
      const before = world();
      const trace = ({ when, what }: { when: string; what: string }): void => {
        if (when === 'before' && what === `journal ${line}`) disk.fill();
      };
      const outcome = await applyTransaction(
        transactionOf(guest, withoutRestart()),
        options({ stateDir: disk.path, trace }),
      );
      expect(outcome).toMatchObject({
        kind: 'undone',
        failure: { code: 'TUNE_JOURNAL' },
        remains: [],
        notes: [],
      });
      expect(world()).toEqual(before);
      const { records } = await listTransactions(await openStateFolder(disk.path));
      expect(records.map(({ progress }) => progress.status)).toEqual(['undone']);
    } finally {
      disk.unmount();
    }
  },
);

const ENDS: Readonly<Record<string, (name: string) => void>> = {
  destroyed: (name) => virsh('destroy', name),
  'killed with its QEMU': () => process.kill(guest.pid, 'SIGKILL'),
  'saved by another client': (name) => virsh('managedsave', name),
};

test.each(
  Object.entries(ENDS).flatMap(([how, end]) =>
    ['domainPinVcpuFlags', 'domainAddIoThread', 'domainDefineXmlFlags'].map(
      (call) => [how, call, end] as const,
    ),
  ),
)(
  'a guest that is %s before %s: its live changes end with it, its definition is as before',
  async (_, call, end) => {
    const defined = guest.inactive;
    const steps = [...liveSteps(guest, LIVE), definitionStep(guest, DEFINED)];
    const trace = ({ when, what }: { when: string; what: string }): void => {
      if (when === 'before' && what === call && virsh('domstate', guest.name).trim() !== 'shut off') {
        end(guest.name);
      }
    };
    const outcome = await applyTransaction(transactionOf(guest, steps), options({ trace }));
    if (call === 'domainDefineXmlFlags') {
      // The change of the definition needs no running guest: it is done.
      expect(outcome.kind).toBe('committed');
      expect(guest.inactive).toContain("queues='2'");
    } else {
      expect(outcome).toMatchObject({ kind: 'undone', remains: [] });
      expect(outcome.notes.join()).toContain('is no longer running');
      expect(guest.inactive).toBe(defined);
    }
    succeeds('virsh', ['managedsave-remove', guest.name]);
  },
);

test('a guest that is undefined and destroyed during the run is reported as gone, and is not restored', async () => {
  const steps = [...liveSteps(guest, LIVE), definitionStep(guest, DEFINED)];
  const trace = ({ when, what }: { when: string; what: string }): void => {
    if (when !== 'before' || what !== 'domainAddIoThread') return;
    virsh('undefine', guest.name);
    virsh('destroy', guest.name);
  };
  const outcome = await applyTransaction(transactionOf(guest, steps), options({ trace }));
  expect(outcome).toMatchObject({ kind: 'undone', remains: [] });
  expect(outcome.notes.join()).toContain('is no longer on this host');
  expect(succeeds('virsh', ['dominfo', guest.name])).toBe(false);
});

test("a definition that does not start: the old one is back and runs, and the error is libvirt's", async () => {
  const before = world();
  // The pool is empty.
  const outcome = await applyTransaction(
    transactionOf(guest, [definitionStep(guest, [['hugepages', '', '2 MiB']]), restartStep(guest)]),
    options(),
  );
  expect(outcome).toMatchObject({ kind: 'undone', failure: { code: 'TUNE_RESTART' }, remains: [] });
  expect(outcome.failure?.message).toMatch(/does not start: .*(allocate memory|backing store)/s);
  expect(world()).toEqual(before);
});

test('a CPU that an emulated guest cannot have: taken by define, refused at the start, and undone', async () => {
  virsh('autostart', guest.name);
  const before = world();
  const steps = [definitionStep(guest, [['cpu.mode', '', 'host-passthrough']]), restartStep(guest)];
  const outcome = await applyTransaction(transactionOf(guest, steps), options());
  expect(outcome).toMatchObject({ kind: 'undone', failure: { code: 'TUNE_RESTART' }, remains: [] });
  expect(outcome.failure?.message).toContain('host-passthrough');
  expect(world()).toEqual(before);
  // Properties outside the definition are kept as well.
  expect(virsh('dominfo', guest.name)).toMatch(/Autostart:\s+enable/);
  virsh('autostart', '--disable', guest.name);
});

test('one host, one run: the second learns who holds the host, or waits until it is free', async () => {
  let second: Promise<unknown> | undefined;
  const trace = async ({ when, what }: { when: string; what: string }): Promise<void> => {
    if (when !== 'before' || what !== 'domainPinVcpuFlags' || second !== undefined) return;
    await expect(applyTransaction(transactionOf(guest, [PAGES]), options())).rejects.toMatchObject({
      code: 'TUNE_LOCKED',
      message: expect.stringContaining(`process ${process.pid}`),
    });
    second = applyTransaction(transactionOf(guest, [PAGES]), options({ waitMs: 60_000 }));
  };
  const steps = liveSteps(guest, [['vcpupin', '0', '1']]);
  const first = await applyTransaction(transactionOf(guest, steps), options({ trace }));
  expect(first.kind).toBe('committed');
  // It waited, and then found that the guest had changed since the plan.
  await expect(second).rejects.toMatchObject({ code: 'TUNE_CHANGED' });
  expect(existsSync(join(stateDir, 'locks'))).toBe(true);
});
