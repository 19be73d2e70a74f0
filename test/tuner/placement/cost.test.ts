import { expect, test } from 'vitest';
import { CpuSet } from '../../../model/cpu-set.ts';
import {
  type CellPlace,
  costing,
  costModel,
  deviceCost,
  fragmentationCost,
  hasMoved,
  helperCost,
  isWhole,
  loadCost,
  memoryCost,
  moveCost,
  placeCost,
  sharedCpus,
  sharedPoolCost,
} from '../../../tuner/placement/cost.ts';
import { place } from '../../../tuner/placement/policy.ts';
import type {
  Assignment,
  Claim,
  Core,
  DedicatedRequest,
  PlacementHost,
} from '../../../tuner/placement/types.ts';
import { GIB, HOSTS, hostOf, MIB } from './hosts.ts';
import { dedicated, inCells, sharing } from './requests.ts';

/** The cores that contain these CPUs, one per CPU. */
const on = (host: PlacementHost, ...cpus: readonly number[]): Core[] =>
  cpus.map((cpu) => host.cores.find((core) => core.cpus.includes(cpu)) as Core);

const inCell = (cell: number, cores: readonly Core[], more: Partial<CellPlace> = {}): CellPlace => ({
  cell,
  memoryCell: cell,
  vcpus: cores.map((_, vcpu) => vcpu),
  cores,
  ...more,
});

/** Two cells with four cores of two threads each (0,8 1,9 ...), and two caches per cell. */
const host = hostOf({ cells: [4, 4], threads: 2, caches: 2 });
/** The same with a die for each cache. */
const dies: PlacementHost = { ...host, cores: host.cores.map((core) => ({ ...core, die: core.cache })) };
const isolatedHalf = hostOf({ cells: [4, 4], threads: 2 }, { isolated: CpuSet.parse('0-1,8-9') });
const hybrid = hostOf({ cells: [4], threads: 2 }, { efficiencyCpus: CpuSet.parse('2-3') });
const confined: PlacementHost = {
  ...host,
  floaters: [
    { guest: 'narrow', cpus: CpuSet.parse('0'), narrow: true },
    { guest: 'wide', cpus: CpuSet.parse('1-3'), narrow: false },
  ],
};

test.each<[string, PlacementHost, Partial<DedicatedRequest>, CellPlace, number]>([
  ['both threads of one core', host, {}, inCell(0, on(host, 0, 8)), 0],
  ['a thread each of two cores: 20 for the core more', host, {}, inCell(0, on(host, 0, 1)), 20],
  ['the same with isolate, which asks for it', host, { threads: 'isolate' }, inCell(0, on(host, 0, 1)), 0],
  ['three vCPUs on the two cores that they need', host, {}, inCell(0, on(host, 0, 8, 1)), 0],
  ['two caches: 30', host, {}, inCell(0, on(host, 0, 8, 2, 10)), 30],
  ['two dies, and so two caches: 45', dies, {}, inCell(0, on(dies, 0, 8, 2, 10)), 45],
  [
    'two guest cores, each split over two cores: 25 each',
    host,
    { guestThreads: 2 },
    inCell(0, on(host, 0, 1, 8, 9)),
    50,
  ],
  [
    'two guest cores, each on a core: their order makes no difference',
    host,
    { guestThreads: 2 },
    inCell(0, on(host, 1, 9, 0, 8)),
    0,
  ],
  ['one thread per guest core: none is split', host, {}, inCell(0, on(host, 0, 1, 8, 9)), 0],
  [
    'a guest core of two vCPUs that isolate keeps apart',
    host,
    { guestThreads: 2, threads: 'isolate' },
    inCell(0, on(host, 0, 1)),
    0,
  ],
  [
    'guest cores by the numbers of the vCPUs: of 1, 2 and 3, only 2 and 3 are one core',
    host,
    { guestThreads: 2 },
    inCell(0, on(host, 0, 1, 9), { vcpus: [1, 2, 3] }),
    0,
  ],
  [
    'not isolated, on a host with isolated CPUs: 40 per vCPU',
    isolatedHalf,
    {},
    inCell(0, on(isolatedHalf, 2, 10)),
    80,
  ],
  ['isolated', isolatedHalf, {}, inCell(0, on(isolatedHalf, 0, 8)), 0],
  ['slower cores: 35 per vCPU', hybrid, {}, inCell(0, on(hybrid, 2, 6)), 70],
  ['a core of a confined VM: 60 per vCPU', confined, {}, inCell(0, on(confined, 0, 8)), 120],
  ['a core where a VM floats that can go elsewhere', confined, {}, inCell(0, on(confined, 1, 9)), 0],
  [
    'memory of a cell at distance 21: 4 for each unit above 10',
    host,
    {},
    inCell(0, on(host, 0, 8), { memoryCell: 1 }),
    44,
  ],
])('a place costs by itself: %s', (_, where, wish, at, cost) => {
  expect(placeCost(costModel(where), dedicated('vm', at.vcpus.length, wish), [at], [])).toBe(cost);
});

