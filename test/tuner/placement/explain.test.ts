import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CpuSet } from '../../../model/cpu-set.ts';
import type { CellMemory } from '../../../tuner/facts/facts.ts';
import { ratioRefusals } from '../../../tuner/placement/explain.ts';
import { place } from '../../../tuner/placement/policy.ts';
import type { Sharing, SharingVm } from '../../../tuner/placement/sharing.ts';
import type { Claim, PlacementHost, PlacementRequest } from '../../../tuner/placement/types.ts';
import { GIB, HOSTS, hostOf, MIB } from './hosts.ts';
import { fewRequests, smallHost } from './random-hosts.ts';
import { dedicated, inCells, sharing } from './requests.ts';

function takenBy(host: PlacementHost, claims: Readonly<Record<string, string>>): PlacementHost {
  const taken = new Map<number, Claim[]>();
  for (const [guest, cpus] of Object.entries(claims)) {
    for (const cpu of CpuSet.parse(cpus)) taken.set(cpu, [...(taken.get(cpu) ?? []), { guest, by: 'vcpus' }]);
  }
  return { ...host, taken };
}

const small = hostOf({ cells: [4, 4], threads: 1, memoryGiB: 16, pages: { [2 * MIB]: 1_024 } });
const smt = hostOf({ cells: [4, 4], threads: 2, memoryGiB: 16 });
const paged = (guest: string, gib: number, more = {}) =>
  dedicated(guest, 2, {
    pageKiB: 2 * MIB,
    cells: [{ vcpus: CpuSet.parse('0-1'), memoryKiB: gib * GIB }],
    ...more,
  });

/** Free pages of 2 MiB in each cell. */
const freePages = (...free: readonly number[]): CellMemory[] =>
  free.map((count, id) => ({
    id,
    freeKiB: undefined,
    pages: [{ sizeKiB: 2 * MIB, total: 1_024, free: count }],
  }));

const withMemory = (host: PlacementHost, freeKiB: readonly (number | undefined)[]): PlacementHost => ({
  ...host,
  cells: host.cells.map((cell) => ({ ...cell, freeKiB: freeKiB[cell.id] })),
});

interface Case {
  readonly what: string;
  readonly host: PlacementHost;
  readonly request: PlacementRequest;
  readonly code: string;
  readonly text: string;
  readonly next: string | undefined;
}

