import { expect, test } from 'vitest';
import type { Advice } from '../../advice/advice.ts';
import { advise } from '../../advice/engine.ts';
import type { HostObservation, ObservedVm } from '../../advice/observation.ts';
import { Series } from '../../advice/series.ts';
import { hostOf } from './made-host.ts';
import { startCase } from './scenarios/case.ts';
import { Draft } from './scenarios/draft.ts';

const KIB_PER_GIB = 1_048_576;
const every = (value: number): Series => Series.of(Array.from({ length: 8 }, () => value));

/**
 * Observes the VMs of the draft, and a guest that swaps with half of its 8 GiB, on a host with this much free memory.
 */
async function observe(draft: Draft, freeGiB: number): Promise<HostObservation> {
  draft.add('web', { name: 'squeezed', memoryMiB: 8_192 });
  const world = await startCase({ draft, truths: [], startMs: Date.parse('2026-03-02T14:00:00Z') });
  try {
    const observation = await world.observe(8);
    const host = observation.newest.host ?? expect.unreachable();
    const memoryKiB = new Map([
      ['total', 100 * KIB_PER_GIB],
      ['free', freeGiB * KIB_PER_GIB],
    ]);
    return {
      ...withVm(observation, 'squeezed', (vm) => ({
        ...withMemory(vm, 4),
        guest: { ...vm.guest, swapInKiB: every(500), usableShare: every(0.02) },
      })),
      newest: { ...observation.newest, host: { ...host, memoryKiB } },
    };
  } finally {
    await world.stop();
  }
}

const withVm = (
  observation: HostObservation,
  name: string,
  change: (vm: ObservedVm) => ObservedVm,
): HostObservation => ({
  ...observation,
  vms: observation.vms.map((vm) => (vm.name === name ? change(vm) : vm)),
});
const withMemory = (vm: ObservedVm, gib: number): ObservedVm => ({
  ...vm,
  sample: { ...vm.sample, summary: { ...vm.sample.summary, memoryKiB: gib * KIB_PER_GIB } },
});
const withUsable = (observation: HostObservation, name: string, share: number): HostObservation =>
  withVm(observation, name, (vm) => ({ ...vm, guest: { ...vm.guest, usableShare: every(share) } }));

const memoryAdvice = (observation: HostObservation): Advice | undefined =>
  advise(observation, { minSamples: 5 }).find(({ kind }) =>
    ['host-memory-short', 'balloon-squeezed', 'guest-memory-starved'].includes(kind),
  );
const commandsOf = (advice: Advice | undefined): string[] =>
  (advice?.remedies ?? []).flatMap(({ steps }) => steps.map(({ argv }) => argv.slice(3).join(' ')));

test('a host with memory to spare gives it to a guest that swaps; its reserve stays', async () => {
  const advice = memoryAdvice(await observe(new Draft(1), 10));
  expect(advice?.kind).toBe('balloon-squeezed');
  expect(commandsOf(advice)).toEqual([`setmem squeezed ${8 * KIB_PER_GIB} --live`]);
  // 4 GiB are wanted, and 5 % of 100 GiB are reserved.
  expect(memoryAdvice(await observe(new Draft(1), 8.9))?.kind).toBe('host-memory-short');
});

test('guests that do not use their memory give some of it, each keeps a quarter of it usable', async () => {
  const draft = new Draft(1);
  draft.add('web', { name: 'idle', memoryMiB: 16_384 });
  draft.add('web', { name: 'in use', memoryMiB: 16_384 });
  const observation = withUsable(withUsable(await observe(draft, 5), 'idle', 0.75), 'in use', 0.39);
  const advice = memoryAdvice(observation);
  expect(advice).toMatchObject({
    kind: 'host-memory-short',
    cause: 'VMs may use more memory than the host has; 4 GiB are missing',
    remedies: [
      {
        change: 'take 5.25 GiB from guests that do not use it',
        payers: [{ name: 'idle' }],
        gain: 'the host has about 4.18 GiB more free, and can deflate the balloons of guests that swap with it',
      },
      {},
    ],
  });
  // 14.93 of its 16 GiB are resident: ballooning the rest frees nothing.
  expect(commandsOf(advice)).toEqual([`setmem idle ${10.75 * KIB_PER_GIB} --live`]);
  // A quarter of 16 GiB, beyond the usable quarter: ballooning 4 GiB frees 2.93 GiB, over half of what is missing.
  expect(commandsOf(memoryAdvice(withUsable(observation, 'idle', 0.5)))).toEqual([
    `setmem idle ${12 * KIB_PER_GIB} --live`,
  ]);
  // A fifth, 3 GiB in steps of 256 MiB, frees 1.93 GiB: less than half.
  expect(commandsOf(memoryAdvice(withUsable(observation, 'idle', 0.45)))).toEqual([]);
});

test('memory of a virtio-mem device that is not plugged is not held by a balloon', async () => {
  const draft = new Draft(1);
  draft.add('web', {
    name: 'pluggable',
    memoryMiB: 8_192,
    virtioMem: { sizeMiB: 4_096, requestedMiB: 0 },
  });
  const observation = withVm(await observe(draft, 60), 'pluggable', (vm) => ({
    ...withMemory(vm, 4),
    guest: { ...vm.guest, swapInKiB: every(500) },
  }));
  const found = advise(observation, { minSamples: 5 });
  const of = (kind: string) =>
    found.filter((each) => each.kind === kind).flatMap(({ victims }) => victims.map(({ name }) => name));
  expect(of('balloon-squeezed')).toEqual(['squeezed']);
  expect(of('guest-memory-starved')).toEqual(['pluggable']);
});

test.each([
  [4, []],
  [64, ['saved by KSM 16 GiB']],
])('with pages of %d KiB a host depends on 262,144 merged ones: %j', (pageKiB, facts) => {
  const observation = hostOf([], { freeGib: 10 });
  const host = observation.newest.host ?? expect.unreachable();
  const cells = host.topology?.cells.map((cell) => ({ ...cell, pages: [{ sizeKiB: pageKiB, total: 1 }] }));
  const changed = {
    ...host,
    ksm: new Map([['pages_sharing', 262_144]]),
    topology: { ...host.topology, cells },
  } as HostObservation['newest']['host'];
  const found = advise(
    { ...observation, newest: { ...observation.newest, host: changed } },
    { minSamples: 5 },
  ).filter(({ kind }) => kind === 'ksm-dependence');
  expect(found.map(({ evidence: [saved] }) => `${saved?.figure} ${saved?.value} ${saved?.unit}`)).toEqual(
    facts,
  );
});
