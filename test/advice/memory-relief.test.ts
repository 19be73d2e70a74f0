import { expect, test } from 'vitest';
import type { Advice } from '../../advice/advice.ts';
import { advise } from '../../advice/engine.ts';
import type { ObservedVm } from '../../advice/observation.ts';
import { hostOf, type MadeVm, vmOf } from './made-host.ts';

/*
 * What a host that lacks memory gets by a change: what is resident, not what a balloon allows. The host has as much free as its
 * reserve.
 */

const KIB_PER_GIB = 1_048_576;
const IDLE = { vcpus: 2, run: 0.05 };
const guest = (name: string, made: Omit<MadeVm, 'places'>): ObservedVm =>
  vmOf(name, { places: [IDLE], ...made });
/** Guests that swap with a balloon at 2 of their 4 GiB. */
const squeezed = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    guest(`squeezed-${index}`, { gib: 4, currentGib: 2, swapInKiB: 500, usable: 0.02 }),
  );
const adviceOn = (...vms: ObservedVm[]): Advice | undefined =>
  advise(hostOf(vms, { freeGib: 6.4 }), { minSamples: 5 }).find(({ kind }) => kind === 'host-memory-short');
const remedyOf = (advice: Advice | undefined, verb: 'take' | 'move') =>
  advice?.remedies.find(({ change }) => change.startsWith(verb));
const takenBy = (...vms: ObservedVm[]): string[] =>
  (remedyOf(adviceOn(...vms), 'take')?.steps ?? []).map(({ argv }) => argv.slice(1).join(' '));

test('a balloon takes nothing from a guest that never touched what it could give', () => {
  const large = (rssGib: number) => guest('large', { gib: 32, rssGib, usable: 0.87 });
  // It can spare 19.75 GiB, no more than what is not resident (28 and 19.75 GiB).
  expect(takenBy(...squeezed(2), large(4))).toEqual([]);
  expect(takenBy(...squeezed(2), large(12.25))).toEqual([]);
  // Its balloon takes 12 GiB that are not resident before it frees 4 GiB.
  const found = adviceOn(...squeezed(2), large(20));
  expect(remedyOf(found, 'take')).toMatchObject({
    change: 'take 16 GiB from guests that do not use it',
    steps: [{ argv: ['virsh', 'setmem', 'large', String(16 * KIB_PER_GIB), '--live'] }],
    cost: 'large has 16 GiB instead of 32 GiB, and smaller caches',
    gain: 'the host has about 4 GiB more free, and can deflate the balloons of guests that swap with it',
  });
});

test('guests that free most give first, and whole steps cover what is missing', () => {
  const touched = guest('touched', { gib: 8, usable: 0.9 });
  const large = guest('large', { gib: 16, rssGib: 8, usable: 0.9 });
  // 5 GiB of the small guest can be freed, and 2.25 GiB of the large one.
  expect(takenBy(...squeezed(2), large, touched)).toEqual([`setmem touched ${4 * KIB_PER_GIB} --live`]);
  const uneven = guest('squeezed', { gib: 4, currentGib: 1.9, swapInKiB: 500, usable: 0.02 });
  expect(takenBy(uneven, touched)).toEqual([`setmem touched ${5.75 * KIB_PER_GIB} --live`]);
  // Five of six GiB: a guest that would free nothing is not asked for the rest.
  const untouched = guest('untouched', { gib: 32, rssGib: 4, usable: 0.87 });
  expect(takenBy(...squeezed(3), untouched, touched)).toEqual([`setmem touched ${3 * KIB_PER_GIB} --live`]);
});

test('a host that waits for memory gets its reserve, where no balloon is squeezed', () => {
  const host = hostOf([guest('idle', { gib: 16, usable: 0.9 })], { freeGib: 2.4, memoryPressure: 0.2 });
  const [found] = advise(host, { minSamples: 5 });
  expect(found).toMatchObject({
    kind: 'host-memory-short',
    remedies: [
      { change: 'take 4 GiB from guests that do not use it', gain: 'the host has about 4 GiB more free' },
      { change: 'move idle to another host, which makes up for 16 GiB' },
    ],
  });
});