const CASES: readonly Case[] = [
  {
    what: 'no one VM is in the way, and it would do with threads',
    host: takenBy(smt, { web01: '0,5', web02: '3,6-7' }),
    request: dedicated('db01', 4, { threads: 'isolate' }),
    code: 'NO_CORES',
    text: 'cell 0 has 2 free cores and cell 1 has 1 free core; db01 needs 4',
    next: 'it fits with cpu.threads: prefer',
  },
  {
    what: 'isolate finds too few cores of one thread',
    host: takenBy(small, { a: '0-1', b: '4-6' }),
    request: dedicated('db01', 3, { threads: 'isolate' }),
    code: 'NO_CORES',
    text: 'cell 0 has 2 free cores and cell 1 has 1 free core; db01 needs 3',
    next: 'move a off CPUs 0-1',
  },
  {
    what: 'it requires sibling threads, and the free core has one thread',
    host: takenBy(hostOf(HOSTS.laptop, { online: CpuSet.parse('0-2,4-7') }), { a: '0-2' }),
    request: dedicated('db01', 2, { threads: 'require' }),
    code: 'NO_CORES',
    text: 'cell 0 has 0 free cores; db01 needs 1',
    next: 'move a off CPUs 0-2',
  },
  {
    what: 'one VM is in the way',
    host: takenBy(smt, { web02: '3', web03: '4-7' }),
    request: dedicated('db01', 4, { threads: 'isolate' }),
    code: 'NO_CORES',
    text: 'cell 0 has 3 free cores and cell 1 has 0 free cores; db01 needs 4',
    next: 'move web02 off CPUs 3',
  },
  {
    what: 'threads are what it prefers',
    host: takenBy(smt, { a: '0-2', b: '4-5,12' }),
    request: dedicated('db01', 6),
    code: 'NO_CORES',
    text: 'cell 0 has 5 free CPUs and cell 1 has 5 free CPUs; db01 needs 6',
    next: 'move a off CPUs 0-2',
  },
  {
    what: 'it needs cores in separate cells',
    host: takenBy(smt, { a: '0', b: '4-6' }),
    request: inCells('db01', [2, 2], { threads: 'isolate' }),
    code: 'NO_CORES',
    text: 'cell 0 has 3 free cores and cell 1 has 1 free core; db01 needs 2 and 2, in separate cells',
    next: 'move b off CPUs 4-6',
  },
  {
    what: 'its emulator finds no core',
    host: small,
    request: inCells('db01', [4, 4], { emulatorCpus: 1 }),
    code: 'NO_CORES',
    text: 'the vCPUs of db01 fit, but not the 1 CPU for its emulator threads and iothreads: cell 0 has 4 free CPUs and cell 1 has 4 free CPUs',
    next: 'it fits with emulator.cpus: 0 and iothread.cpus: 0',
  },
  {
    what: 'the only CPU left for its emulator is the sibling of a vCPU',
    host: hostOf(HOSTS.laptop),
    request: dedicated('db01', 7, { emulatorCpus: 1 }),
    code: 'NO_CORES',
    text: 'the vCPUs of db01 fit, but not the 1 CPU for its emulator threads and iothreads: cell 0 has 8 free CPUs',
    next: 'it fits with emulator.cpus: 0 and iothread.cpus: 0',
  },
  {
    what: 'the free cores are shared ones',
    host: takenBy(smt, { a: '0-7' }),
    request: dedicated('db01', 2, { threads: 'require' }),
    code: 'NO_CORES',
    text: 'cell 0 has 0 free cores and cell 1 has 0 free cores; db01 needs 1',
    next: 'move a off CPUs 0-7',
  },
  {
    what: 'it is wider than a cell',
    host: smt,
    request: dedicated('db01', 12),
    code: 'WIDER_THAN_CELL',
    text: 'db01 needs 12 CPUs in one cell, but the largest, cell 0, has 8 CPUs available to it',
    next: 'it fits with numa.cells: 2',
  },
  {
    what: 'it wants more cores than a cell has, and would do with threads',
    host: smt,
    request: dedicated('db01', 6, { threads: 'isolate' }),
    code: 'WIDER_THAN_CELL',
    text: 'db01 needs 6 cores in one cell, but the largest, cell 0, has 4 cores available to it',
    next: 'it fits with cpu.threads: prefer',
  },
  {
    what: 'it is wider than the host',
    host: smt,
    request: inCells('db01', [12, 12]),
    code: 'WIDER_THAN_HOST',
    text: 'db01 has 24 vCPUs, but the host has 16 CPUs available to it',
    next: undefined,
  },
  {
    what: 'the host keeps all CPUs for itself',
    host: hostOf(HOSTS.twoCores, { hostCpus: CpuSet.parse('0-1') }),
    request: dedicated('db01', 1),
    code: 'WIDER_THAN_HOST',
    text: 'db01 has 1 vCPU, but the host has no CPUs available to it',
    next: undefined,
  },
  {
    what: 'there is no SMT',
    host: small,
    request: dedicated('db01', 2, { threads: 'require' }),
    code: 'NO_SMT',
    text: 'db01 requires sibling threads (cpu.threads: require), but no core of this host has two threads for VMs',
    next: 'it fits with cpu.threads: prefer',
  },
  {
    what: 'it has more cells than the host',
    host: hostOf(HOSTS.memoryOnly),
    request: inCells('db01', [2, 2, 2]),
    code: 'NO_CELL',
    text: 'db01 has 3 cells, but the host has 2 cells with CPUs for VMs',
    next: undefined,
  },
  {
    what: 'it wants memory of a cell that is not there',
    host: small,
    request: dedicated('db01', 2, { cells: [{ vcpus: CpuSet.parse('0-1'), memoryKiB: GIB, memoryCell: 5 }] }),
    code: 'NO_CELL',
    text: 'db01 needs memory of cell 5, but the host has cells 0 and 1',
    next: undefined,
  },
  {
    what: 'no cell has the pages',
    host: small,
    request: paged('db01', 3),
    code: 'NO_PAGES',
    text: 'cell 0 has 1,024 free pages and cell 1 has 1,024 free pages of 2 MiB; db01 needs 1,536',
    next: 'allocate 512 more pages of 2 MiB in cell 0',
  },
  {
    what: 'the host has no pages of that size',
    host: small,
    request: paged('db01', 2, { pageKiB: GIB }),
    code: 'NO_PAGES',
    text: 'no cell has huge pages of 1 GiB; db01 needs 2',
    next: 'allocate 2 more pages of 1 GiB in cell 0',
  },
  {
    what: 'the pages are for VMs that will boot',
    host: { ...small, floatingPages: new Map([[2 * MIB, 1_536]]) },
    request: paged('db01', 2),
    code: 'NO_PAGES',
    text: 'cell 0 has 1,024 free pages and cell 1 has 1,024 free pages of 2 MiB, 512 in total once VMs without a NUMA binding have booted; db01 needs 1,024',
    next: 'allocate 512 more pages of 2 MiB in cell 0',
  },
  {
    what: 'the cells’ memory is allocated to others',
    host: small,
    request: dedicated('db01', 2, { cells: [{ vcpus: CpuSet.parse('0-1'), memoryKiB: 20 * GIB }] }),
    code: 'NO_MEMORY',
    text: 'cell 0 has 14 GiB and cell 1 has 14 GiB of unallocated memory; db01 needs 20 GiB',
    next: 'it fits with numa.cells: 2',
  },
  {
    what: 'no cell has so many CPUs to share',
    host: takenBy(small, { a: '0-1', b: '4-6' }),
    request: sharing('web01', 3),
    code: 'NO_CORES',
    text: 'cell 0 has 2 CPUs to share and cell 1 has 1 CPU to share; web01 has 3 vCPUs',
    next: 'move a off CPUs 0-1',
  },
  {
    what: 'isolated CPUs are not to be shared',
    host: hostOf(HOSTS.laptop, { isolated: CpuSet.parse('1-3,5-7') }),
    request: sharing('web01', 4),
    code: 'WIDER_THAN_HOST',
    text: 'web01 has 4 vCPUs, but the host has 2 CPUs available to it',
    next: undefined,
  },
  {
    what: 'the cell that lacks the fewest pages is the second',
    host: hostOf(
      { cells: [4, 4], threads: 1, pages: { [2 * MIB]: 1_024 } },
      { memory: freePages(100, 1_000) },
    ),
    request: paged('db01', 2),
    code: 'NO_PAGES',
    text: 'cell 0 has 100 free pages and cell 1 has 1,000 free pages of 2 MiB; db01 needs 1,024',
    next: 'allocate 24 more pages of 2 MiB in cell 1',
  },
  {
    what: 'one page is missing',
    host: hostOf({ cells: [4], threads: 1, pages: { [2 * MIB]: 1_024 } }, { memory: freePages(1) }),
    request: paged('db01', 2 / 512),
    code: 'NO_PAGES',
    text: 'cell 0 has 1 free page of 2 MiB; db01 needs 2',
    next: 'allocate 1 more page of 2 MiB in cell 0',
  },
  {
    what: 'pages of two guest cells are missing',
    host: hostOf(
      { cells: [4, 4], threads: 1, pages: { [2 * MIB]: 1_024 } },
      { memory: freePages(1_024, 100) },
    ),
    request: inCells('db01', [1, 1], { pageKiB: 2 * MIB }),
    code: 'NO_PAGES',
    text: 'cell 0 has 1,024 free pages and cell 1 has 100 free pages of 2 MiB; db01 needs 512 and 512, in separate cells',
    next: undefined,
  },
  {
    what: 'a VM that shares CPUs finds no pages',
    host: small,
    request: sharing('web01', 2, { pageKiB: 2 * MIB, memoryKiB: 3 * GIB }),
    code: 'NO_PAGES',
    text: 'cell 0 has 1,024 free pages and cell 1 has 1,024 free pages of 2 MiB; web01 needs 1,536',
    next: 'allocate 512 more pages of 2 MiB in cell 0',
  },
  {
    what: 'the memory of one cell is not known, and another VM has its CPUs',
    host: withMemory(takenBy(small, { a: '0-2' }), [undefined, 1_536 * MIB]),
    request: dedicated('db01', 2),
    code: 'NO_MEMORY',
    text: 'cell 0 has an unknown amount and cell 1 has 1.5 GiB of unallocated memory; db01 needs 2 GiB',
    next: 'move a off CPUs 0-2',
  },
  {
    what: 'memory is short by MiB and KiB',
    host: withMemory(small, [700 * MIB, 500]),
    request: dedicated('db01', 1, { cells: [{ vcpus: CpuSet.of([0]), memoryKiB: 900 * MIB }] }),
    code: 'NO_MEMORY',
    text: 'cell 0 has 700 MiB and cell 1 has 500 KiB of unallocated memory; db01 needs 900 MiB',
    next: undefined,
  },
  {
    what: 'the memory-only cell that it asks for is too small',
    host: hostOf(HOSTS.memoryOnly),
    request: dedicated('db01', 2, {
      cells: [{ vcpus: CpuSet.parse('0-1'), memoryKiB: 80 * GIB, memoryCell: 2 }],
    }),
    code: 'NO_MEMORY',
    text: 'cell 2 has 64 GiB of unallocated memory; db01 needs 80 GiB',
    next: undefined,
  },
  {
    what: 'its control group may use memory of the full cell alone',
    host: takenBy(small, { a: '0-2' }),
    request: dedicated('db01', 2, { allowedMemoryCells: CpuSet.of([0]) }),
    code: 'NO_CORES',
    text: 'cell 0 has 1 free CPU and cell 1 has 4 free CPUs; db01 needs 2; its control group does not allow memory of cell 1 (cpuset.mems)',
    next: 'move a off CPUs 0-2',
  },
  {
    what: 'its control group may use memory of one cell of three, and that is too small',
    host: withMemory(hostOf({ cells: [2, 2, 2], threads: 1 }), [64 * GIB, GIB, 64 * GIB]),
    request: dedicated('db01', 2, { allowedMemoryCells: CpuSet.of([1]) }),
    code: 'NO_MEMORY',
    text: 'cell 1 has 1 GiB of unallocated memory; db01 needs 2 GiB; its control group does not allow memory of cells 0 and 2 (cpuset.mems)',
    next: undefined,
  },
  {
    what: 'its control group may use memory of a memory-only cell alone',
    host: hostOf(HOSTS.memoryOnly),
    request: dedicated('db01', 2, { allowedMemoryCells: CpuSet.of([2]) }),
    code: 'NO_CELL',
    text: 'the control group of db01 allows memory of cells 2 only, but these cells have no CPUs for VMs (cpuset.mems, AllowedMemoryNodes= of its slice)',
    next: undefined,
  },
  {
    what: 'neither its vCPUs nor its helpers fit',
    host: takenBy(small, { a: '0-1', b: '4-6' }),
    request: dedicated('db01', 3, { emulatorCpus: 1, ioThreadCpus: 1 }),
    code: 'NO_CORES',
    text: 'cell 0 has 2 free CPUs and cell 1 has 1 free CPU; db01 needs 3, and 2 CPUs for its emulator threads and iothreads',
    next: 'move a off CPUs 0-1',
  },
  {
    what: 'it needs three cells, and then its halves would be too wide',
    host: hostOf({ cells: [4, 4, 4], threads: 1 }),
    request: dedicated('db01', 12),
    code: 'WIDER_THAN_CELL',
    text: 'db01 needs 12 CPUs in one cell, but the largest, cell 0, has 4 CPUs available to it',
    next: 'it fits with numa.cells: 3',
  },
  {
    what: 'guest cores of two threads stay whole in each of two cells',
    host: hostOf({ cells: [3, 3], threads: 1 }),
    request: dedicated('db01', 6, { guestThreads: 2 }),
    code: 'WIDER_THAN_CELL',
    text: 'db01 needs 6 CPUs in one cell, but the largest, cell 0, has 3 CPUs available to it',
    next: undefined,
  },
  {
    what: 'it would fit in two cells if one were not too small',
    host: hostOf({ cells: [2, 4], threads: 2 }),
    request: dedicated('db01', 12),
    code: 'WIDER_THAN_CELL',
    text: 'db01 needs 12 CPUs in one cell, but the largest, cell 1, has 8 CPUs available to it',
    next: undefined,
  },
  {
    what: 'two VMs in the way are of one size: the first by name',
    host: takenBy(small, { b: '0-1', a: '4-5' }),
    request: dedicated('db01', 4),
    code: 'NO_CORES',
    text: 'cell 0 has 2 free CPUs and cell 1 has 2 free CPUs; db01 needs 4',
    next: 'move a off CPUs 4-5',
  },
  {
    what: 'the host has more cells than a line lists',
    host: takenBy(hostOf({ cells: [1, 1, 1, 1, 1, 1], threads: 1 }), { a: '0-5' }),
    request: dedicated('db01', 1),
    code: 'NO_CORES',
    text: 'cell 0 has 0 free CPUs, cell 1 has 0 free CPUs, cell 2 has 0 free CPUs, cell 3 has 0 free CPUs and 2 more; db01 needs 1',
    next: 'move a off CPUs 0-5',
  },
  {
    what: 'a core of which the host keeps a thread is not whole',
    host: hostOf(HOSTS.laptop, { hostCpus: CpuSet.parse('0-2') }),
    request: dedicated('db01', 4, { threads: 'require' }),
    code: 'WIDER_THAN_HOST',
    text: 'db01 has 4 vCPUs, but the host has 2 CPUs available to it',
    next: 'it fits with cpu.threads: prefer',
  },
  {
    what: 'isolate wants cores of which the host keeps no thread',
    host: hostOf(HOSTS.laptop, { hostCpus: CpuSet.parse('0-2') }),
    request: dedicated('db01', 2, { threads: 'isolate' }),
    code: 'WIDER_THAN_HOST',
    text: 'db01 has 2 vCPUs, but the host has 1 core available to it',
    next: 'it fits with cpu.threads: prefer',
  },
];

