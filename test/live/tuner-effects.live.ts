import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { connect } from '../../libvirt/client/connect.ts';
import { Sampler } from '../../sampler/sampler.ts';
import { applyLocked } from '../../tuner/apply/apply.ts';
import { onHost } from '../../tuner/apply/host-session.ts';
import { openStateFolder } from '../../tuner/journal/folder.ts';
import { listTransactions } from '../../tuner/journal/list.ts';
import { readMeasured } from '../../tuner/measure/describe.ts';
import { trialOf } from '../../tuner/measure/experiment.ts';
import { LATENCY, runningOthers } from '../../tuner/measure/host-figures.ts';
import type { FigureReport, Report } from '../../tuner/measure/report.ts';
import { type Block, type Design, makeSchedule } from '../../tuner/measure/schedule.ts';
import { type UserFigure, userFigure } from '../../tuner/measure/user-figure.ts';
import { findHostFigure, vmExperiment } from '../../tuner/measure/vm-experiment.ts';
import { BootSectorGuest } from './lab/boot-sector-guest.ts';
import { Postgres } from './lab/postgres.ts';
import { type Change, liveSteps, runOptionsOf, transactionOf } from './lab/tuned-guest.ts';
import { virsh } from './lab/virsh.ts';

/**
 * Real experiments with effects of known size, on real guests. They take minutes and need mostly idle CPUs, so only
 * `.ci/nightly` runs them; VIRTUNE_EFFECT_RUNS is the number of experiments without an effect.
 */
const RUNS = Number(process.env['VIRTUNE_EFFECT_RUNS'] ?? 0);
const nightly = test.runIf(RUNS > 0);
const MINUTES_MS = 60_000;

const CONTENTION = 'libvirt_domain_cpu_contention_ratio';
const USAGE = 'libvirt_domain_cpu_usage_cpus';
const DESIGN: Design = { pairs: 8, blockMs: 4_000, settleMs: 1_000 };
/** Five of 100 intervals may miss the truth, but not by much. */
const NEAR = 1.15;
/** An effect that eight pairs detect, however noisy the machine is. */
const LARGE = 1.8;

let stateDir: string;
let sampler: Sampler;
let guest: BootSectorGuest | undefined;
const busy: { readonly child: ChildProcess; readonly cpu: number; readonly group: string }[] = [];
beforeAll(() => {
  sampler = new Sampler({
    open: (signal) => connect('qemu:///system', { readOnly: true, signal }),
    groups: new Set(['domain', 'vcpu', 'block', 'cpu']),
    procRoot: '/proc',
  });
});
afterAll(() => sampler.close());
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'virtune-effects-'));
});
afterEach(async () => {
  for (const { child, group } of busy.splice(0)) {
    const ended = once(child, 'close');
    child.kill('SIGKILL');
    await ended;
    rmdirSync(group);
  }
  guest?.remove();
  rmSync(stateDir, { recursive: true, force: true });
});

/**
 * Processes that each use a whole CPU, in a control group next to the guest's with the same weight: they take CPU time
 * from the guest, but no more than the guest does from what measures it.
 */
function keepBusy(beside: BootSectorGuest, cpu: number, count: number): void {
  const parent = dirname(groupOf(beside));
  for (let at = 0; at < count; at++) {
    const child = spawn('taskset', ['-c', String(cpu), 'sh', '-c', 'while :; do :; done'], {
      stdio: 'ignore',
    });
    const group = join(parent, `busy-${child.pid}`);
    mkdirSync(group);
    writeFileSync(join(group, 'cgroup.procs'), String(child.pid));
    busy.push({ child, cpu, group });
  }
}

/** The folder of its control group of the cpu controller. */
function groupOf({ pid }: BootSectorGuest): string {
  const line = readFileSync(`/proc/${pid}/cgroup`, 'utf8')
    .split('\n')
    .find((each) => each.split(':')[1]?.split(',').includes('cpu') === true);
  return `/sys/fs/cgroup/cpu${(line?.split(':')[2] ?? '').replace(/\/emulator$/, '')}`;
}

interface Asked {
  readonly changes: readonly Change[];
  readonly metric?: string;
  /** Decides instead of a metric. */
  readonly user?: UserFigure | undefined;
  readonly design?: Design;
  readonly seed?: number;
  readonly everyMs?: number;
}

