import { expect, test } from 'vitest';
import { CpuSet } from '../../../model/cpu-set.ts';
import { FewestMoves } from '../../../tuner/placement/fewest-moves.ts';
import { place } from '../../../tuner/placement/policy.ts';
import { Budget } from '../../../tuner/placement/search.ts';
import { hardestFirst, Solver } from '../../../tuner/placement/solver.ts';
import type { DedicatedRequest, PlacementHost, PlacementRequest } from '../../../tuner/placement/types.ts';
import { GIB, HOSTS, hostOf } from './hosts.ts';
import { dedicated, inCells, placeAt, sharing } from './requests.ts';

const smtOff = hostOf(HOSTS.smtOff);
const named = (requests: readonly PlacementRequest[]): string[] => requests.map(({ guest }) => guest);
const solverOf = (host: PlacementHost, requests: readonly PlacementRequest[], steps = 20_000): Solver =>
  new Solver(host, requests, { budget: new Budget(steps), moveCost: () => 0 });

/** In each case the first request is harder to place than the second, by one criterion. */
test.each<[string, PlacementRequest, PlacementRequest]>([
  ['dedicated CPUs before shared ones', dedicated('a', 1), sharing('b', 8)],
  [
    'more than helpers before helpers only',
    dedicated('a', 1),
    dedicated('helpers', 8, { threads: 'isolate' }),
  ],
  ['whole cores before single threads', dedicated('a', 1, { threads: 'require' }), inCells('b', [4, 4])],
  ['more guest cells', inCells('a', [1, 1]), dedicated('b', 8)],
  [
    'more vCPUs',
    dedicated('a', 3),
    dedicated('b', 2, { cells: [{ vcpus: CpuSet.parse('0-1'), memoryKiB: 99 * GIB }] }),
  ],
  [
    'more cores, where isolate leaves siblings idle',
    dedicated('a', 4, { threads: 'isolate' }),
    dedicated('b', 7, { threads: 'require' }),
  ],
  ['more vCPUs in all cells together', inCells('a', [3, 2]), inCells('b', [4, 0])],
  [
    'more memory',
    dedicated('a', 2),
    dedicated('b', 2, { cells: [{ vcpus: CpuSet.parse('0-1'), memoryKiB: GIB }] }),
  ],
  [
    'more memory in all cells together',
    inCells('a', [2, 2]),
    inCells('b', [2, 2], {
      cells: inCells('b', [2, 2]).cells.map((cell, index) => ({
        ...cell,
        memoryKiB: (3 - 2 * index) * GIB - index,
      })),
    }),
  ],
  ['of those that share: more vCPUs', sharing('a', 2), sharing('b', 1, { memoryKiB: 99 * GIB })],
  ['of those that share: more memory', sharing('a', 2), sharing('b', 2, { memoryKiB: GIB })],
])('the hardest to place go first: %s', (_, hard, easy) => {
  const order = hardestFirst(({ guest }) => guest === 'helpers');
  expect(named([easy, hard].sort(order))).toEqual([hard.guest, easy.guest]);
  expect(named([hard, easy].sort(order))).toEqual([hard.guest, easy.guest]);
});

test('VMs that are equally hard stay in the order of the request', () => {
  const equal = ['c', 'a', 'b'].map((guest) => dedicated(guest, 2));
  expect(named(equal.sort(hardestFirst(() => false)))).toEqual(['c', 'a', 'b']);
});

test('which of twelve equal VMs goes where makes no difference: one order of them is tried, and the outcome is proven', () => {
  const host = hostOf({ cells: [4, 4, 4, 4], threads: 1 });
  const named = Array.from({ length: 13 }, (_, index) => `vm${index}`);
  const [pinned, shares] = [
    named.map((guest) => dedicated(guest, 1)),
    named.map((guest) => sharing(guest, 1)),
  ];
  const proven = (asked: readonly PlacementRequest[]): boolean => place(host, asked).proven;
  expect([proven(pinned.slice(1)), proven(shares.slice(1))]).toEqual([true, true]);
  expect([proven(pinned), proven(shares)]).toEqual([false, false]);
});

/** Pairs that differ in one property: treated as alike, the second could not use a cell before the first's. */
const one: Partial<DedicatedRequest> = { deviceCells: [1] };
test.each<[string, PlacementRequest, PlacementRequest]>([
  ['devices', dedicated('a', 1, one), dedicated('b', 1, { deviceCells: [0] })],
  [
    'memory cells that the control group allows',
    dedicated('a', 1, { allowedMemoryCells: CpuSet.of([1]) }),
    dedicated('b', 1, { allowedMemoryCells: CpuSet.of([0]) }),
  ],
  [
    'the cell of their memory',
    dedicated('a', 1, { cells: [{ vcpus: CpuSet.of([0]), memoryKiB: GIB, memoryCell: 1 }] }),
    dedicated('b', 1, { cells: [{ vcpus: CpuSet.of([0]), memoryKiB: GIB, memoryCell: 0 }] }),
  ],
  ['the cells that they keep', dedicated('a', 1, { keepCells: [1] }), dedicated('b', 1, { keepCells: [0] })],
  [
    'devices, of VMs that share',
    sharing('a', 1, { deviceCells: [1] }),
    sharing('b', 1, { deviceCells: [0] }),
  ],
])('VMs that differ in %s are not interchangeable', (_, a, b) => {
  const host = hostOf({ cells: [1, 1], threads: 1 });
  const { assignments } = place(host, [a, b]);
  expect(assignments.map(({ guest, cells }) => `${guest} ${cells}`)).toEqual(['a 1', 'b 0']);
});