test.each(CASES)('refused: $what', ({ host, request, code, text, next }) => {
  const { kind, refusals, assignments } = place(host, [request]);
  expect([kind, assignments]).toEqual(['refused', []]);
  expect(refusals).toEqual([{ guest: request.guest, code, text, next }]);
});

test('as few as possible are refused, the last that were asked for; the others are placed', () => {
  const { refusals, assignments } = place(small, [
    dedicated('a', 4),
    dedicated('b', 3),
    dedicated('c', 4),
    dedicated('d', 1),
  ]);
  expect(refusals.map(({ guest, text, next }) => [guest, text, next])).toEqual([
    [
      'c',
      'cell 0 has 0 free CPUs and cell 1 has 0 free CPUs; c needs 4',
      'omit a from the plan (it would get CPUs 0-3)',
    ],
  ]);
  expect(assignments.map(({ guest }) => guest)).toEqual(['a', 'b', 'd']);
});

test('a VM that has a place is not refused for one that has none', () => {
  const first = place(small, [dedicated('old', 4), dedicated('older', 4)]).assignments;
  const again = first.map((current) => dedicated(current.guest, 4, { current }));
  expect(place(small, [dedicated('new', 2), ...again]).refusals.map(({ guest }) => guest)).toEqual(['new']);
});

