import { expect, test } from 'vitest';
import type { Advice } from '../../advice/advice.ts';
import { advise } from '../../advice/engine.ts';
import type { HostObservation, ObservedVm } from '../../advice/observation.ts';
import { Series } from '../../advice/series.ts';
import { every, hostOf, vmOf } from './made-host.ts';

const IDLE = { vcpus: 2, run: 0.05 };
const memoryAdvice = (observation: HostObservation): readonly Advice[] =>
  advise(observation, { minSamples: 5 }).filter(({ kind }) => /memory|balloon/.test(kind));
const commandsOf = (advice: Advice | undefined, remedy = 0): string[] =>
  (advice?.remedies[remedy]?.steps ?? []).map(({ argv }) => argv.slice(1).join(' '));

/** Guests that swap with a balloon at 2 of their 4 GiB. */
const squeezed = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    vmOf(`squeezed-${index}`, { places: [IDLE], gib: 4, currentGib: 2, swapInKiB: 500, usable: 0.02 }),
  );

test('eight guests that swap on a host without memory are one advice, and none of them gets what is not there', () => {
  // 8.3 GiB are free, of which 5 % of 128 GiB are reserved: 1.9 GiB are available, and 16 GiB are wanted.
  const found = memoryAdvice(hostOf(squeezed(8), { freeGib: 8.3 }));
  expect(found).toMatchObject([
    {
      kind: 'host-memory-short',
      title: '8 guests swap: the host has no memory to deflate their balloons with',
      cause: 'VMs may use more memory than the host has; 16 GiB are missing',
      harm: 8,
      victims: Array.from({ length: 8 }, (_, index) => ({ name: `squeezed-${index}` })),
    },
  ]);
  // No balloon is deflated, and the swapping guests have nothing to spare: four of them leave with 4 GiB each.
  expect(found[0]?.remedies).toMatchObject([
    {
      change: expect.stringMatching(
        /^move (squeezed-\d, ){3}squeezed-\d to another host, which makes up for 16 GiB$/,
      ),
      steps: [],
    },
  ]);
});

test('eight guests that swap get all that they may have where the host has it above its reserve', () => {
  const [found, ...more] = memoryAdvice(hostOf(squeezed(8), { freeGib: 22.5 }));
  expect(more).toEqual([]);
  expect(found).toMatchObject({
    kind: 'balloon-squeezed',
    harm: 8,
    title: '8 guests swap because their balloons are inflated, although the host has memory to spare',
  });
  expect(commandsOf(found)).toEqual(
    Array.from({ length: 8 }, (_, index) => `setmem squeezed-${index} 4194304 --live`),
  );
  expect(found?.remedies[0]?.cost).toBe(
    'the host has 6.50 GiB left for all others, 6.40 GiB of it as reserve',
  );
});

test('guests with memory to spare give it to those that swap, the largest first, and as little as is missing', () => {
  const idle = (name: string, gib: number, usable = 0.9) => vmOf(name, { places: [IDLE], gib, usable });
  const vms = [
    ...squeezed(8),
    idle('small', 8),
    idle('large', 16),
    idle('full', 32, 0.39),
    vmOf('huge', { places: [IDLE], gib: 64, usable: 0.9, memory: { hugepages: {} } }),
    vmOf('db', { places: [IDLE], gib: 64, usable: 0.9, isDatabase: true }),
  ];
  const [found] = memoryAdvice(hostOf(vms, { freeGib: 6.4 }));
  // 65 % of 16 and of 8 GiB, in steps of 256 MiB.
  expect(commandsOf(found)).toEqual([
    `setmem large ${(16 - 10.25) * 1_048_576} --live`,
    `setmem small ${(8 - 5) * 1_048_576} --live`,
  ]);
  expect(found?.remedies[0]).toMatchObject({
    change: 'take 15.3 GiB from guests that do not use it',
    payers: [{ name: 'large' }, { name: 'small' }],
    risk: expect.stringContaining('each keeps 25 % of its memory usable'),
  });
  // Two guests want 4 GiB, which one donor has.
  const [few] = memoryAdvice(hostOf([...squeezed(2), idle('large', 16)], { freeGib: 6.4 }));
  expect(commandsOf(few)).toEqual([`setmem large ${12 * 1_048_576} --live`]);
});

test('a host that waits for memory, and has none above its reserve, is short of it', () => {
  const of = (memoryPressure: number, freeGib: number) =>
    memoryAdvice(hostOf([vmOf('web', { places: [IDLE] })], { freeGib, memoryPressure }));
  expect(of(0.11, 4.4)).toMatchObject([
    {
      kind: 'host-memory-short',
      severity: 'bad',
      cause: 'VMs may use more memory than the host has; 2 GiB are missing',
      culprits: [{ name: 'web' }],
    },
  ]);
  expect(of(0.1, 4.4)).toEqual([]);
  // Less than a step of 256 MiB is not reported as missing.
  expect(of(0.11, 6.3)[0]?.cause).toBe('VMs may use more memory than the host has');
});