/** Runs the experiment; returns the report in the journal, and logs its text. */
async function measured(of: BootSectorGuest, asked: Asked): Promise<Report> {
  const { changes, metric = CONTENTION, user, design = DESIGN, seed = 7, everyMs = 1_000 } = asked;
  const own = of.domain;
  const settings = {
    metric: findHostFigure(metric),
    user,
    margin: 1.05,
    keepIf: 'always',
    schedule: makeSchedule(design, seed),
    // Too short for a guard, which would stop changes that are worse on purpose.
    baselineMs: 8 * everyMs,
    everyMs,
  } as const;
  // Starting a server kept this process from answering libvirtd, which has closed the connection.
  const others = runningOthers(await sampler.sample().catch(() => sampler.sample()), own);
  const experiment = vmExperiment(own, others, sampler, settings, (text) => console.log(text));
  const options = runOptionsOf(stateDir, {});
  const transaction = transactionOf(of, liveSteps(of, changes));
  await onHost(transaction, options, (held) => applyLocked(held, transaction, options, trialOf(experiment)));
  const { records } = await listTransactions(await openStateFolder(stateDir));
  const found = records.find(({ id }) => id === transaction.id)?.progress.measured;
  console.log(readMeasured(found)?.text.slice(0, 4).join('\n'));
  return found as Report;
}

const figureOf = ({ primary, secondary }: Report, name: string): FigureReport =>
  [primary, ...secondary].find((figure) => figure.name === name) as FigureReport;

/** The truth is in or next to the interval; where the effect is large, the verdict has the right direction. */
function expectNear({ effect, judgement }: FigureReport, truth: number): void {
  expect(effect?.low).toBeLessThan(truth * NEAR);
  expect(effect?.high).toBeGreaterThan(truth / NEAR);
  if (truth > LARGE) expect(judgement.verdict).toBe('better');
  if (truth < 1 / LARGE) expect(judgement.verdict).toBe('worse');
}

/** Exchanges the arms: with the settings, this VM is where the other test's VM was without them. */
const swapped = (block: Block): Block => ({ ...block, arm: block.arm === 'on' ? 'off' : 'on' });

/** libvirt's and the kernel's figures cover the same time, except for the emulator's share. */
function expectSame({ effect: one }: FigureReport, { effect: other }: FigureReport): void {
  expect((one?.effect ?? 0) / (other?.effect ?? 0)).toBeGreaterThan(0.9);
  expect((one?.effect ?? 0) / (other?.effect ?? 0)).toBeLessThan(1.1);
}

/** CPU time of its vCPU thread per second, by the kernel's count: its work, since it wants a whole CPU. */
function workOf({ pid }: BootSectorGuest): UserFigure & { readonly truth: (report: Report) => number } {
  const task = `/proc/${pid}/task`;
  /** CPU time of the first busy process on each CPU, at each sample. */
  const read: { readonly atMs: number; readonly seconds: readonly [number, number] }[] = [];
  const startedMs = performance.now();
  const thread = readdirSync(task).find((tid) =>
    readFileSync(`${task}/${tid}/comm`, 'utf8').startsWith('CPU 0'),
  );
  return {
    figure: { name: 'work of the vCPU', kind: 'rate', direction: 'higher is better' },
    read: async () => {
      const [cpu0 = 0, cpu1 = 0] = [0, 1].map((cpu) =>
        secondsOf(busy.find((each) => each.cpu === cpu)?.child.pid ?? 0),
      );
      read.push({ atMs: performance.now() - startedMs, seconds: [cpu0, cpu1] });
      return secondsOf(`${pid}/task/${thread}`);
    },
    // Each busy process has the guest's weight on its CPU, and so gets the same share, whatever else takes from both.
    truth: ({ blocks }) => {
      const lastIn = (ms: number) => read.findLast(({ atMs }) => atMs <= ms + 200)?.seconds ?? [0, 0];
      const got = (arm: 'on' | 'off', cpu: 0 | 1): number =>
        blocks
          .filter((block) => block.arm === arm)
          .reduce((sum, { measureMs, endMs }) => sum + lastIn(endMs)[cpu] - lastIn(measureMs)[cpu], 0);
      return got('on', 0) / got('off', 1);
    },
  };
}

/** CPU time of a process or a thread, as the kernel counts it. */
const secondsOf = (of: number | string): number =>
  Number(readFileSync(`/proc/${of}/schedstat`, 'utf8').split(' ')[0]) / 1e9;

const pinnedTo = (cpu: number) => `<vcpupin vcpu='0' cpuset='${cpu}'/>`;