test('the smallest VM that would make room is named, and not a smaller one that would make none', () => {
  const asked = [dedicated('large', 3), dedicated('little', 1), dedicated('new', 3)];
  const { refusals } = place(hostOf({ cells: [4, 1], threads: 1 }), asked);
  expect(refusals.map(({ guest, next }) => [guest, next])).toEqual([
    ['new', 'omit large from the plan (it would get CPUs 0-2)'],
  ]);
});

test('with the dedicated CPUs of its helpers a VM is named by all that it would get', () => {
  const asked = [dedicated('first', 2, { emulatorCpus: 1 }), dedicated('new', 2)];
  const { refusals } = place(hostOf({ cells: [4], threads: 1 }), asked);
  expect(refusals.map(({ guest, next }) => [guest, next])).toEqual([
    ['new', 'omit first from the plan (it would get CPUs 0-2)'],
  ]);
});

test('VMs above the ratio limit have one refusal, with the worst ratio and the whole ratio that would do', () => {
  const share = (guest: string, ratio: number, before: number | undefined): SharingVm => ({
    guest,
    named: false,
    vcpus: 4,
    before: before === undefined ? undefined : { cpus: CpuSet.parse('0-3'), ratio: before },
    after: { cpus: CpuSet.parse('0-1'), ratio },
  });
  const pool = {
    vcpus: 0,
    cpus: CpuSet.empty,
    worstRatio: 0,
    idleCpus: CpuSet.empty,
    idleSiblings: CpuSet.empty,
  };
  const of = (...vms: readonly SharingVm[]): Sharing => ({ before: pool, after: pool, vms });
  const three = of(share('a', 5.5, 2), share('b', 6.25, 2.5), share('c', 4, 1), share('d', 7, 7));
  expect(ratioRefusals(three, 5, undefined)).toEqual([
    {
      guest: 'b',
      code: 'RATIO_LIMIT',
      text: 'a and b would share 2 CPUs (0-1) at 6.3:1 (now 2.5:1); the limit is 5:1',
      next: 'dedicate CPUs to fewer VMs, or raise the limit with --allow-ratio 7',
    },
  ]);
  const [late] = ratioRefusals(of(share('late', 6, undefined)), 5, 'leave db01 out');
  expect(late?.text).toBe('late would share 2 CPUs (0-1) at 6:1 (now 1:1); the limit is 5:1');
  expect(late?.next).toBe(
    'leave db01 out; or dedicate CPUs to fewer VMs, or raise the limit with --allow-ratio 6',
  );
  expect(ratioRefusals(of(share('a', 5, 2)), 5, undefined)).toEqual([]);
});