test('a host that waits for memory although it has some has another cause, without culprits', () => {
  const waiting = { freeGib: 60, memoryPressure: 0.2 };
  const [alone, ...more] = memoryAdvice(hostOf([vmOf('web', { places: [IDLE] })], waiting));
  expect(more).toEqual([]);
  expect(alone).toMatchObject({
    kind: 'host-memory-short',
    severity: 'warn',
    title: 'the host waits for memory, although its memory suffices',
    culprits: [],
    harm: 0.2,
  });
  // The balloons of its guests are deflated anyway.
  const [first, second] = memoryAdvice(hostOf(squeezed(2), waiting));
  expect(commandsOf(first)).toEqual(['setmem squeezed-0 4194304 --live', 'setmem squeezed-1 4194304 --live']);
  expect(second).toMatchObject({ kind: 'host-memory-short', severity: 'warn' });
  // More is wanted than it has above the reserve: then it is short.
  expect(memoryAdvice(hostOf(squeezed(8), { ...waiting, freeGib: 22.3 }))).toMatchObject([
    { kind: 'host-memory-short', severity: 'bad' },
  ]);
});

test('a host that swaps is in trouble if tasks wait for pages, and advice then names the swapping', () => {
  const of = (freeGib: number, isHurtBySwap: boolean) =>
    memoryAdvice(hostOf([vmOf('web', { places: [IDLE] })], { freeGib, swapIn: 500, isHurtBySwap }));
  expect(of(60, false)).toEqual([]);
  expect(of(4.4, false)).toEqual([]);
  expect(of(60, true)).toMatchObject([
    {
      severity: 'warn',
      title: 'the host swaps in, although its memory suffices',
      evidence: [
        {},
        { figure: 'memory pressure (some)', value: 0 },
        { figure: 'I/O pressure (some)', value: 5 },
        { figure: 'swap-in of the host', value: 500 },
      ],
    },
  ]);
  expect(of(4.4, true)).toMatchObject([{ kind: 'host-memory-short', severity: 'bad' }]);
});

test('a NUMA cell without memory is named as the cause of waiting', () => {
  const observation = hostOf([], { freeGib: 60, memoryPressure: 0.2 });
  const host = observation.newest.host ?? expect.unreachable();
  const cell = (id: number, availableKiB: number) => ({
    id,
    cpuNs: new Map(),
    memoryKiB: new Map([['total', 64 * 1_048_576]]),
    availableKiB,
    pages: [],
  });
  const cells = [cell(0, 1_048_576), cell(1, 59 * 1_048_576)];
  const [found] = memoryAdvice({
    ...observation,
    newest: { ...observation.newest, host: { ...host, cells } },
  });
  expect(found?.cause).toMatch(/^NUMA cells are full: cell 0 with 1\.6 % free\./);
});

test('a guest with memory to spare lacks none, whatever it reads back from disk', () => {
  const guest = (usable: number, swapInKiB: number, majorFaults = 0): ObservedVm => {
    const vm = vmOf('guest', { places: [IDLE], swapInKiB, usable });
    return { ...vm, guest: { ...vm.guest, majorFaults: every(majorFaults) } };
  };
  const kindsOf = (vm: ObservedVm) => memoryAdvice(hostOf([vm])).map(({ kind }) => kind);
  // Mapped files; pages that were swapped out last night; both, with a fifth usable.
  expect(kindsOf(guest(0.6, 0, 20))).toEqual([]);
  expect(kindsOf(guest(0.5, 4))).toEqual([]);
  expect(kindsOf(guest(0.21, 500, 20))).toEqual([]);
  expect(kindsOf(guest(0.1, 4, 4))).toEqual([]);
  expect(kindsOf(guest(0.03, 0))).toEqual(['guest-memory-starved']);
  expect(kindsOf(guest(0.19, 21))).toEqual(['guest-memory-starved']);
  expect(memoryAdvice(hostOf([guest(0.19, 0, 6)]))).toMatchObject([
    {
      kind: 'guest-memory-starved',
      victims: [{ evidence: '8 GiB of 8 GiB, 19.0 % usable, 6.00 major faults/s' }],
      evidence: [
        {},
        { figure: 'usable memory of a guest', value: 19 },
        { figure: 'major faults of a guest', value: 6 },
      ],
    },
  ]);
  // A guest that does not report usable memory is judged by its swapping.
  const silent = (swapInKiB: number) => {
    const vm = guest(0.5, swapInKiB);
    return { ...vm, guest: { ...vm.guest, usableShare: new Series() } };
  };
  expect(kindsOf(silent(21))).toEqual(['guest-memory-starved']);
  expect(kindsOf(silent(20))).toEqual([]);
});

test('a guest that swaps with all that it may have gets a quarter more, if others leave it', () => {
  const starved = (name: string) => vmOf(name, { places: [IDLE], gib: 8, swapInKiB: 100, usable: 0.1 });
  // 2 GiB each, while 3 GiB are free above the reserve.
  const found = memoryAdvice(hostOf([starved('a'), starved('b')], { freeGib: 9.4 }));
  expect(found.map((each) => commandsOf(each))).toEqual([
    ['setmaxmem a 10485760 --config', 'setmem a 10485760 --config'],
    [],
  ]);
  const byHand = vmOf('c', {
    places: [IDLE],
    gib: 8,
    swapInKiB: 100,
    usable: 0.1,
    memory: { hugepages: {} },
  });
  expect(commandsOf(memoryAdvice(hostOf([byHand]))[0])).toEqual([]);
});
