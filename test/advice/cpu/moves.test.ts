import { expect, test } from 'vitest';
import type { Advice } from '../../../advice/advice.ts';
import { advise } from '../../../advice/engine.ts';
import type { ObservedVm } from '../../../advice/observation.ts';
import { every, hostOf, sharesOf, vmOf } from '../made-host.ts';

const overcommit = (vms: readonly ObservedVm[], hostCpus = 0): Advice | undefined =>
  advise(hostOf(vms, { hostCpus, shares: sharesOf(vms) }), { minSamples: 5 }).find(
    ({ kind }) => kind === 'cpu-overcommit',
  );
const moveOf = (vms: readonly ObservedVm[], hostCpus = 0): string | undefined =>
  overcommit(vms, hostCpus)?.remedies.find(({ change }) => change.startsWith('move'))?.change;

/** A VM with a demand of 4 CPUs whose quota allows fewer, some of which it leaves unused. */
const capped = (globalCpus: number) =>
  vmOf('capped', {
    places: [{ vcpus: 4, run: 0.8 * globalCpus, delay: 4 - 0.8 * globalCpus }],
    quota: { globalCpus, vcpuPeriodUs: 100_000, globalPeriodUs: 100_000 },
    throttled: every(0.01),
  });

test('a VM that moves leaves as much of the host as its quota allowed it, however much it asks for', () => {
  const others = [0, 1, 2].map((index) =>
    vmOf(`other-${index}`, { places: [{ vcpus: 4, run: 2.3, delay: 0.7 }] }),
  );
  // The demand is ten CPUs, one of them of the VM with a quota.
  const vms = [capped(1), ...others];
  expect(moveOf(vms)).toBe('move other-0, other-1 to another host: their demand is 6.00 CPUs');
  expect(overcommit(vms)?.culprits.at(-1)).toMatchObject({
    name: 'capped',
    evidence: 'demand 1.00 CPUs, gets 0.80',
  });
});

test('a VM that gets all that its quota allows does not keep others from fewer shares', () => {
  const database = vmOf('db', { places: [{ vcpus: 4, run: 1, delay: 1 }], isDatabase: true });
  const batch = [0, 1, 2].map((index) =>
    vmOf(`batch-${index}`, { places: [{ vcpus: 4, run: 2.04, delay: 1.36 }] }),
  );
  // An eighth of its demand of 4 CPUs.
  expect(overcommit([database, ...batch, capped(0.5)])?.remedies[0]?.change).toMatch(/^give .*batch-0/);
});

test('a VM whose quota leaves dedicated CPUs to another one is not its rival', () => {
  const kindsOf = (globalCpus: number | undefined) => {
    const victim = vmOf('victim', { places: [{ vcpus: 1, pins: '0', run: 0.2, delay: 0.1 }] });
    const rival = vmOf('rival', {
      places: [{ vcpus: 1, pins: '0', run: 0.05, delay: 0.9 }],
      throttled: every(0.01),
      ...(globalCpus !== undefined && {
        quota: { globalCpus, vcpuPeriodUs: 100_000, globalPeriodUs: 100_000 },
      }),
    });
    return advise(hostOf([victim, { ...rival, steal: every(0) }]), { minSamples: 5 })
      .map(({ kind }) => kind)
      .filter((kind) => kind.includes('cpu'));
  };
  expect(kindsOf(undefined)).toEqual(['dedicated-cpus-shared']);
  expect(kindsOf(0.05)).toEqual(['cpu-steal']);
});

const web = vmOf('web', { places: [{ vcpus: 4, run: 2, delay: 1.1 }] });
const other = vmOf('other', { places: [{ vcpus: 4, run: 2, delay: 1 }] });
const featuring = (features: object): ObservedVm =>
  ({ ...web, facts: { ...web.facts, features } }) as unknown as ObservedVm;
const sampled = (sample: object): ObservedVm =>
  ({ ...web, sample: { ...web.sample, ...sample } }) as unknown as ObservedVm;

test.each<[why: string, vm: ObservedVm]>([
  ['drives a device of its host', featuring({ hostDevices: 1 })],
  ['has encrypted memory', featuring({ launchSecurity: 'sev-snp' })],
  ["uses its host's TPM", featuring({ tpm: 'passthrough' })],
  ['has snapshots', sampled({ summary: { ...web.sample.summary, marks: { hasSnapshot: true } } })],
  [
    'has a job of libvirt',
    sampled({ extras: { job: { operation: 'backup', active: true, figures: new Map() } } }),
  ],
  ['does not respond', sampled({ outcome: { kind: 'unresponsive', sinceMs: 0 } })],
  ['has an unknown definition', { ...web, facts: undefined }],
])('a VM that %s is not proposed to move', (_, vm) => {
  // With three CPUs used by the host itself, one VM must leave: the one with the highest demand.
  expect(moveOf([web, other], 3)).toBe('move web to another host: their demand is 3.10 CPUs');
  expect(moveOf([vm, other], 3)).toBe('move other to another host: their demand is 3.00 CPUs');
});