test('a quick solution is not proven, and solving changes nothing', () => {
  const asked = [dedicated('a', 2), dedicated('b', 4)];
  const solver = solverOf(smtOff, asked);
  expect(solver.solve(asked, { quick: true })).toMatchObject({ kind: 'found', proven: false });
  expect(solver.solve(asked)).toMatchObject({ kind: 'found', proven: true });
  expect([solver.requests, solver.state.cost]).toEqual([[], 0]);
});

test('a VM that no cache holds is spread over as few as hold it, in a quick solution too', () => {
  const wide = dedicated('wide', 18);
  const solver = solverOf(hostOf(HOSTS.epycNps1), [wide]);
  const found = solver.solve([wide], { quick: true });
  if (found.kind === 'found') solver.commit(found);
  const place = solver.placeOf(wide);
  const caches = place?.kind === 'dedicated' ? place.cells[0]?.selection.map(({ core }) => core.cache) : [];
  expect(new Set(caches).size).toBe(2);
});

test('a VM that finds no place goes first, and the search starts over', () => {
  const [any, near] = [dedicated('any', 3), dedicated('near', 3, { allowedMemoryCells: CpuSet.of([0]) })];
  const host = hostOf({ cells: [4, 4], threads: 1 });
  const [alone] = place(host, [any]).assignments;
  expect(alone?.cells).toEqual([0]);
  expect(solverOf(host, [any, near]).solve([any, near], { quick: true }).kind).toBe('found');
});

test('without steps left a solution is not proven', () => {
  const asked = [dedicated('a', 2), dedicated('b', 4)];
  expect(solverOf(smtOff, asked, 4).solve(asked)).toMatchObject({ kind: 'found', proven: false });
});

test('a VM that is released leaves its place to others', () => {
  const [a, b] = [dedicated('a', 8), dedicated('b', 8)];
  const host = hostOf({ cells: [8], threads: 1 });
  const solver = solverOf(host, [a, b]);
  const found = solver.solve([a]);
  if (found.kind === 'found') solver.commit(found);
  expect([named(solver.requests), solver.fits(b), solver.fitsWithout(b, a)]).toEqual([['a'], false, true]);
  expect([solver.fits(b), solver.fitsWithout(b, dedicated('stranger', 1))]).toEqual([false, false]);
  solver.release(a);
  expect([named(solver.requests), solver.placeOf(a), solver.fits(b)]).toEqual([[], undefined, true]);
  expect(solver.state.cost).toBe(0);
});

test('lent steps that are not used are returned', () => {
  const budget = new Budget(10);
  const part = budget.lend(6);
  expect(budget.lend(100).spent).toBe(false);
  expect(budget.spent).toBe(true);
  part.spend(4);
  budget.take(part);
  expect([part.spent, budget.spent]).toEqual([true, false]);
  budget.spend(2);
  expect([budget.spent, budget.lend(5).spent]).toEqual([true, true]);
});

test('where no core is whole, a VM that no cache holds has single threads of several, in a quick solution too', () => {
  const wide = dedicated('wide', 12);
  const host = hostOf(HOSTS.epycNps1);
  const taken = new Map(
    [...CpuSet.parse('128-255')].map((cpu) => [cpu, [{ guest: 'web01', by: 'vcpus' as const }]]),
  );
  const found = solverOf({ ...host, taken }, [wide]).solve([wide], { quick: true });
  expect(found.kind).toBe('found');
});

/** A VM with a current place on these CPUs of a cell. */
const placed = (guest: string, cell: number, ...cpus: readonly number[]): DedicatedRequest =>
  dedicated(guest, cpus.length, { current: placeAt(guest, cell, cpus) });
const fewestMoves = (requests: readonly PlacementRequest[], steps: number) =>
  new FewestMoves(smtOff, requests, {
    budget: new Budget(steps),
    moveCost: () => 0,
    rebalance: false,
  }).solve();

test('without steps left no choice of VMs to move counts as tried: all of them are placed, and that is not proven', () => {
  const { solver, proven } = fewestMoves([placed('a', 1, 15, 9), dedicated('new', 2)], 0);
  expect([solver && named(solver.requests).toSorted(), proven]).toEqual([['a', 'new'], false]);
});

test('of many VMs only those move that a new one needs the CPUs of', () => {
  const staying = [placed('d', 1, 15), placed('e', 1, 13), placed('f', 1, 11), placed('g', 1, 9)];
  const near = [placed('a', 0, 7), placed('b', 0, 5), placed('c', 0, 3)];
  const { solver } = fewestMoves([...near, ...staying, dedicated('new', 7)], 20_000);
  const cpuOf = (request: PlacementRequest): number | undefined => {
    const place = solver?.placeOf(request);
    return place?.kind === 'dedicated' ? place.cells[0]?.cpus[0] : undefined;
  };
  expect(staying.map(cpuOf)).toEqual([15, 13, 11, 9]);
  expect(near.map(cpuOf).filter((cpu) => cpu !== undefined && cpu >= 8)).toHaveLength(2);
});
