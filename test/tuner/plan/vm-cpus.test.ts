import { expect, test } from 'vitest';
import { CpuSet } from '../../../model/cpu-set.ts';
import { parseDomain } from '../../../model/domain/domain.ts';
import { parseXml } from '../../../model/xml.ts';
import type { DomainState, DomainView } from '../../../tuner/facts/facts.ts';
import type { VmCpusets } from '../../../tuner/facts/vm-cpusets.ts';
import { violationsOf } from '../../../tuner/invariants/violations.ts';
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

const OLTP = { pg: (await ProfileLibrary.open([])).get('oltp-database') };

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

test('CPUs that VMs may not have can still be reserved for the host', async () => {
  const plan = await planOn(await hostWith('4-7,12-15'), OLTP, { hostCpus: CpuSet.parse('0-1,4') });
  expect(plan.placement.refusals).toEqual([]);
  const cpus = cpusOf([wantedOf(plan, 'pg', 'vcpupin')]);
  expect(cpus.isSubsetOf(CpuSet.parse('5-7,12-15'))).toBe(true);
});

test('a VM that is wider than what VMs may have is refused, and not placed beyond it', async () => {
  const plan = await planOn(await hostWith('7'), OLTP);
  expect(plan.placement.refusals).toMatchObject([{ guest: 'pg' }]);
});

test('isolated CPUs available to VMs come first, as before', async () => {
  const plan = await planOn(await hostWith('0-15', '5,13'), OLTP);
  expect(cpusOf([wantedOf(plan, 'pg', 'vcpupin')]).toString()).toBe('5,13');
});

/** The same host, where VMs may only use memory of these cells; both cells have pages of 2 MiB. */
async function hostWithMemory(cells: string, vmCpus = '0-15'): Promise<ReadHost> {
  const read = await hostWith(vmCpus);
  const local = {
    ...read.host.local,
    ...LOCAL,
    vmCpus: CpuSet.parse(vmCpus),
    vmMemoryCells: CpuSet.parse(cells),
  };
  return { ...read, host: { ...read.host, local } };
}

test.each([
  ['dedicated CPUs', 'oltp-database', 'vcpupin'],
  ['shared CPUs', 'balanced', 'vcpupin'],
])('a VM with %s goes to the cell that it may have memory of', async (_, profile, pins) => {
  for (const [cell, cpus] of [
    ['0', '0-3,8-11'],
    ['1', '4-7,12-15'],
  ] as const) {
    const plan = await planOn(await hostWithMemory(cell), {
      pg: (await ProfileLibrary.open([])).get(profile),
    });
    expect(plan.placement.refusals).toEqual([]);
    expect(cpusOf([wantedOf(plan, 'pg', pins)]).isSubsetOf(CpuSet.parse(cpus))).toBe(true);
    expect(wantedOf(plan, 'pg', 'numatune.nodeset')).toEqual({ '': cell });
  }
});

test('where CPUs and memory that VMs may have are in different cells, a plan is refused and says why', async () => {
  const plan = await planOn(await hostWithMemory('0', '4-7,12-15'), OLTP);
  expect(plan.placement.refusals).toMatchObject([
    { guest: 'pg', code: 'NO_CELL', text: expect.stringMatching(/memory of cells 0 only.*cpuset\.mems/) },
  ]);
});

test('huge pages of a cell that VMs may not use do not count, and the refusal says which cell', async () => {
  const read = await hostWithMemory('0');
  const cells = read.host.cells.map((cell) => ({
    ...cell,
    pages: cell.pages.map((pool) => ({ ...pool, free: cell.id === 0 ? 0 : pool.free })),
  }));
  const plan = await planOn({ ...read, host: { ...read.host, cells } }, OLTP, { withHost: false });
  expect(plan.placement.refusals).toMatchObject([
    {
      code: 'NO_PAGES',
      text: expect.stringMatching(
        /cell 0 has 0 free pages.*its control group does not allow memory of cell 1/,
      ),
    },
  ]);
});

