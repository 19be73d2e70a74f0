import { expect, test } from 'vitest';
import type { Advice } from '../../../advice/advice.ts';
import { CpuLoad } from '../../../advice/cpu-load.ts';
import { advise } from '../../../advice/engine.ts';
import type { HostObservation } from '../../../advice/observation.ts';
import { CpuSet } from '../../../model/cpu-set.ts';
import { hostOf, vmOf } from '../made-host.ts';

const cpuAdvice = (observation: HostObservation): readonly Advice[] =>
  advise(observation, { minSamples: 5 }).filter(({ kind }) => /cpu|wide/.test(kind));
/** CPUs of all `vcpupin` commands. */
const targetsOf = (advice: readonly Advice[]): CpuSet =>
  advice
    .flatMap(({ remedies }) => remedies.flatMap(({ steps }) => steps))
    .filter(({ argv }) => argv[1] === 'vcpupin')
    .reduce((all, { argv }) => all.union(CpuSet.parse(argv[4] ?? '')), CpuSet.empty);

/** Three VMs with a demand of 3 CPUs that are pinned to 2. */
const squeezed = () =>
  ['a', 'b', 'c'].map((name) => vmOf(name, { places: [{ vcpus: 1, pins: '0-1', run: 0.67, delay: 0.33 }] }));

test('VMs that share a few CPUs get no isolated one, and none that their control group does not have', () => {
  expect(targetsOf(cpuAdvice(hostOf(squeezed(), { isolated: '' }))).toString()).not.toBe('');
  const isolated = cpuAdvice(hostOf(squeezed(), { isolated: '4-7' }));
  expect(isolated).toMatchObject([{ kind: 'cpus-squeezed' }]);
  expect(targetsOf(isolated).toString()).toBe('0-3');
  expect(targetsOf(cpuAdvice(hostOf(squeezed(), { isolated: '2-7' }))).toString()).toBe('');
  expect(targetsOf(cpuAdvice(hostOf(squeezed(), { isolated: '', vmCpus: '0-3' }))).toString()).toBe('0-3');
});

test('a VM that has too few CPUs, and one on CPUs of another, get no isolated one either', () => {
  const wide = () => vmOf('wide', { places: [{ vcpus: 4, pins: '0-1', run: 2, delay: 2 }] });
  expect(targetsOf(cpuAdvice(hostOf([wide()], { isolated: '' }))).size).toBeGreaterThan(0);
  expect(targetsOf(cpuAdvice(hostOf([wide()], { isolated: '2-7' }))).size).toBe(0);
  const rivals = () =>
    ['a', 'b'].map((name) => vmOf(name, { places: [{ vcpus: 2, pins: '0-1', run: 1, delay: 1 }] }));
  expect(targetsOf(cpuAdvice(hostOf(rivals(), { isolated: '' }))).size).toBeGreaterThan(0);
  expect(targetsOf(cpuAdvice(hostOf(rivals(), { isolated: '2-7' }))).size).toBe(0);
});

test('where isolated CPUs are not known, as of a remote host, the risk of a pin says so', () => {
  const riskOf = (isolated?: string) =>
    cpuAdvice(hostOf(squeezed(), isolated === undefined ? {} : { isolated }))[0]?.remedies[0]?.risk;
  expect(riskOf()).toMatch(/Which CPUs are isolated from the scheduler .* is not known from here$/);
  expect(riskOf('')).not.toContain('isolated');
});

test('demand of VMs without pins is compared with the CPUs that they may have', () => {
  const batch = () => ['a', 'b'].map((name) => vmOf(name, { places: [{ vcpus: 4, run: 2, delay: 1 }] }));
  expect(cpuAdvice(hostOf(batch(), { isolated: '' }))).toMatchObject([
    { kind: 'cpu-steal' },
    { kind: 'cpu-steal' },
  ]);
  expect(cpuAdvice(hostOf(batch(), { isolated: '4-7' }))).toMatchObject([
    { kind: 'cpu-overcommit', cause: expect.stringContaining("VMs share 4 of the host's 8 CPUs") },
  ]);
  expect(cpuAdvice(hostOf(batch(), { vmCpus: '0-3' }))).toMatchObject([{ kind: 'cpu-overcommit' }]);
});

test('threads that poll on isolated CPUs, and VMs there, do not count as demand on the others', () => {
  const load = (vms: Parameters<typeof hostOf>[0], hostCpus: number) =>
    CpuLoad.of(hostOf(vms, { isolated: '4-7', hostCpus }));
  const web = () => vmOf('web', { places: [{ vcpus: 2, run: 1 }] });
  expect(load([web()], 4)).toMatchObject({ demand: 1, hostCpus: 0 });
  expect(load([web()], 5.5)).toMatchObject({ demand: 2.5, hostCpus: 1.5 });
  const apart = vmOf('apart', { places: [{ vcpus: 2, pins: '4-5', run: 2 }] });
  expect(load([web(), apart], 3)).toMatchObject({ demand: 2, hostCpus: 1 });
  // A vCPU that may run on isolated CPUs and on others stays on the others.
  const both = vmOf('both', { places: [{ vcpus: 1, pins: '2-5', run: 0.5 }] });
  expect(load([both], 4)?.of(both)[0]?.cpus.toString()).toBe('2-3');
});