test('of many more than there is room for, those asked for first are placed', () => {
  const many = Array.from({ length: 20 }, (_, index) => dedicated(`vm${index}`, 2));
  const { kind, assignments, refusals } = place(small, many);
  expect(kind).toBe('refused');
  expect(assignments.map(({ guest }) => guest)).toEqual(['vm0', 'vm1', 'vm2', 'vm3']);
  expect(refusals).toHaveLength(16);
});

test('the suggested way to make room does make room', { timeout: 120_000 }, () => {
  let tried = 0;
  fc.assert(
    fc.property(smallHost, fewRequests, (host, requests) => {
      const { refusals, assignments } = place(host, requests);
      const placed = requests.flatMap((request): PlacementRequest[] => {
        const current = assignments.find(({ guest }) => guest === request.guest);
        return current === undefined ? [] : [{ ...request, current }];
      });
      for (const { guest, next } of refusals) {
        const refused = requests.find((request) => request.guest === guest) as PlacementRequest;
        const then = remedied(host, placed, refused, next ?? '');
        if (then === undefined) continue;
        tried++;
        expect(place(then.host, then.requests).kind, next).toBe('placed');
      }
    }),
    { numRuns: 200, seed: 20_260_505 },
  );
  expect(tried).toBeGreaterThan(10);
});

