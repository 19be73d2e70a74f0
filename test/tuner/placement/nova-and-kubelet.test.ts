import { expect, test } from 'vitest';
import { CpuSet } from '../../../model/cpu-set.ts';
import { place } from '../../../tuner/placement/policy.ts';
import type { Core, PlacementHost, PlacementRequest, ThreadPolicy } from '../../../tuner/placement/types.ts';
import { MIB } from './hosts.ts';
import { dedicated, inCells, range, sharing } from './requests.ts';

/** A host in the terms of Nova's and kubelet's own tests: sibling sets of each cell, and CPUs in use. */
function hostOf(
  cells: readonly (readonly string[])[],
  used = '',
  { freeMiB = 65_536, housekeeping = '' } = {},
): PlacementHost {
  const kept = CpuSet.parse(housekeeping);
  const cores = cells.flatMap((siblings, cell) =>
    siblings.flatMap((set): Core[] => {
      const all = [...CpuSet.parse(set)];
      const cpus = all.filter((cpu) => !kept.has(cpu));
      return cpus.length === 0
        ? []
        : [{ cell, die: `${cell}/0`, cache: `L3 ${cell}`, cpus, threads: all.length, isolated: false }];
    }),
  );
  return {
    cores,
    cells: cells.map((siblings, id) => ({
      id,
      freeKiB: freeMiB * MIB,
      freePages: new Map(),
      distances: new Map(),
      housekeeping: CpuSet.of(siblings.flatMap((set) => [...CpuSet.parse(set)])).intersection(kept),
      floatingVcpus: 0,
    })),
    isolated: CpuSet.empty,
    taken: new Map([...CpuSet.parse(used)].map((cpu) => [cpu, [{ guest: 'other', by: 'vcpus' }]])),
    floaters: [],
    floatingPages: new Map(),
  };
}

const noSmt = (cpus: string): string[] => [...CpuSet.parse(cpus)].map(String);

/** The CPUs of vCPU 0, 1, ...; undefined when refused. */
const pinned = (host: PlacementHost, request: PlacementRequest): string | undefined =>
  place(host, [request])
    .assignments.find(({ guest }) => guest === request.guest)
    ?.vcpus.join(',');

const vm = (vcpus: number, memoryMiB: number, threads: ThreadPolicy = 'prefer') =>
  dedicated('vm', vcpus, { threads, cells: [{ vcpus: range(0, vcpus), memoryKiB: memoryMiB * MIB }] });

/**
 * nova/tests/unit/virt/test_hardware.py, CPUPinningCellTestCase, by the names of its tests; where Nova's test states
 * which CPU each vCPU gets, so does ours.
 */
test.each<[string, PlacementHost, PlacementRequest, string | undefined]>([
  ['inst_too_large_cpu', hostOf([noSmt('0-2')]), vm(4, 2_048), undefined],
  ['inst_too_large_mem', hostOf([noSmt('0-2')], '', { freeMiB: 1_024 }), vm(3, 2_048), undefined],
  ['inst_not_avail', hostOf([noSmt('0-3')], '0'), vm(4, 2_048), undefined],
  ['no_sibling_fits_empty', hostOf([noSmt('0-2')]), vm(3, 2_048), '0,1,2'],
  ['no_sibling_fits_w_usage', hostOf([noSmt('0-3')], '1'), vm(3, 1_024), '0,2,3'],
  ['instance_siblings_fits', hostOf([noSmt('0-3')]), vm(4, 2_048), '0,1,2,3'],
  ['instance_siblings_host_siblings_fits_empty', hostOf([['0-1', '2-3']]), vm(4, 2_048), '0,1,2,3'],
  [
    'instance_siblings_host_siblings_fits_empty_2',
    hostOf([['0-1', '2-3', '4-5', '6-7']]),
    vm(8, 2_048),
    '0,1,2,3,4,5,6,7',
  ],
  [
    'instance_siblings_host_siblings_fits_w_usage',
    hostOf([['0-3', '4-7']], '1,2,5,6'),
    vm(4, 2_048),
    '0,3,4,7',
  ],
  ['host_siblings_fit_single_core', hostOf([['0-3', '4-7']]), vm(4, 2_048), '0,1,2,3'],
  ['require_policy_no_siblings', hostOf([noSmt('0-7')]), vm(4, 2_048, 'require'), undefined],
  [
    'require_policy_too_few_siblings',
    hostOf([['0,4', '1,5', '2,6', '3,7']], '0-2'),
    vm(4, 2_048, 'require'),
    undefined,
  ],
  ['require_policy_fits', hostOf([['0-1', '2-3']]), vm(4, 2_048, 'require'), '0,1,2,3'],
  [
    'require_policy_fits_w_usage',
    hostOf([['0,4', '1,5', '2,6', '3,7']], '0-1'),
    vm(4, 2_048, 'require'),
    '2,6,3,7',
  ],
  ['host_siblings_instance_odd_fit', hostOf([['0-1', '2-3', '4-5', '6-7']]), vm(5, 2_048), '0,1,2,3,4'],
  ['host_siblings_instance_fit_optimize_threads', hostOf([['0-3', '4-7']]), vm(6, 2_048), '0,1,2,3,4,5'],
  [
    'host_siblings_instance_odd_fit_w_usage',
    hostOf([['0-1', '2-3', '4-5', '6-7']], '0,2,5'),
    vm(3, 2_048),
    '6,7,1',
  ],
  [
    'host_siblings_instance_mixed_siblings',
    hostOf([['0-1', '2-3', '4-5', '6-7']], '0-2,5'),
    vm(4, 2_048),
    '6,7,3,4',
  ],
  [
    'host_siblings_instance_odd_fit_orphan_only',
    hostOf([['0-1', '2-3', '4-5', '6-7']], '0,2,5,6'),
    vm(4, 2_048),
    '1,3,4,7',
  ],
  [
    'isolate_policy_too_few_fully_free_cores',
    hostOf([['0-1', '2-3']], '1'),
    vm(2, 2_048, 'isolate'),
    undefined,
  ],
  ['isolate_policy_no_fully_free_cores', hostOf([['0-1', '2-3']], '1-2'), vm(2, 2_048, 'isolate'), undefined],
  ['isolate_policy_fits', hostOf([noSmt('0-3')]), vm(2, 2_048, 'isolate'), '0,1'],
  ['isolate_policy_fits_ht_host', hostOf([['0-1', '2-3']]), vm(2, 2_048, 'isolate'), '0,2'],
  [
    'isolate_policy_fits_w_usage',
    hostOf([['0,4', '1,5', '2,6', '3,7']], '0-1'),
    vm(2, 2_048, 'isolate'),
    '2,3',
  ],
])('Nova: test_get_pinning_%s', (_, host, request, cpus) => {
  expect(pinned(host, request)).toBe(cpus);
});