test.each([
  ['1', true],
  ['0-1', false],
  ['0', false],
])(
  'memory that is bound by hand to cell %s, where VMs may have that of cell 0, is a danger: %s',
  async (nodeset, isBad) => {
    const { host, domains } = await hostWithMemory('0');
    const byHand = `<numatune><memory mode='strict' nodeset='${nodeset}'/></numatune>`;
    const { root, facts } = changed(domains[0] as DomainState, byHand).inactive as DomainView;
    const codes = violationsOf({ root, facts, host, hostCpus: undefined, others: [] }, undefined).map(
      ({ code }) => code,
    );
    expect(codes.includes('CELL_NOT_FOR_VMS')).toBe(isBad);
  },
);

test.each([
  ['5,13', true],
  ['5-6,13-14', false],
])(
  'an emulator without a pin, of a VM with real-time vCPUs on CPUs 5 and 13 where VMs may use %s, is in their way: %s',
  async (vmCpus, isBad) => {
    const { host, domains } = await hostWith(vmCpus);
    const pins = [5, 13].map((cpu, vcpu) => `<vcpupin vcpu='${vcpu}' cpuset='${cpu}'/>`).join('');
    const byHand = `<cputune>${pins}<vcpusched vcpus='0-1' scheduler='fifo' priority='1'/></cputune>`;
    const { root, facts } = changed(domains[0] as DomainState, byHand).inactive as DomainView;
    const codes = violationsOf({ root, facts, host, hostCpus: undefined, others: [] }, undefined).map(
      ({ code }) => code,
    );
    expect(codes.includes('REAL_TIME_HELPERS')).toBe(isBad);
  },
);

/** Adds this to both the definition and the live XML of a state. */
function changed(state: DomainState, more: string): DomainState {
  const view = (xml: string | undefined) => {
    const text = xml?.replace('<os>', `${more}<os>`) ?? '';
    return { xml: text, root: parseXml('a domain', text, 'domain'), facts: parseDomain(text) };
  };
  return {
    ...state,
    live: state.live && view(state.live.xml),
    inactive: state.inactive && view(state.inactive.xml),
  };
}

const set = (cpus: string, cells: string) => ({ cpus: CpuSet.parse(cpus), memoryCells: CpuSet.parse(cells) });
const CPUSETS: VmCpusets = new Map([
  ['machine.slice', set('0-3,8-11', '0')],
  ['machine.slice/machine-prod.slice', set('4-7,12-15', '1')],
]);

test('the cpuset of a VM’s own partition limits it, not that of machine.slice; VMs of both are placed in one plan', async () => {
  const read = await readScenario({
    name: 'two slices',
    description: '',
    host: { sockets: 2, coresPerSocket: 4, memoryGiB: 64, hugepages: { 2048: 4_096 } },
    vms: ['pg', 'prod'].map((name) => ({
      name,
      workload: 'oltp' as const,
      vcpus: 2,
      memoryMiB: 1_024,
      disks: [{ target: 'vda', sizeGiB: 9 }],
    })),
  });
  const local = {
    ...LOCAL,
    isolatedCpus: CpuSet.empty,
    allIsolatedCpus: CpuSet.parse('5,13'),
    vmCpus: CpuSet.parse('0-3,8-11'),
    vmMemoryCells: CpuSet.parse('0'),
    cpusets: CPUSETS,
  };
  const domains = read.domains.map((state) =>
    state.domain.name === 'prod'
      ? changed(state, '<resource><partition>/machine/prod</partition></resource>')
      : state,
  );
  const oltp = (await ProfileLibrary.open([])).get('oltp-database');
  const plan = await planOn({ host: { ...read.host, local }, domains }, { pg: oltp, prod: oltp });
  expect(plan.placement.refusals).toEqual([]);
  const at = (name: string): CpuSet => cpusOf([wantedOf(plan, name, 'vcpupin')]);
  expect(at('pg').isSubsetOf(CpuSet.parse('0-3,8-11'))).toBe(true);
  // The isolated CPUs of its partition, which no other VM may use.
  expect(at('prod').toString()).toBe('5,13');
  expect(wantedOf(plan, 'pg', 'numatune.nodeset')).toEqual({ '': '0' });
  expect(wantedOf(plan, 'prod', 'numatune.nodeset')).toEqual({ '': '1' });
});
