import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { BusyGuest } from './lab/busy-guest.ts';
import { type AdviceJson, advice, type ChangeJson, follow, namesOf } from './lab/follow-advice.ts';
import { BOOTED } from './lab/guests.ts';
import { until } from './lab/run.ts';
import { virsh } from './lab/virsh.ts';
import { contentionOf, figuresOf, type VmFigures } from './lab/vm-figures.ts';

/** The host has at least two CPUs; guests are pinned to them. */
const OBSERVE_SECONDS = 12;
const MEASURE_MS = 10_000;
/** Share of its CPU time that a VM not named as a payer may lose: measurements on a busy machine vary. */
const HARMLESS = 0.05;

const guests: BusyGuest[] = [];
/** Of the lab's own control group. */
const WEIGHT = '/sys/fs/cgroup/cpu/cpu.shares';
let weight: string | undefined;

vi.setConfig({ testTimeout: 600_000 });
// Runs in the lab's namespaces, where guests take precedence over the machine's other work.
beforeAll(() => {
  // The lab's own guest is busy at times, and a change that makes it wait is not advised.
  virsh('suspend', BOOTED);
  if (process.env['VIRTUNE_NAMESPACED'] === undefined || !existsSync(WEIGHT)) return;
  weight = readFileSync(WEIGHT, 'utf8');
  writeFileSync(WEIGHT, '65536');
});
afterAll(() => {
  virsh('resume', BOOTED);
  if (weight !== undefined) writeFileSync(WEIGHT, weight);
});
afterEach(() => {
  for (const guest of guests.splice(0)) guest.remove();
});

/** Starts guests one at a time, since none boots beside busy ones; afterwards all are busy at once. */
async function started(...all: readonly BusyGuest[]): Promise<void> {
  for (const guest of all) {
    guests.push(guest);
    guest.start();
    await guest.works();
    guest.suspend();
  }
  for (const guest of all) guest.resume();
  // The last part of a boot uses one vCPU, and advice depends on the demand at that moment.
  await until('all guests to be as busy as they will be', 180_000, async () => {
    const figures = await figuresOf(
      all.map(({ name }) => name),
      2_000,
    );
    return all.every(({ name, spinning }) => demandOf(figures.get(name) as VmFigures) >= 0.8 * spinning);
  });
}

const demandOf = ({ ranCpus, waitedCpus }: VmFigures): number => ranCpus + waitedCpus;

/** Skips the test when, after a minute of waiting, the machine still has no idle CPU: then no change is advised. */
async function needsFreeCpus(skip: (why: string) => never): Promise<void> {
  let idle = 0;
  for (let seconds = 0; seconds < 60; seconds += 3) {
    const before = cpus().map(({ times }) => times.idle);
    await sleep(3_000);
    idle = cpus().reduce((sum, { times }, index) => sum + times.idle - (before[index] ?? 0), 0) / 3_000;
    if (idle > availableParallelism() - 0.7) return;
  }
  skip(`this machine has ${idle.toFixed(1)} idle CPUs, and the test needs one that nothing else uses`);
}

interface Followed {
  readonly first: AdviceJson;
  readonly change: ChangeJson;
  readonly before: ReadonlyMap<string, VmFigures>;
  readonly after: ReadonlyMap<string, VmFigures>;
  readonly left: readonly AdviceJson[];
}

/** Runs the first change of the advice that has commands, and measures all guests before and after without virtune. */
async function followed(): Promise<Followed> {
  const names = guests.map(({ name }) => name);
  const all = await advice(OBSERVE_SECONDS);
  const [first] = all;
  // VMs that wait although they have their share should move, but there is no other host here.
  const change = first?.changes.find(({ commands }) => commands.length > 0);
  if (first === undefined || change === undefined)
    throw new Error(`nothing is advised with commands: ${JSON.stringify(all)}`);
  const before = await figuresOf(names, MEASURE_MS);
  follow(change);
  const after = await figuresOf(names, MEASURE_MS);
  const left = await advice(OBSERVE_SECONDS);
  report(first.kind, change, before, after, left);
  expectNoHarm(change, before, after);
  return { first, change, before, after, left };
}

/** Prints the lines that the table of docs/advice.md is made of. */
function report(
  kind: string,
  { change, gain }: ChangeJson,
  before: ReadonlyMap<string, VmFigures>,
  after: ReadonlyMap<string, VmFigures>,
  left: readonly AdviceJson[],
): void {
  const text = (each: VmFigures): string =>
    `${each.ranCpus.toFixed(2)} CPUs, contention ${(100 * contentionOf(each)).toFixed(1)} %, ${each.requestsPerSecond.toFixed(0)} requests/s of ${each.latencyMs.toFixed(1)} ms`;
  console.log(`${kind}: ${change}; ${gain}`);
  for (const [name, figures] of before)
    console.log(`  ${name}: ${text(figures)} -> ${text(after.get(name) as VmFigures)}`);
  console.log(`  left: ${left.map((each) => each.kind).join(', ')}`);
}

function expectNoHarm(
  { vms_that_pay }: ChangeJson,
  before: ReadonlyMap<string, VmFigures>,
  after: ReadonlyMap<string, VmFigures>,
): void {
  const paying = new Set(namesOf(vms_that_pay));
  for (const [name, was] of before) {
    if (paying.has(name)) continue;
    expect(contentionOf(after.get(name) as VmFigures), name).toBeLessThanOrEqual(
      contentionOf(was) + HARMLESS,
    );
  }
}