/** The host and the VMs after following the advice. */
function remedied(
  host: PlacementHost,
  placed: readonly PlacementRequest[],
  refused: PlacementRequest,
  advice: string,
): { host: PlacementHost; requests: PlacementRequest[] } | undefined {
  const moved = /^move (\S+) off CPUs/.exec(advice)?.[1];
  if (moved !== undefined) {
    const taken = [...host.taken].filter(([, claims]) => claims.some(({ guest }) => guest !== moved));
    return { host: { ...host, taken: new Map(taken) }, requests: [...placed, refused] };
  }
  const left = /^leave (\S+), which/.exec(advice)?.[1];
  if (left !== undefined)
    return { host, requests: [...placed.filter(({ guest }) => guest !== left), refused] };
  const pages = /^allocate ([\d,]+) more pages? of 1 GiB in cell (\d+)$/.exec(advice);
  if (pages !== null) {
    const more = Number(pages[1]?.replaceAll(',', ''));
    const cells = host.cells.map((cell) =>
      cell.id === Number(pages[2])
        ? { ...cell, freePages: new Map([[GIB, (cell.freePages.get(GIB) ?? 0) + more]]) }
        : cell,
    );
    return { host: { ...host, cells }, requests: [...placed, refused] };
  }
  if (refused.kind === 'node') return undefined;
  if (advice === 'it fits with cpu.threads: prefer') {
    return { host, requests: [...placed, { ...refused, threads: 'prefer' }] };
  }
  if (advice.startsWith('it fits with emulator.cpus: 0')) {
    return { host, requests: [...placed, { ...refused, emulatorCpus: 0, ioThreadCpus: 0 }] };
  }
  return undefined;
}

test('guest cells without vCPUs are not offered, though memory would fit with them', () => {
  const host = withMemory(hostOf({ cells: [2, 2, 2], threads: 1 }), [2 * GIB, 2 * GIB, 2 * GIB]);
  const memoryKiB = 6 * GIB;
  const asked = (vcpus: string, guestThreads: number) =>
    place(host, [
      dedicated('db01', 4, { guestThreads, cells: [{ vcpus: CpuSet.parse(vcpus), memoryKiB }] }),
    ]).refusals.map(({ next }) => next);
  expect(asked('0-3', 2)).toEqual([undefined]);
  expect(asked('0-5', 2)).toEqual(['it fits with numa.cells: 3']);
});

test('of cells that a control group forbids only those with CPUs are named', () => {
  const host = withMemory(hostOf(HOSTS.memoryOnly), [GIB, 64 * GIB, 64 * GIB]);
  const { refusals } = place(host, [dedicated('db01', 2, { allowedMemoryCells: CpuSet.of([0]) })]);
  expect(refusals.map(({ text }) => text)).toEqual([
    'cell 0 has 1 GiB of unallocated memory; db01 needs 2 GiB; its control group does not allow memory of cell 1 (cpuset.mems)',
  ]);
});
