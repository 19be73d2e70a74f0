import { expect, test } from 'vitest';
import { CpuSet } from '../../../model/cpu-set.ts';
import { ProfileLibrary } from '../../../tuner/profile/library.ts';
import { LOCAL } from '../profile/fixtures.ts';
import { planOn, type ReadHost, readScenario, wantedOf } from './planned.ts';

/** Two cells of 4 cores with SMT, 0-3,8-11 and 4-7,12-15, whose control group of VMs has these CPUs. */
async function hostWith(vmCpus: string, isolatedCpus = ''): Promise<ReadHost> {
  const read = await readScenario({
    name: 'partitioned',
    description: '',
    host: { sockets: 2, coresPerSocket: 4, memoryGiB: 64, hugepages: { 2048: 4_096 } },
    vms: [
      { name: 'pg', workload: 'oltp', vcpus: 2, memoryMiB: 1_024, disks: [{ target: 'vda', sizeGiB: 9 }] },
    ],
  });
  const local = {
    ...LOCAL,
    vmCpus: CpuSet.parse(vmCpus),
    isolatedCpus: CpuSet.parse(isolatedCpus),
  };
  return { ...read, host: { ...read.host, local } };
}

const OLTP = { pg: ProfileLibrary.open([]).get('oltp-database') };

function cpusOf(pins: readonly Record<string, string | undefined>[]): CpuSet {
  const lists = pins.flatMap((each) => Object.values(each));
  return lists.reduce((all, list) => all.union(CpuSet.parse(list ?? '')), CpuSet.empty);
}

test('no vCPU, emulator or iothread gets a CPU that a partition beside the VMs has taken', async () => {
  const plan = await planOn(await hostWith('5-7,13-15'), OLTP);
  expect(plan.placement.refusals).toEqual([]);
  const cpus = cpusOf(['vcpupin', 'emulatorpin', 'iothreadpin'].map((id) => wantedOf(plan, 'pg', id)));
  expect(cpus.isSubsetOf(CpuSet.parse('5-7,13-15'))).toBe(true);
  expect(plan.sharing?.after.idleCpus.isSubsetOf(CpuSet.parse('5-7,13-15'))).toBe(true);
});

test('CPUs that VMs may not have can be kept for the host all the same', async () => {
  const plan = await planOn(await hostWith('4-7,12-15'), OLTP, { hostCpus: CpuSet.parse('0-1,4') });
  expect(plan.placement.refusals).toEqual([]);
  const cpus = cpusOf([wantedOf(plan, 'pg', 'vcpupin')]);
  expect(cpus.isSubsetOf(CpuSet.parse('5-7,12-15'))).toBe(true);
});

test('a VM that is wider than what VMs may have is refused, and not placed beyond it', async () => {
  const plan = await planOn(await hostWith('7'), OLTP);
  expect(plan.placement.refusals).toMatchObject([{ guest: 'pg' }]);
});

test('isolated CPUs that VMs may have come first, as before', async () => {
  const plan = await planOn(await hostWith('0-15', '5,13'), OLTP);
  expect(cpusOf([wantedOf(plan, 'pg', 'vcpupin')]).toString()).toBe('5,13');
});