test('a database among busy batch VMs: these get fewer CPU shares, and it waits no longer', async ({
  skip,
}) => {
  await needsFreeCpus(skip);
  const database = new BusyGuest('advice-db', { load: 'lab.commit' });
  const batch = ['a', 'b'].map(
    (each) => new BusyGuest(`advice-batch-${each}`, { load: 'lab.spin=2', vcpus: 2 }),
  );
  await started(database, ...batch);
  const { first, change, before, after } = await followed();
  expect(first.kind).toBe('cpu-overcommit');
  expect(namesOf(first.vms)).toContain(database.name);
  const paying = namesOf(change.vms_that_pay);
  expect(paying).toEqual(expect.arrayContaining(batch.map(({ name }) => name)));
  expect(paying).not.toContain(database.name);
  const [was, is] = [before, after].map((each) => each.get(database.name) as VmFigures) as [
    VmFigures,
    VmFigures,
  ];
  expect(contentionOf(was)).toBeGreaterThan(0.1);
  // A waking thread still waits for the running one: commits per second show what the database gains.
  expect(is.requestsPerSecond).toBeGreaterThan(1.2 * was.requestsPerSecond);
});

test('one noisy VM with as many vCPUs as the host has CPUs: it gets fewer CPU shares, and no other VM loses by that', async ({
  skip,
}) => {
  await needsFreeCpus(skip);
  const databases = ['a', 'b'].map((each) => new BusyGuest(`advice-db-${each}`, { load: 'lab.commit' }));
  const noisy = new BusyGuest('advice-noisy', { load: 'lab.spin=2', vcpus: 2 });
  await started(...databases, noisy);
  const { first, change } = await followed();
  expect(first.kind).toBe('cpu-overcommit');
  expect(namesOf(first.culprits)[0]).toBe(noisy.name);
  expect(namesOf(change.vms_that_pay)).toContain(noisy.name);
});

test('a VM pinned to the CPU of another: the batch VM moves to the free CPU', async ({ skip }) => {
  await needsFreeCpus(skip);
  const pin = "<vcpupin vcpu='0' cpuset='0'/>";
  const database = new BusyGuest('advice-db', { load: 'lab.commit', cputune: pin });
  const batch = new BusyGuest('advice-batch', { load: 'lab.spin=1', cputune: pin });
  await started(database, batch);
  const { first, before, after, left } = await followed();
  expect(first).toMatchObject({ kind: 'dedicated-cpus-shared' });
  expect(first.changes[0]?.commands.map(({ argv }) => argv.slice(0, 5))).toEqual([
    ['virsh', 'vcpupin', batch.name, '0', '1'],
  ]);
  const [was, is] = [before, after].map((each) => each.get(database.name) as VmFigures) as [
    VmFigures,
    VmFigures,
  ];
  // The rest is for threads of QEMU and of the host that also run on that CPU.
  expect(contentionOf(is)).toBeLessThan(0.7 * contentionOf(was));
  expect(is.requestsPerSecond).toBeGreaterThan(1.2 * was.requestsPerSecond);
  expect(left.map(({ kind }) => kind)).not.toContain('dedicated-cpus-shared');
});

test('a quota that throttles: it is raised as far as the host has CPUs', async ({ skip }) => {
  await needsFreeCpus(skip);
  const guest = new BusyGuest('advice-quota', {
    load: 'lab.spin=1',
    cputune: '<period>100000</period><quota>40000</quota>',
  });
  await started(guest);
  const { first, before, after, left } = await followed();
  expect(first).toMatchObject({ kind: 'cpu-quota' });
  expect((before.get(guest.name) as VmFigures).ranCpus).toBeCloseTo(0.4, 1);
  expect((after.get(guest.name) as VmFigures).ranCpus).toBeGreaterThan(0.8);
  expect(left.map(({ kind }) => kind)).not.toContain('cpu-quota');
});

test('a disk limit below what a guest writes: followed until it is calm, the limit is as high as it has to be', async () => {
  const guest = new BusyGuest('advice-log', {
    load: 'lab.log',
    iotune: '<total_bytes_sec>131072</total_bytes_sec>',
  });
  await started(guest);
  const seen: VmFigures[] = [];
  const limits = async () => (await advice(OBSERVE_SECONDS)).find(({ kind }) => kind === 'disk-limit');
  for (let found = await limits(), round = 0; found !== undefined && round < 4; round++) {
    seen.push((await figuresOf([guest.name], 5_000)).get(guest.name) as VmFigures);
    // For a VM that also computes, keeping the limit is listed first.
    follow(found.changes.find(({ commands }) => commands.length > 0) ?? expect.unreachable());
    found = await limits();
  }
  seen.push((await figuresOf([guest.name], 5_000)).get(guest.name) as VmFigures);
  console.log(
    `disk-limit: ${seen.map(({ latencyMs, bytesPerSecond }) => `${latencyMs.toFixed(0)} ms, ${(bytesPerSecond / 1_024).toFixed(0)} KiB/s`).join(' -> ')}`,
  );
  expect(seen.length).toBeGreaterThan(1);
  expect(await limits()).toBeUndefined();
  expect(seen[0]?.latencyMs).toBeGreaterThan(100);
  expect(seen.at(-1)?.latencyMs).toBeLessThan(50);
});