nightly(
  'a vCPU that is pinned away from a CPU with three busy processes, to one with one, waits less and runs twice as much',
  async () => {
    guest = new BootSectorGuest('away', 'spin', { cputune: pinnedTo(1) });
    keepBusy(guest, 1, 3);
    keepBusy(guest, 0, 1);
    const user = workOf(guest);
    const report = await measured(guest, { changes: [['vcpupin', '0', '0']], user });
    // A quarter of a CPU without the setting and half of one with it, if nothing else runs: a factor of 2.
    const truth = user.truth(report);
    console.log(`truth: ${truth}`);
    expectNear(report.primary, truth);
    expectSame(figureOf(report, USAGE), report.primary);
  },
  10 * MINUTES_MS,
);

nightly(
  'a vCPU that is pinned onto the busier CPU waits more and runs half as much',
  async () => {
    guest = new BootSectorGuest('onto', 'spin', { cputune: pinnedTo(0) });
    keepBusy(guest, 1, 3);
    keepBusy(guest, 0, 1);
    const user = workOf(guest);
    const report = await measured(guest, { changes: [['vcpupin', '0', '1']], user });
    const truth = 1 / user.truth({ ...report, blocks: report.blocks.map(swapped) });
    console.log(`truth: ${truth}`);
    expectNear(report.primary, truth);
    expectSame(figureOf(report, USAGE), report.primary);
  },
  10 * MINUTES_MS,
);

nightly(
  `of ${RUNS} experiments with a setting that changes nothing at most two find something`,
  async () => {
    guest = new BootSectorGuest('same', 'spin', { cputune: `<shares>1024</shares>${pinnedTo(1)}` });
    keepBusy(guest, 1, 1);
    const found: string[] = [];
    for (let run = 0; run < RUNS; run++) {
      virsh('schedinfo', guest.name, '--live', '--set', 'cpu_shares=1024');
      const report = await measured(guest, {
        changes: [['shares', '', '1025']],
        design: { pairs: 8, blockMs: 3_000, settleMs: 0 },
        seed: 100 + run,
      });
      expect(report.ended).toBeUndefined();
      const { verdict } = report.primary.judgement;
      found.push(verdict);
    }
    console.log(`verdicts: ${found.join(', ')}`);
    expect(found.filter((verdict) => verdict === 'better' || verdict === 'worse').length).toBeLessThanOrEqual(
      2,
    );
  },
  60 * MINUTES_MS,
);

nightly(
  'a limit of 50 requests per second is found in the request latency: 20 ms each, of a guest that waits for each',
  async () => {
    guest = new BootSectorGuest('limited', 'read');
    const report = await measured(guest, {
      changes: [['disk.iotune.totalIopsSec', 'vda', '50']],
      metric: LATENCY,
      // Deciding any of five further figures takes at least eight pairs, and a busy host may lose one.
      design: { ...DESIGN, pairs: 10 },
    });
    expect(report.primary.judgement.verdict).toBe('worse');
    const on = report.primary.blocks.filter((_, at) => report.blocks[at]?.arm === 'on');
    // More on a busy host.
    for (const seconds of on) expect(seconds ?? 1).toBeGreaterThan(0.015);
    expect(report.primary.effect?.effect).toBeGreaterThan(5);
    const requests = figureOf(report, 'libvirt_domain_disk_requests_per_second');
    expect(requests.judgement.verdict).toBe('worse');
  },
  10 * MINUTES_MS,
);

nightly(
  'the transactions per second of a PostgreSQL under the CPU cap of a VM decide that the cap is lifted',
  async () => {
    const postgres = await Postgres.start();
    try {
      // Its emulator is otherwise idle, so that the cap applies to the database alone.
      guest = new BootSectorGuest('database', 'spin', {
        cputune: '<emulator_period>100000</emulator_period><emulator_quota>25000</emulator_quota>',
      });
      moveInto(guest, postgres.pid);
      const report = await measured(guest, {
        changes: [['emulator.quota', '', '-1']],
        user: userFigure({ probe: postgres.probe(2), higherIsBetter: true }, 3_000),
        design: { pairs: 7, blockMs: 6_000, settleMs: 1_000 },
        everyMs: 3_000,
      });
      expect(report.primary).toMatchObject({ name: 'probe', judgement: { verdict: 'better' } });
      expect(report.primary.effect?.low).toBeGreaterThan(1.2);
    } finally {
      await postgres.stop();
    }
  },
  15 * MINUTES_MS,
);

/** Makes the server and its later connections part of the VM's emulator group, whose cap then applies to them. */
function moveInto(of: BootSectorGuest, pid: number): void {
  writeFileSync(join(groupOf(of), 'emulator', 'cgroup.procs'), String(pid));
}