test('a move makes up for what is resident, and for what a guest that swaps lacks', () => {
  // Eight guests lack 16 GiB. The large one may have 64 GiB and has 8, but does not lack the rest.
  const ballooned = guest('ballooned', { gib: 64, currentGib: 8, rssGib: 6 });
  expect(remedyOf(adviceOn(...squeezed(8), ballooned), 'move')?.change).toBe(
    'move ballooned, squeezed-0, squeezed-1, squeezed-2 to another host, which makes up for 18 GiB',
  );
});

test('nothing is proposed to a VM whose resident memory is not known', () => {
  const rssGib = 'unknown' as const;
  const unknown = guest('squeezed', { gib: 4, currentGib: 2, swapInKiB: 500, usable: 0.02, rssGib });
  expect(adviceOn(unknown, guest('idle', { gib: 32, usable: 0.9, rssGib }))?.remedies).toEqual([]);
  expect(adviceOn(...squeezed(1), guest('idle', { gib: 32, usable: 0.9 }))?.remedies).toHaveLength(2);
});

test('the VMs that hold most are those with most resident memory; huge pages are set aside, and are not what is short', () => {
  const huge = guest('huge', { gib: 16, rssGib: 0.2, memory: { hugepages: {} } });
  const merged = guest('merged', { gib: 32, rssGib: 14 });
  const local = { memoryMap: { nodeBytes: new Map(), ksmMergedBytes: 4 * 1_024 * KIB_PER_GIB } };
  const found = adviceOn(
    ...squeezed(1),
    huge,
    guest('idle', { gib: 64, rssGib: 5, usable: 0.5 }),
    guest('unknown', { gib: 12, rssGib: 'unknown' }),
    { ...merged, sample: { ...merged.sample, local } } as unknown as ObservedVm,
  );
  expect(found?.culprits.map(({ name, evidence }) => `${name} ${evidence}`)).toEqual([
    'unknown may use 12 GiB',
    'merged holds 10 GiB',
    'idle holds 5 GiB',
    'squeezed-0 holds 2 GiB',
  ]);
});

test.each<[what: string, made: Omit<MadeVm, 'places'>]>([
  ['that a device of the host may access', { features: { hostDevices: 1 } }],
  ['that is encrypted', { features: { launchSecurity: 'sev' } }],
  ['that is locked', { memory: { locked: true } }],
  ['of a guest that swaps at its maximum', { swapInKiB: 500 }],
])('memory %s is not taken for others', (_, made) => {
  const donor = (more: typeof made) => guest('donor', { gib: 16, usable: 0.9, ...more });
  expect(takenBy(...squeezed(2), donor({}))).toEqual([`setmem donor ${12 * KIB_PER_GIB} --live`]);
  expect(takenBy(...squeezed(2), donor(made))).toEqual([]);
});

test('memory of a guest whose disks have no figures is not taken: it may be a database', () => {
  const donor = guest('donor', { gib: 16, usable: 0.9 });
  const facts = { ...donor.facts, disks: [{ target: 'vda', device: 'disk' }] };
  expect(takenBy(...squeezed(2), { ...donor, facts } as unknown as ObservedVm)).toEqual([]);
});

test.each<[what: string, features: NonNullable<MadeVm['features']>]>([
  ['drives devices of its host', { hostDevices: 1 }],
  ['has encrypted memory', { launchSecurity: 'tdx' }],
])('a VM that %s is not moved for the memory of others', (_, features) => {
  const large = (more: Partial<MadeVm>) => guest('large', { gib: 32, usable: 0.3, ...more });
  expect(remedyOf(adviceOn(...squeezed(2), large({})), 'move')?.change).toMatch(/^move large to/);
  expect(remedyOf(adviceOn(...squeezed(2), large({ features })), 'move')?.change).toMatch(
    /^move squeezed-0 to/,
  );
});

test('no move is proposed where all VMs that can move do not make up for what is missing', () => {
  const swaps = { gib: 4, currentGib: 2, swapInKiB: 500, usable: 0.02 };
  const bound = (name: string) => guest(name, { ...swaps, features: { hostDevices: 1 } });
  const others = [bound('a'), bound('b')];
  expect(remedyOf(adviceOn(...squeezed(1), ...others), 'move')).toBeUndefined();
  expect(remedyOf(adviceOn(...squeezed(2), ...others), 'move')?.payers).toHaveLength(2);
});
