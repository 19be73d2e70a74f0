import { expect, test } from 'vitest';
import type { Advice } from '../../../advice/advice.ts';
import { advise } from '../../../advice/engine.ts';
import type { ObservedVm } from '../../../advice/observation.ts';
import { Series } from '../../../advice/series.ts';
import { every, hostOf, type MadeVm, vmOf } from '../made-host.ts';

const quotaAdvice = (...vms: ObservedVm[]): Advice | undefined =>
  advise(hostOf(vms), { minSamples: 5 }).find(({ kind }) => kind === 'cpu-quota');
const commandsOf = (advice: Advice | undefined): string[] =>
  (advice?.remedies ?? []).flatMap(({ steps }) => steps.map(({ argv }) => argv.slice(1).join(' ')));
const held = (
  name: string,
  places: MadeVm['places'],
  quota: { readonly vcpuCpus?: number; readonly globalCpus?: number },
) =>
  vmOf(name, {
    places,
    quota: { vcpuPeriodUs: 100_000, globalPeriodUs: 100_000, ...quota },
    throttled: every(0.9),
  });

test('of two quotas of a VM, the one that already allows what it asks for stays as it is', () => {
  const places = [{ vcpus: 4, run: 2, delay: 0.4 }];
  // Its demand plus a quarter is three CPUs: 0.75 for each vCPU.
  expect(commandsOf(quotaAdvice(held('a', places, { vcpuCpus: 0.9, globalCpus: 2 })))).toEqual([
    'schedinfo a --set global_quota=330000 --live --config',
  ]);
  expect(commandsOf(quotaAdvice(held('b', places, { vcpuCpus: 0.5, globalCpus: 3.5 })))).toEqual([
    'schedinfo b --set vcpu_quota=75000 --live --config',
  ]);
  expect(commandsOf(quotaAdvice(held('c', places, { vcpuCpus: 0.5, globalCpus: 2 })))).toHaveLength(2);
  // A vCPU is a single thread, which a quota of more than one CPU does not limit.
  expect(
    commandsOf(quotaAdvice(held('d', [{ vcpus: 4, run: 2, delay: 2 }], { vcpuCpus: 1.5, globalCpus: 2 }))),
  ).toEqual(['schedinfo d --set global_quota=440000 --live --config']);
});

test('a quota above what a VM asks for on average is not lowered, also beside a VM whose quota is raised', () => {
  // One of its vCPUs is busy and limited by the quota of each vCPU.
  const uneven = held('uneven', [{ vcpus: 4, run: 0.7, delay: 0.4 }], { vcpuCpus: 0.5 });
  const alone = quotaAdvice(uneven);
  expect(alone).toMatchObject({
    cause:
      'uneven has a demand of 1.10 CPUs, and its quota allows 2.00, 0.50 to each vCPU: in bursts or on single vCPUs it asks for more',
    remedies: [{ change: expect.stringContaining('keep') }],
  });
  // Its demand plus a quarter exceeds the quota, which nevertheless allows the demand.
  expect(
    commandsOf(quotaAdvice(held('bursts', [{ vcpus: 4, run: 0.7, delay: 0.4 }], { vcpuCpus: 0.3 }))),
  ).toEqual([]);
  const capped = held('capped', [{ vcpus: 2, run: 0.4, delay: 0.6 }], { vcpuCpus: 0.2 });
  const both = quotaAdvice(uneven, capped);
  expect(both?.victims).toHaveLength(2);
  expect(both?.remedies[0]?.change).toMatch(/^raise the quota of capped to its demand plus 25 %/);
  expect(commandsOf(both)).toEqual(['schedinfo capped --set vcpu_quota=62500 --live --config']);
});

test('of vCPUs with different pins, the one that asks for most decides the quota of each', () => {
  const places = [
    { vcpus: 1, pins: '0', run: 0.45, delay: 0.25 },
    { vcpus: 3, pins: '1-3', run: 0.2 },
  ];
  const steal = { steal: every(0.06) };
  // 0.7 plus a quarter; the mean of all vCPUs is 0.23.
  expect(commandsOf(quotaAdvice({ ...held('hot', places, { vcpuCpus: 0.5 }), ...steal }))).toEqual([
    'schedinfo hot --set vcpu_quota=87500 --live --config',
  ]);
});

test('on a host without CPUs for all that are throttled, those with most steal are raised as far as there is room', () => {
  const of = (name: string, run: number) =>
    held(name, [{ vcpus: 4, run, delay: 2 - run }], { vcpuCpus: run / 4 });
  const other = vmOf('other', { places: [{ vcpus: 8, run: 4.5 }] });
  const found = quotaAdvice(of('mild', 0.6), of('worst', 0.5), other);
  expect(found?.victims).toHaveLength(2);
  // With 2 CPUs each, the demand would be 8.5 of 8 CPUs.
  expect(found?.remedies[0]?.change).toMatch(/^raise the quota of worst to its demand plus 25 %/);
  expect(commandsOf(found)).toEqual(['schedinfo worst --set vcpu_quota=62500 --live --config']);
});

test('all VMs that are throttled are raised together where the host has the CPUs, however many they are', () => {
  const vms = Array.from({ length: 25 }, (_, index) =>
    held(`capped-${index}`, [{ vcpus: 1, run: 0.2, delay: 0.2 }], { vcpuCpus: 0.2 }),
  );
  const [found] = advise(hostOf(vms, { cpus: 32 }), { minSamples: 5 });
  expect(found?.remedies[0]?.change).toMatch(/^raise the quota to their demand plus 25 %/);
  expect(commandsOf(found)).toHaveLength(25);
});

test('CPU time of a VM whose QEMU does not answer is not there for others', () => {
  const capped = held('capped', [{ vcpus: 4, run: 0.5, delay: 1.5 }], { vcpuCpus: 0.125 });
  const hung = (usedCpus: number): ObservedVm => ({
    ...vmOf('hung', { places: [] }),
    runCpus: new Series(),
    delayCpus: new Series(),
    usedCpus: every(usedCpus),
  });
  expect(commandsOf(quotaAdvice(capped, hung(5)))).toHaveLength(1);
  expect(commandsOf(quotaAdvice(capped, hung(7)))).toEqual([]);
});