/** The same file, CPUPinningTestCase: guest cells onto host cells. */
test.each<[string, PlacementHost, readonly number[], readonly number[] | undefined]>([
  ['single_cell_w_usage', hostOf([noSmt('0-1'), noSmt('2-3')], '0'), [2], [1]],
  ['single_cell_fail', hostOf([noSmt('0-1'), noSmt('2-3')], '0,2'), [2], undefined],
  ['fit', hostOf([noSmt('0-3'), noSmt('4-7')]), [2, 2], [0, 1]],
  ['barely_fit', hostOf([noSmt('0-3'), noSmt('4-7'), noSmt('8-11')], '0,4-6,10-11'), [2, 2], [0, 2]],
  ['fail_capacity', hostOf([noSmt('0-3'), noSmt('4-7')], '0,4-6'), [2, 2], undefined],
  ['fail_topology', hostOf([noSmt('0-3'), noSmt('4-7')]), [2, 2, 2], undefined],
])('Nova: test_host_numa_fit_instance_to_host_%s', (_, host, cells, expected) => {
  expect(place(host, [inCells('vm', cells)]).assignments[0]?.cells).toEqual(expected);
});

/** doc/source/admin/cpu-topologies.rst, "hw:cpu_thread_policy" and "Customizing instance emulator thread pinning". */
test('Nova: with isolate no vCPU of another guest is placed on the same core', () => {
  const host = hostOf([['0,4', '1,5', '2,6', '3,7']]);
  const asked = [dedicated('alone', 2, { threads: 'isolate' }), dedicated('other', 4)];
  expect(place(host, asked).assignments.map(({ vcpus }) => vcpus.join())).toEqual(['0,1', '2,6,3,7']);
  expect(place(host, [asked[0] as PlacementRequest, dedicated('other', 5)]).refusals).toHaveLength(1);
});

test.each([
  ['share, with a shared set: on that', '0-1', 0, '0-1'],
  ['share, without: on the CPUs of the instance', '', 0, '0-1'],
  ['isolate: on one CPU apart from those of the instance', '', 1, '2'],
])('Nova: emulator threads, %s', (_, housekeeping, emulatorCpus, emulator) => {
  const host = hostOf([noSmt('0-7')], '', { housekeeping });
  const [assignment] = place(host, [dedicated('vm', 2, { emulatorCpus })]).assignments;
  expect(assignment?.emulator.toString()).toBe(emulator);
});

/** The same document: 24 cores with two threads, the first one for the host, 2-17 dedicated and 18-47 shared. */
test('Nova: a host in three parts', () => {
  const siblings = Array.from({ length: 24 }, (_, core) => `${core * 2}-${core * 2 + 1}`);
  const host = hostOf([siblings], '', { housekeeping: '0-1' });
  const [own, shares] = place(host, [dedicated('pinned', 16), sharing('shared', 8)]).assignments;
  expect([own?.vcpus.join(), shares?.vcpus[0]?.toString()]).toEqual([
    '2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17',
    '18-47',
  ]);
});

/** pkg/kubelet/cm/cpumanager/policy_test.go: its topologies, by their names. */
const singleSocketHT = [['0,4', '1,5', '2,6', '3,7']];
const dualSocketHT = [
  ['0,6', '2,8', '4,10'],
  ['1,7', '3,9', '5,11'],
];
const dualSocketMultiNumaPerSocketHT = [0, 1, 2, 3].map((cell) =>
  Array.from({ length: 10 }, (_, core) => `${cell * 10 + core},${cell * 10 + core + 40}`),
);
const except = (all: string, available: string): string =>
  CpuSet.parse(all).difference(CpuSet.parse(available)).toString();