test('guest cells cost 4 for each unit of distance above 10, pair by pair', () => {
  const four = hostOf({ ...HOSTS.xeon4, cells: [1, 1, 1, 1] });
  const places = (...cells: readonly number[]): CellPlace[] =>
    cells.map((cell) => inCell(cell, on(four, cell)));
  const costOf = (...cells: readonly number[]): number =>
    placeCost(
      costModel(four),
      inCells(
        'vm',
        cells.map(() => 1),
      ),
      places(...cells),
      [],
    );
  expect([costOf(0), costOf(0, 1), costOf(0, 2), costOf(0, 1, 2)]).toEqual([0, 44, 84, 172]);
});

test('a helper is as far away as the nearest cell of its VM, and does not belong on an isolated core', () => {
  const model = costModel(isolatedHalf);
  const [isolated, near, far] = on(isolatedHalf, 0, 2, 4) as [Core, Core, Core];
  const cost = (core: Core, ...cells: readonly number[]): number =>
    helperCost(
      model,
      core,
      cells.map((cell) => ({ cell })),
    );
  expect([cost(near, 0), cost(far, 0), cost(far, 0, 1), cost(isolated, 0), cost(isolated, 1)]).toEqual([
    0, 44, 0, 40, 84,
  ]);
  const vm = dedicated('vm', 2);
  const at = [inCell(0, on(isolatedHalf, 1, 9))];
  expect(placeCost(model, vm, at, [near, far, far])).toBe(88);
});

test('each device costs 4 for each unit of distance above 10 to the nearest cell of its VM', () => {
  const model = costModel(host);
  const cost = (deviceCells: readonly number[] | undefined, ...cells: readonly number[]): number =>
    deviceCost(
      model,
      dedicated('vm', 2, { deviceCells }),
      cells.map((cell) => ({ cell })),
    );
  expect([cost(undefined, 0), cost([0], 0), cost([1], 0), cost([1, 1], 0), cost([1], 0, 1)]).toEqual([
    0, 0, 44, 88, 0,
  ]);
  expect(cost([1])).toBe(0);
  expect(placeCost(model, dedicated('vm', 2, { deviceCells: [1] }), [inCell(0, on(host, 0, 8))], [])).toBe(
    44,
  );
});

test('a distance that the firmware does not give is 20, as Linux assumes; one below local is local', () => {
  const away = (distances: ReadonlyMap<number, number>): number => {
    const cells = host.cells.map((cell) => ({ ...cell, distances }));
    return costModel({ ...host, cells }).away(0, 1);
  };
  expect([away(new Map()), away(new Map([[1, 17]])), away(new Map([[1, 7]]))]).toEqual([10, 7, 0]);
  expect(costModel(host).away(1, 1)).toBe(0);
  expect(costModel(host).away(7, 0)).toBe(10);
});

const at = (cpus: readonly number[], more: Partial<Assignment> = {}): Assignment => ({
  guest: 'vm',
  kind: 'dedicated',
  cells: [0],
  memoryCells: [0],
  vcpus: cpus.map((cpu) => CpuSet.of([cpu])),
  emulator: CpuSet.of([4]),
  ioThreads: CpuSet.of([5]),
  ...more,
});

test('a VM has moved when its vCPUs have: by count, by CPU, by the way it gets CPUs, or by its cell if it shares', () => {
  const moves = (from: Assignment, to: Assignment): boolean => hasMoved(from, to);
  expect(moves(at([0, 1]), at([0, 1]))).toBe(false);
  expect(moves(at([0, 1]), at([1, 0]))).toBe(true);
  expect(moves(at([0, 1]), at([0, 2]))).toBe(true);
  expect(moves(at([0, 1]), at([0]))).toBe(true);
  expect(moves(at([0, 1]), at([0, 1], { kind: 'node' }))).toBe(true);
  expect(moves(at([0, 1]), at([0, 1], { emulator: CpuSet.of([7]), cells: [1] }))).toBe(false);
  expect(moves(at([0, 1]), at([0, 7], { sharedVcpus: CpuSet.of([1]) }))).toBe(false);
  expect(moves(at([0, 1]), at([7, 1], { sharedVcpus: CpuSet.of([1]) }))).toBe(true);
  const shares = at([0], { kind: 'node' });
  expect(moves(shares, at([3], { kind: 'node' }))).toBe(false);
  expect(moves(shares, at([0], { kind: 'node', cells: [1] }))).toBe(true);
});

