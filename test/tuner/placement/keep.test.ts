import { expect, test } from 'vitest';
import { CpuSet } from '../../../model/cpu-set.ts';
import { place } from '../../../tuner/placement/policy.ts';
import type { Assignment, DedicatedRequest, PlacementRequest } from '../../../tuner/placement/types.ts';
import { HOSTS, hostOf, MIB } from './hosts.ts';
import { dedicated, inCells, placeAt, placementLine, sharing } from './requests.ts';

const placed = (
  guest: string,
  cell: number,
  cpus: readonly number[],
  wish: Partial<DedicatedRequest> = {},
): DedicatedRequest => dedicated(guest, cpus.length, { current: placeAt(guest, cell, cpus), ...wish });

const smtOff = hostOf(HOSTS.smtOff);

test('a VM that has a place keeps it, however much better another would be', () => {
  const asked = [placed('db01', 1, [15, 9])];
  const { assignments, moved } = place(smtOff, asked);
  expect([assignments.map(placementLine), moved]).toEqual([['db01: 15,9 of 1; 9,15; 9,15'], []]);
});

test('with rebalance the present place does not count', () => {
  const { assignments, moved } = place(smtOff, [placed('db01', 1, [15, 9])], { rebalance: true });
  expect([assignments.map(placementLine), moved]).toEqual([['db01: 0,1 of 0; 0-1; 0-1'], ['db01']]);
});

test('when one VM is added and there is room, the others stay and it takes what is left', () => {
  const { assignments, moved } = place(smtOff, [
    placed('a', 0, [1, 2]),
    placed('b', 1, [8, 12]),
    dedicated('new', 6),
  ]);
  expect(moved).toEqual([]);
  expect(assignments.map(placementLine).at(-1)).toBe('new: 0,3,4,5,6,7 of 0; 0,3-7; 0,3-7');
});

test('when there is room only if one moves, one moves: the one whose move does the least harm', () => {
  const { kind, assignments, moved } = place(smtOff, [
    placed('a', 0, [0, 1]),
    placed('b', 1, [8, 9]),
    placed('c', 1, [10, 11, 12]),
    dedicated('new', 8),
  ]);
  expect([kind, moved]).toEqual(['placed', ['a']]);
  expect(assignments.map(({ guest, cells }) => `${guest} ${cells}`)).toEqual(['a 1', 'b 1', 'c 1', 'new 0']);
});

test('a helper goes elsewhere before a VM does', () => {
  const emulator = { emulator: CpuSet.of([7]) };
  const current = placeAt('a', 0, [0, 1], emulator);
  const asked = [
    dedicated('a', 2, { emulatorCpus: 1, current }),
    placed('b', 1, [8, 9, 10]),
    dedicated('new', 6),
  ];
  const { assignments, moved } = place(smtOff, asked);
  expect(moved).toEqual([]);
  expect(assignments.map(placementLine)).toEqual([
    'a: 0,1 of 0; 11; 11',
    'b: 8,9,10 of 1; 8-10; 8-10',
    'new: 2,3,4,5,6,7 of 0; 2-7; 2-7',
  ]);
});

test.each<[string, PlacementRequest]>([
  ['two vCPUs are on one CPU', placed('db01', 0, [1, 1])],
  ['its CPUs are in two cells', placed('db01', 0, [1, 9])],
  ['another has one of its CPUs', placed('db01', 0, [0, 1])],
  ['it has more vCPUs now', { ...placed('db01', 0, [1, 2]), cells: dedicated('db01', 3).cells }],
  ['a CPU of its is none of the host’s', placed('db01', 0, [1, 99])],
  [
    'it shared a cell’s CPUs before',
    dedicated('db01', 2, { current: { ...placeAt('db01', 1, [9, 10]), kind: 'node' } }),
  ],
  ['its pages are in another cell', placed('db01', 0, [1, 2], { pageKiB: 2 * MIB })],
])('a VM moves when %s', (_, request) => {
  const host = {
    ...hostOf({ ...HOSTS.smtOff, pages: { [2 * MIB]: 2_048 } }),
    taken: new Map([[0, [{ guest: 'other', by: 'vcpus' as const }]]]),
  };
  const cells = host.cells.map((cell) =>
    cell.id === 0 ? { ...cell, freePages: new Map([[2 * MIB, 3]]) } : cell,
  );
  const { kind, moved } = place({ ...host, cells }, [request]);
  expect([kind, moved]).toEqual(['placed', ['db01']]);
});

test('a policy that its cores do not fit makes a VM move: siblings for isolate, half cores for require', () => {
  const laptop = hostOf(HOSTS.laptop);
  expect(place(laptop, [placed('a', 0, [0, 4], { threads: 'isolate' })]).moved).toEqual(['a']);
  expect(place(laptop, [placed('a', 0, [0, 1], { threads: 'isolate' })]).moved).toEqual([]);
  expect(place(laptop, [placed('a', 0, [0, 1], { threads: 'require' })]).moved).toEqual(['a']);
  expect(place(laptop, [placed('a', 0, [3, 7, 2], { threads: 'require' })]).moved).toEqual([]);
});

test('a VM that requires sibling threads does not stay on cores that have one thread', () => {
  const [refusal] = place(smtOff, [placed('a', 0, [0, 1], { threads: 'require' })]).refusals;
  expect(refusal?.code).toBe('NO_SMT');
});

test('two VMs that have one CPU between them: one stays', () => {
  const { moved, assignments } = place(smtOff, [placed('a', 0, [0, 1]), placed('b', 0, [1, 2])]);
  expect(moved).toHaveLength(1);
  expect(new Set(assignments.flatMap(({ vcpus }) => vcpus.map(String))).size).toBe(4);
});