interface KubeletCase {
  readonly what: string;
  readonly cells: readonly (readonly string[])[];
  readonly used: string;
  readonly vcpus: readonly number[];
  readonly kubelet: string | undefined;
  /** Where virtune differs, and why. */
  readonly ours?: string | undefined;
  readonly because?: string;
}

/** pkg/kubelet/cm/cpumanager/cpu_assignment_test.go, by the descriptions of its cases. */
const KUBELET: readonly KubeletCase[] = [
  {
    what: 'take more cpus than are available from single socket with HT',
    cells: singleSocketHT,
    used: except('0-7', '0,2,4,6'),
    vcpus: [5],
    kubelet: undefined,
  },
  {
    what: 'take one cpu from single socket with HT',
    cells: singleSocketHT,
    used: '',
    vcpus: [1],
    kubelet: '0',
  },
  {
    what: 'take one cpu from single socket with HT, some cpus are taken',
    cells: singleSocketHT,
    used: except('0-7', '1,3,5,6,7'),
    vcpus: [1],
    kubelet: '6',
    ours: '1',
    because: 'a VM alone on a core has no noisy neighbour; single threads are for when no core is left',
  },
  {
    what: 'take two cpus from single socket with HT',
    cells: singleSocketHT,
    used: '',
    vcpus: [2],
    kubelet: '0,4',
  },
  {
    what: 'take all cpus from single socket with HT',
    cells: singleSocketHT,
    used: '',
    vcpus: [8],
    kubelet: '0-7',
  },
  {
    what: 'take two cpus from single socket with HT, only one core totally free',
    cells: singleSocketHT,
    used: except('0-7', '0-3,6'),
    vcpus: [2],
    kubelet: '2,6',
  },
  {
    what: 'take one cpu from dual socket with HT - core from Socket 0',
    cells: dualSocketHT,
    used: except('0-11', '1-5,7-11'),
    vcpus: [1],
    kubelet: '2',
  },
  {
    what: 'take a socket of cpus from dual socket with HT',
    cells: dualSocketHT,
    used: '',
    vcpus: [6],
    kubelet: '0,2,4,6,8,10',
  },
  {
    what: 'take a NUMA node of cpus from dual socket with multi-numa-per-socket with HT',
    cells: dualSocketMultiNumaPerSocketHT,
    used: '',
    vcpus: [20],
    kubelet: '0-9,40-49',
  },
  {
    what: 'take a NUMA node of cpus [...], with 1 NUMA node already taken',
    cells: dualSocketMultiNumaPerSocketHT,
    used: except('0-79', '10-39,50-79'),
    vcpus: [20],
    kubelet: '10-19,50-59',
  },
  {
    what: 'take a socket of cpus from dual socket with multi-numa-per-socket with HT',
    cells: dualSocketMultiNumaPerSocketHT,
    used: '',
    vcpus: [40],
    kubelet: '0-19,40-59',
    ours: undefined,
    because: 'vCPUs of one guest cell never lie in two host cells: the guest could not know',
  },
  {
    what: 'the same with a guest cell for each NUMA node',
    cells: dualSocketMultiNumaPerSocketHT,
    used: '',
    vcpus: [20, 20],
    kubelet: '0-19,40-59',
  },
  {
    what: 'allocate 4 full cores with 2 distributed across each NUMA node',
    cells: dualSocketHT,
    used: '',
    vcpus: [4, 4],
    kubelet: '0-3,6-9',
  },
  {
    what: 'allocate 24 full cores with 8 distributed across the last 3 NUMA nodes (no room on the first NUMA node to distribute)',
    cells: dualSocketMultiNumaPerSocketHT,
    used: except('0-79', '3-39,43-79'),
    vcpus: [16, 16, 16],
    kubelet: '10-17,20-27,30-37,50-57,60-67,70-77',
  },
];

test.each(KUBELET)('kubelet: $what', ({ cells, used, vcpus, kubelet, ours, because }) => {
  const [assignment] = place(hostOf(cells, used), [inCells('vm', vcpus)]).assignments;
  const cpus = assignment && CpuSet.of(assignment.vcpus.flatMap((set) => [...set])).toString();
  expect(cpus).toBe(because === undefined ? kubelet && CpuSet.parse(kubelet).toString() : ours);
});

/** kubernetes.io, "Node resource managers", options of the static policy. */
test('kubelet: full-pcpus-only admits whole cores only; require does too, and leaves the odd sibling idle', () => {
  const host = hostOf(singleSocketHT, '0-2');
  expect(pinned(host, dedicated('vm', 2, { threads: 'require' }))).toBe('3,7');
  expect(pinned(host, dedicated('vm', 4, { threads: 'require' }))).toBe(undefined);
  const odd = place(host, [dedicated('odd', 1, { threads: 'require' }), dedicated('other', 4)]);
  expect(odd.refusals.map(({ guest }) => guest)).toEqual(['other']);
});
