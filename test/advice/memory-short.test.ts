import { expect, test } from 'vitest';
import type { Advice } from '../../advice/advice.ts';
import { advise } from '../../advice/engine.ts';
import type { HostObservation } from '../../advice/observation.ts';
import { hostOf, vmOf } from './made-host.ts';

const IDLE = { vcpus: 2, run: 0.05 };
const memoryAdvice = (observation: HostObservation): readonly Advice[] =>
  advise(observation, { minSamples: 5 }).filter(({ kind }) => /memory|balloon/.test(kind));
const commandsOf = (advice: Advice | undefined, remedy = 0): string[] =>
  (advice?.remedies[remedy]?.steps ?? []).map(({ argv }) => argv.slice(1).join(' '));

/** Guests that swap at 2 of their 4 GiB. */
const squeezed = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    vmOf(`squeezed-${index}`, { places: [IDLE], gib: 4, currentGib: 2, swapInKiB: 500, usable: 0.02 }),
  );

test('eight guests that swap on a host without memory are one advice, and none of them gets what is not there', () => {
  // 8.3 GiB free, of which 5 % of 128 GiB are kept: 1.9 GiB to give, and 16 GiB are wanted.
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
  // Nothing is given, and those that swap have nothing to take from: four of them leave with 4 GiB each.
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
    title: '8 guests swap because the balloon took memory, and the host has memory to give',
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

test('a host that waits for memory is short of it whatever its balloons hold', () => {
  const of = (memoryPressure: number) => memoryAdvice(hostOf(squeezed(1), { freeGib: 60, memoryPressure }));
  expect(of(0.11)).toMatchObject([
    { kind: 'host-memory-short', title: expect.stringContaining('a guest swaps') },
  ]);
  expect(of(0.1)).toMatchObject([{ kind: 'balloon-squeezed' }]);
});

test('a guest that swaps with all that it may have gets a quarter more, if others leave it', () => {
  const starved = (name: string) => vmOf(name, { places: [IDLE], gib: 8, swapInKiB: 100 });
  // 2 GiB each; there are 3 GiB above the reserve.
  const found = memoryAdvice(hostOf([starved('a'), starved('b')], { freeGib: 9.4 }));
  expect(found.map((each) => commandsOf(each))).toEqual([
    ['setmaxmem a 10485760 --config', 'setmem a 10485760 --config'],
    [],
  ]);
  const byHand = vmOf('c', { places: [IDLE], gib: 8, swapInKiB: 100, memory: { hugepages: {} } });
  expect(commandsOf(memoryAdvice(hostOf([byHand]))[0])).toEqual([]);
});