test('guest cells stay on their host cells, whichever these are', () => {
  const current: Assignment = {
    ...placeAt('db01', 0, [8, 9, 0, 1]),
    cells: [1, 0],
    memoryCells: [1, 0],
  };
  const { assignments, moved } = place(smtOff, [inCells('db01', [2, 2], { current })]);
  expect([moved, assignments[0]?.cells, assignments[0]?.vcpus.join()]).toEqual([[], [1, 0], '8,9,0,1']);
});

test('a VM that shares stays in its cell, and its CPUs there are those that are left', () => {
  const cpus = CpuSet.parse('8-15');
  const current: Assignment = {
    ...placeAt('web', 1, []),
    kind: 'node',
    vcpus: [cpus, cpus],
    emulator: cpus,
    ioThreads: cpus,
  };
  const { assignments, moved } = place(smtOff, [sharing('web', 2, { current }), placed('db01', 1, [8, 9])]);
  expect(moved).toEqual([]);
  expect(assignments.map(placementLine)).toEqual([
    'web: shares 10-15 of 1; 10-15; 10-15',
    'db01: 8,9 of 1; 8-9; 8-9',
  ]);
});

test('more VMs than are tried in all combinations: helpers make room, or one VM moves, or all that are in the way', () => {
  const xeon = hostOf({ cells: [16, 16], threads: 1, memoryGiB: 512 });
  const pairs = (cell: number, count: number): DedicatedRequest[] =>
    Array.from({ length: count }, (_, index) => {
      const first = cell * 16 + index * 2;
      return placed(`${cell}-${index}`, cell, [first, first + 1]);
    });
  const one = place(xeon, [...pairs(0, 5), ...pairs(1, 5), dedicated('new', 8)]);
  expect([one.kind, one.moved.length, one.proven]).toEqual(['placed', 1, false]);
  const two = place(xeon, [...pairs(0, 5), ...pairs(1, 5), dedicated('new', 10)]);
  expect([two.kind, two.moved.length, two.proven]).toEqual(['placed', 2, false]);
  const emulator = (request: DedicatedRequest, index: number): DedicatedRequest => {
    const cpu = CpuSet.of([10 + index]);
    return {
      ...request,
      emulatorCpus: 1,
      current: placeAt(request.guest, 0, [index * 2, index * 2 + 1], { emulator: cpu }),
    };
  };
  const four = pairs(0, 5).map((request, index) => (index < 4 ? emulator(request, index) : request));
  const helped = place(xeon, [...four, ...pairs(1, 6), dedicated('new', 6)]);
  expect([helped.kind, helped.moved, helped.proven]).toEqual(['placed', [], false]);
});

test.each([
  [6, true],
  [7, false],
])('of %i VMs with a place, it is proven that as few as possible move: %s', (count, proven) => {
  const present = Array.from({ length: count }, (_, cpu) =>
    placed(`vm${cpu}`, cpu % 2, [cpu % 2 === 0 ? cpu : cpu + 8]),
  );
  const asked = [...present, dedicated('new', 5)];
  expect(place(smtOff, asked)).toMatchObject({ kind: 'placed', moved: [], proven: true });
  const wide = place(smtOff, [...present, dedicated('new', 8)]);
  expect(wide).toMatchObject({ kind: 'placed', proven });
  expect(wide.moved).toHaveLength(3);
});

/** An assignment that shares the CPUs of cell 1. */
const sharesCell1: Assignment = { ...placeAt('web', 1, []), kind: 'node' };

test('a VM that had dedicated CPUs and is to share has no place yet', () => {
  const { moved } = place(smtOff, [sharing('web', 2, { current: placeAt('web', 1, [9, 10]) })]);
  expect(moved).toEqual(['web']);
});

test('a VM that shares stays where the CPUs just suffice, and moves where they do not', () => {
  const asked = [sharing('web', 8, { current: sharesCell1 })];
  expect(place(smtOff, asked).moved).toEqual([]);
  const taken = new Map([[9, [{ guest: 'other', by: 'vcpus' as const }]]]);
  const { moved, assignments } = place({ ...smtOff, taken }, asked);
  expect([moved, assignments.map(({ cells }) => cells)]).toEqual([['web'], [[0]]]);
});

test('a VM of which one vCPU has no CPU alone moves', () => {
  const current = placeAt('db01', 1, [9, 10]);
  const loose = { ...current, vcpus: [CpuSet.of([9]), CpuSet.parse('10-11')] };
  expect(place(smtOff, [dedicated('db01', 2, { current })]).moved).toEqual([]);
  expect(place(smtOff, [dedicated('db01', 2, { current: loose })]).moved).toEqual(['db01']);
});

test('a VM of which some vCPUs share keeps the dedicated CPUs of the others', () => {
  const sharedVcpus = CpuSet.of([2]);
  const pool = CpuSet.parse('0-8,11-15');
  const current = {
    ...placeAt('db01', 1, [9, 10]),
    vcpus: [CpuSet.of([9]), CpuSet.of([10]), pool],
    sharedVcpus,
  };
  const { moved, assignments } = place(smtOff, [dedicated('db01', 2, { sharedVcpus, current })]);
  expect([moved, assignments[0]?.vcpus.slice(0, 2).join()]).toEqual([[], '9,10']);
});

test('of many VMs the last are refused, and whether fewer would do is not proven', () => {
  const asked = Array.from({ length: 18 }, (_, index) => dedicated(`vm${index}`, 1));
  const { kind, proven, refusals } = place(smtOff, asked);
  expect([kind, proven, refusals.map(({ guest }) => guest)]).toEqual(['refused', false, ['vm16', 'vm17']]);
});
