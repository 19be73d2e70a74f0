import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { shareOut } from '../../model/cpu-schedule/share-out.ts';
import { CpuSet } from '../../model/cpu-set.ts';
import { BusyGroup, CpuGroups, type Thread } from './lab/cpu-groups.ts';

/*
 * Compares the CPU time that the kernel gives to threads in control groups like libvirt's with what `shareOut`
 * computes. Other work may take most of each CPU, so compared is how VMs share the rest of the same CPUs.
 */

/** Time for the kernel to balance the threads. */
const SETTLE_MS = 500;
const MEASURE_MS = 2_000;
/** On a machine that is busy with other work, the mean over up to this many times as long is compared. */
const LONGEST = 5;
/** Share of the CPU time that threads on the same CPUs get together. */
const TOLERANCE = 0.15;

/** Threads of one VM that may run on the same CPUs, and how many CPUs they want and get. */
interface Place {
  readonly vm: number;
  readonly cpus: string;
  readonly demand: number;
  readonly got: number;
}

interface Vm {
  readonly shares: number;
  readonly threads: readonly Thread[];
}

const busy = (count: number, cpus: string): Thread[] =>
  Array.from({ length: count }, () => ({ demand: 1, cpus }));
const vm = (threads: readonly Thread[], shares = 1_024): Vm => ({ shares, threads });

let groups: CpuGroups | undefined;
beforeAll(() => {
  groups = CpuGroups.open(`virtune-shares-${process.pid}`);
});
afterAll(() => groups?.close());

/** Measures until `isEnough`, at most `LONGEST` times `MEASURE_MS`. */
async function measured(
  parent: CpuGroups,
  vms: readonly Vm[],
  isEnough: (places: readonly Place[]) => boolean,
): Promise<Place[]> {
  const running: BusyGroup[] = [];
  try {
    vms.forEach(({ shares, threads }, index) => {
      running.push(new BusyGroup(parent, `vm-${index}`, shares, threads));
    });
    await sleep(SETTLE_MS);
    const startedMs = performance.now();
    const before = running.map((each) => each.ranNs());
    for (let round = 1; ; round++) {
      await sleep(MEASURE_MS);
      const after = running.map((each) => each.ranNs());
      const elapsedNs = (performance.now() - startedMs) * 1e6;
      const got = (index: number, thread: number): number =>
        ((after[index]?.[thread] ?? 0) - (before[index]?.[thread] ?? 0)) / elapsedNs;
      const places = vms.flatMap((each, index) => placesOf(each, index, got));
      if (round === LONGEST || isEnough(places)) return places;
    }
  } finally {
    for (const each of running) await each.stop();
  }
}

function placesOf({ threads }: Vm, index: number, got: (index: number, thread: number) => number): Place[] {
  return [...Map.groupBy(threads.keys(), (thread) => threads[thread]?.cpus ?? '')].map(([cpus, its]) => ({
    vm: index,
    cpus,
    demand: its.reduce((sum, thread) => sum + (threads[thread]?.demand ?? 0), 0),
    got: its.reduce((sum, thread) => sum + got(index, thread), 0),
  }));
}

/** CPUs that the model gives each place, out of what all places on the same CPUs got. */
function computed(places: readonly Place[], vms: readonly Vm[]): number[] {
  const gotOn = (cpus: string): number =>
    places.filter((each) => each.cpus === cpus).reduce((sum, { got }) => sum + got, 0);
  const classes = places.map(({ cpus, demand }) => {
    const set = CpuSet.parse(cpus);
    // A thread that always runs wants a whole CPU; a partial demand is a larger share of what is left of the CPU.
    return { cpus: set, demand: Number.isInteger(demand) ? demand : (demand * set.size) / gotOn(cpus) };
  });
  const parts = shareOut(
    vms.map(({ shares }, index) => ({
      weight: shares,
      classes: classes.filter((_, place) => places[place]?.vm === index),
    })),
  ).flat();
  const shared = classes.map(({ demand }, place) => demand * (parts[place]?.share ?? 0));
  return places.map(({ cpus }, place) => {
    const all = places.reduce((sum, each, other) => sum + (each.cpus === cpus ? (shared[other] ?? 0) : 0), 0);
    return (gotOn(cpus) * (shared[place] ?? 0)) / all;
  });
}

/** Largest difference between measured and computed CPUs of a place, as a share of what all places there got. */
function worst(places: readonly Place[], vms: readonly Vm[]): number {
  const expected = computed(places, vms);
  return Math.max(
    ...places.map(({ cpus, got }, place) => {
      const all = places.reduce((sum, each) => sum + (each.cpus === cpus ? each.got : 0), 0);
      return Math.abs(got - (expected[place] ?? 0)) / all;
    }),
  );
}

test.each<[what: string, vms: readonly [Vm, Vm]]>([
  ['one busy thread beside four, on two CPUs', [vm(busy(1, '0-1')), vm(busy(4, '0-1'))]],
  ['one busy thread beside four, on one CPU', [vm(busy(1, '0')), vm(busy(4, '0'))]],
  ['twice the shares, four threads each, on two CPUs', [vm(busy(4, '0-1'), 2_048), vm(busy(4, '0-1'))]],
  [
    'one of four threads on the CPU of another VM',
    [vm([...busy(1, '0'), ...busy(3, '1')]), vm(busy(1, '0'))],
  ],
  ['a thread that wants a tenth of a CPU beside four', [vm([{ demand: 0.1, cpus: '0' }]), vm(busy(4, '0'))]],
])('%s: the kernel shares CPUs out as the model does', { timeout: 60_000 }, async (what, vms) => {
  expect(groups, 'this machine lets no control groups be made').toBeDefined();
  const places = await measured(groups as CpuGroups, vms, (each) => worst(each, vms) < TOLERANCE);
  const expected = computed(places, vms);
  console.log(
    `${what}: ${places.map(({ got, cpus }, place) => `${got.toFixed(2)} of CPU ${cpus}, computed ${expected[place]?.toFixed(2)}`).join('; ')}`,
  );
  expect(worst(places, vms)).toBeLessThan(TOLERANCE);
});