test('leaving costs 10,000; helpers that leave their dedicated CPUs cost 500', () => {
  const current = at([0, 1]);
  const cost = (wish: Partial<DedicatedRequest>, to: Assignment): number =>
    moveCost(dedicated('vm', 2, { current, ...wish }), to);
  const [emulator, ioThreads] = [{ emulator: CpuSet.of([7]) }, { ioThreads: CpuSet.of([7]) }];
  expect(cost({}, at([0, 2]))).toBe(10_000);
  expect(cost({ current: undefined }, at([0, 2]))).toBe(0);
  expect(cost({}, at([0, 1], { ...emulator, ...ioThreads }))).toBe(0);
  expect(cost({ emulatorCpus: 1 }, at([0, 1], emulator))).toBe(500);
  expect(cost({ emulatorCpus: 1 }, at([0, 1], ioThreads))).toBe(0);
  expect(cost({ ioThreadCpus: 1 }, at([0, 1], ioThreads))).toBe(500);
  expect(cost({ ioThreadCpus: 1 }, at([0, 1], emulator))).toBe(0);
  expect(cost({ emulatorCpus: 1, ioThreadCpus: 1 }, at([0, 1]))).toBe(0);
  const shares = at([0], { kind: 'node' });
  const node = sharing('vm', 1, { current: shares });
  expect(moveCost(node, at([0], { kind: 'node', ...emulator }))).toBe(0);
  expect(moveCost(node, at([0], { kind: 'node', cells: [1] }))).toBe(10_000);
});

test('load grows with the square of the ratio, is an average over all shared vCPUs, and has a bound without a CPU', () => {
  expect([loadCost(4, 2, 8), loadCost(4, 2, 4), loadCost(8, 2, 8)]).toEqual([20, 40, 160]);
  expect([loadCost(0, 2, 8), loadCost(1, 0, 1), loadCost(1, 1, 1)]).toEqual([0, 40, 10]);
  expect([sharedPoolCost(6, 3), sharedPoolCost(1, 0), sharedPoolCost(1, 1)]).toEqual([40, 40, 10]);
});

test('memory of VMs that share costs its squared part of the cell; nothing where the cell has none or does not say', () => {
  expect([memoryCost(4, 8), memoryCost(8, 8)]).toEqual([1.25, 5]);
  expect([memoryCost(4, 0), memoryCost(4, undefined)]).toEqual([0, 0]);
});

test('using up free cores costs more where many are free', () => {
  expect(fragmentationCost(10, 4, 2, 8)).toBe(1.875);
  expect(fragmentationCost(10, 8, 6, 8)).toBe(4.375);
  expect(fragmentationCost(10, 4, 4, 8)).toBe(0);
});

const taken = (given: PlacementHost, cpu: number, by: 'vcpus' | 'helpers'): PlacementHost => ({
  ...given,
  taken: new Map([[cpu, [{ guest: 'other', by }]]]),
});

test('a core is whole while no VM has a thread of it and the host none', () => {
  const whole = (given: PlacementHost): number => given.cores.filter((core) => isWhole(given, core)).length;
  const withHost = hostOf({ cells: [4, 4], threads: 2 }, { hostCpus: CpuSet.of([0]) });
  expect([whole(host), whole(taken(host, 0, 'vcpus')), whole(taken(host, 8, 'helpers'))]).toEqual([8, 7, 7]);
  expect(whole(withHost)).toBe(7);
});

test('to share are CPUs not dedicated, not isolated, and not siblings of dedicated vCPUs', () => {
  expect(sharedCpus(host, 1)).toEqual([4, 12, 5, 13, 6, 14, 7, 15]);
  expect(sharedCpus(taken(host, 0, 'vcpus'), 0)).toEqual([1, 9, 2, 10, 3, 11]);
  expect(sharedCpus(taken(host, 0, 'helpers'), 0)).toEqual([8, 1, 9, 2, 10, 3, 11]);
  expect(sharedCpus(isolatedHalf, 0)).toEqual([2, 10, 3, 11]);
  const both: readonly Claim[] = [
    { guest: 'a', by: 'helpers' },
    { guest: 'b', by: 'vcpus' },
  ];
  expect(sharedCpus({ ...host, taken: new Map([[0, both]]) }, 0)).toEqual([1, 9, 2, 10, 3, 11]);
});

