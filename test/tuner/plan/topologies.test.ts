import { expect, test } from 'vitest';
import { CpuSet } from '../../../model/cpu-set.ts';
import type { ScenarioInput } from '../../../simulator/scenario.ts';
import { ProfileLibrary } from '../../../tuner/profile/library.ts';
import type { Profile } from '../../../tuner/profile/profile.ts';
import { planOn, readScenario, wantedOf } from './planned.ts';

const library = await ProfileLibrary.open([]);

/** A profile with some knobs changed. */
function changed(name: string, values: Readonly<Record<string, unknown>>): Profile {
  const profile = library.get(name);
  const knobs = new Map(profile.knobs);
  for (const [id, value] of Object.entries(values)) knobs.set(id, [{ value, why: '', source: 'a test' }]);
  return { ...profile, knobs };
}

/** No dedicated CPUs for emulator and iothreads. */
const SMALL = { 'emulator.cpus': 0, 'iothread.cpus': 0 };

const oneVm = (host: ScenarioInput['host'], vcpus: number, memoryGiB = 1): ScenarioInput => ({
  name: 'one',
  description: '',
  host,
  vms: [
    {
      name: 'pg',
      workload: 'oltp',
      vcpus,
      memoryMiB: memoryGiB * 1_024,
      disks: [{ target: 'vda', sizeGiB: 50 }],
    },
  ],
});

test('two CPUs: the vCPU has one, the host, the emulator and the iothread the other', async () => {
  const read = await readScenario(
    oneVm({ sockets: 1, coresPerSocket: 2, threadsPerCore: 1, memoryGiB: 8, hugepages: { 2048: 1_024 } }, 1),
  );
  const plan = await planOn(read, { pg: changed('oltp-database', SMALL) });
  expect(plan.placement.refusals).toEqual([]);
  expect(wantedOf(plan, 'pg', 'vcpupin')).toEqual({ 0: '1' });
  expect(wantedOf(plan, 'pg', 'emulatorpin')).toEqual({ '': '0' });
  expect(wantedOf(plan, 'pg', 'iothreadpin')).toEqual({ 1: '0' });
  expect(wantedOf(plan, 'pg', 'kvm.hint-dedicated')).toEqual({ '': 'on' });
});

test('two CPUs and two vCPUs: refused, as no CPU would be left for the host', async () => {
  const read = await readScenario(
    oneVm({ sockets: 1, coresPerSocket: 2, threadsPerCore: 1, memoryGiB: 8, hugepages: { 2048: 1_024 } }, 2),
  );
  const plan = await planOn(read, { pg: changed('oltp-database', SMALL) });
  expect(plan.placement.refusals).toMatchObject([{ code: 'WIDER_THAN_HOST' }]);
});

test('where no CPU is reserved for the host, a guest does not get the hint that its CPUs are dedicated', async () => {
  const read = await readScenario(
    oneVm({ sockets: 1, coresPerSocket: 2, threadsPerCore: 1, memoryGiB: 8, hugepages: { 2048: 1_024 } }, 1),
  );
  const plan = await planOn(read, { pg: changed('oltp-database', SMALL) }, { hostCpus: CpuSet.empty });
  expect(wantedOf(plan, 'pg', 'kvm.hint-dedicated')).toEqual({ '': 'not here: HINT_SHARED_CPUS' });
});

const SMALL_HOST = { sockets: 1, threadsPerCore: 1, memoryGiB: 8, hugepages: { 2048: 1_024 } } as const;

test.each([
  ['two CPUs, none reserved', { ...SMALL_HOST, coresPerSocket: 2 }, { hostCpus: CpuSet.empty }],
  ['one core with two threads', { ...SMALL_HOST, coresPerSocket: 1, threadsPerCore: 2 }, {}],
] as const)(
  'a guest with all CPUs of its host does not get the hint that they are dedicated: %s',
  async (_, host, options) => {
    const plan = await planOn(
      await readScenario(oneVm(host, 2)),
      { pg: changed('oltp-database', SMALL) },
      options,
    );
    expect(plan.placement.refusals).toEqual([]);
    expect(wantedOf(plan, 'pg', 'vcpupin')).toEqual({ 0: '0', 1: '1' });
    expect(wantedOf(plan, 'pg', 'kvm.hint-dedicated')).toEqual({ '': 'not here: HINT_SHARED_CPUS' });
  },
);

test('emulator threads that are not pinned and have other CPUs too do not take the hint away', async () => {
  const read = await readScenario(oneVm({ ...SMALL_HOST, coresPerSocket: 4 }, 2));
  const floating = { ...SMALL, 'emulator.pinning': 'none' };
  const plan = await planOn(read, { pg: changed('oltp-database', floating) });
  expect(wantedOf(plan, 'pg', 'emulatorpin')).toEqual({});
  expect(wantedOf(plan, 'pg', 'kvm.hint-dedicated')).toEqual({ '': 'on' });
});

const SMT = { sockets: 2, coresPerSocket: 8, memoryGiB: 256 } as const;
const SNC = { sockets: 2, coresPerSocket: 8, cellsPerSocket: 2, memoryGiB: 256 } as const;

test.each([
  ['two sockets with SMT: 14 vCPUs fit into a cell of 16 threads of which the host keeps 2', SMT, 14, {}, []],
  ['two sockets with SMT: 16 vCPUs do not, and get two cells', SMT, 16, {}, ['0-7', '8-15']],
  ['offline CPUs do not count', { ...SMT, offlineCpus: '6-7,22-23,14-15,30-31' }, 12, {}, ['0-5', '6-11']],
  ['CPUs that a user reserves for the host do not count', SMT, 14, { hostCpus: '0-1,16-17' }, []],
  [
    'what is kept in both cells does not count',
    SMT,
    14,
    { hostCpus: '0-1,16-17,8-9,24-25' },
    ['0-6', '7-13'],
  ],
  ['sub-NUMA clusters: four cells where two are too small', SNC, 24, {}, ['0-5', '6-11', '12-17', '18-23']],
  ['sub-NUMA clusters: three where four are not needed', SNC, 18, {}, ['0-5', '6-11', '12-17']],
  ['one vCPU for each core: cores count, not threads', SMT, 8, { 'cpu.threads': 'isolate' }, ['0-3', '4-7']],
] as const)('guest cells: %s', async (_, host, vcpus, more, cells) => {
  const read = await readScenario(oneVm(host, vcpus, 24));
  const { hostCpus, ...values } = more as { hostCpus?: string };
  const plan = await planOn(
    read,
    { pg: changed('oltp-database', { ...SMALL, ...values }) },
    hostCpus === undefined ? {} : { hostCpus: CpuSet.parse(hostCpus) },
  );
  expect(plan.placement.refusals).toEqual([]);
  const text = wantedOf(plan, 'pg', 'numa.cells')[''] ?? '';
  expect(text.match(/[\d-]+(?= \d+ [GM]iB)/g) ?? []).toEqual(cells);
});