/** Two cells of two cores without SMT; this many vCPUs float in the first. */
const floating = (vcpus: number): PlacementHost => {
  const two = hostOf({ cells: [2, 2], threads: 1, memoryGiB: 8 });
  return { ...two, cells: two.cells.map((cell) => ({ ...cell, floatingVcpus: cell.id === 0 ? vcpus : 0 })) };
};

test('a placement costs what it adds to the load of VMs that float already', () => {
  const web = sharing('web', 2, { memoryKiB: 4 * GIB });
  const shares: Assignment = { ...at([]), guest: 'web', kind: 'node', cells: [1], memoryCells: [1] };
  // Cell 1: 2 of 6 vCPUs at 1:1, and half of its memory.
  expect(costing(floating(4), [web], { rebalance: false })([shares])).toBeCloseTo(10 / 3 + 1.25, 9);
  const db = { ...at([0]), guest: 'db' };
  // Four vCPUs on one CPU of cell 0 instead of two, on three CPUs of the host instead of four; half of the free cores.
  const load = 160 - 40 + (160 / 9 - 10);
  const fragmentation = 10 * (3 / 4) + 4 * (3 / 4);
  expect(costing(floating(4), [dedicated('db', 1)], { rebalance: false })([db])).toBeCloseTo(
    load + fragmentation,
    9,
  );
  expect(costing(floating(0), [dedicated('db', 1)], { rebalance: false })([db])).toBeCloseTo(
    fragmentation,
    9,
  );
});

test('helpers take their CPUs from those that share, and leave them the sibling threads', () => {
  const one = hostOf({ cells: [2], threads: 2, memoryGiB: 8 });
  const web = sharing('web', 1, { memoryKiB: 0 });
  const db = dedicated('db', 2, { emulatorCpus: 1 });
  const places: Assignment[] = [
    { ...at([]), guest: 'web', kind: 'node' },
    { ...at([0, 2]), guest: 'db', emulator: CpuSet.of([1]) },
  ];
  // One CPU of four is left; no whole core of two is left.
  const load = 10 + 10 * (1 - 1 / 16);
  expect(costing(one, [web, db], { rebalance: false })(places)).toBeCloseTo(load + 14, 9);
});

test('a core that two VMs share costs 50, one of the host’s too', () => {
  const two = [dedicated('a', 1), dedicated('b', 1)];
  const places = (a: number, b: number): Assignment[] => [
    { ...at([a]), guest: 'a' },
    { ...at([b]), guest: 'b' },
  ];
  const costOf = costing(host, two, { rebalance: false });
  const apart = costOf(places(0, 1));
  const single = costOf(places(0, 0).slice(0, 1));
  expect(costOf(places(0, 8)) - single).toBeCloseTo(50, 9);
  expect(apart - single).toBeLessThan(50);
  const used = taken(host, 8, 'vcpus');
  expect(costing(used, two, { rebalance: false })(places(0, 0).slice(0, 1))).toBeCloseTo(50, 9);
});

test('a placement has a cost for what moved, unless it is a rebalance, and none for VMs that were not asked for', () => {
  const current = at([1]);
  const asked = [dedicated('vm', 1, { current })];
  const [stays, moves] = [[at([1])], [at([2])]];
  const [costOf, rebalanced] = [false, true].map((rebalance) => costing(host, asked, { rebalance }));
  expect((costOf?.(moves) ?? 0) - (costOf?.(stays) ?? 0)).toBeCloseTo(10_000, 9);
  expect((rebalanced?.(moves) ?? 0) - (rebalanced?.(stays) ?? 0)).toBeCloseTo(0, 9);
  expect(costOf?.([{ ...at([1]), guest: 'stranger' }])).toBe(0);
});

test('pages and memory have no part in the cost of VMs with dedicated CPUs', () => {
  const paged = hostOf({ ...HOSTS.smtOff, pages: { [2 * MIB]: 4_096 } });
  const costs = [undefined, 2 * MIB].map((pageKiB) => place(paged, [dedicated('db', 2, { pageKiB })]).cost);
  expect(new Set(costs).size).toBe(1);
});
