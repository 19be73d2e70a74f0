import { CpuSet } from '../../model/cpu-set.ts';
import { counted, listed, sized } from './amounts.ts';
import { type Candidate, helperCount } from './candidate.ts';
import { Budget } from './search.ts';
import { pushedAbove, ratioText, type Sharing } from './sharing.ts';
import { Solver } from './solver.ts';
import type { CellState, HostState } from './state.ts';
import type {
  Assignment,
  DedicatedRequest,
  GuestCellRequest,
  NodeRequest,
  PlacementHost,
  PlacementRequest,
  Refusal,
  ThreadPolicy,
} from './types.ts';

/*
 * Explains refusals: why a VM has no place, with figures, and what would make room.
 */

type Reason = Pick<Refusal, 'code' | 'text'>;

/** Explains why a VM has no place beside those placed in `solver`, and what would make room. */
export function explainRefusal(
  host: PlacementHost,
  request: PlacementRequest,
  solver: Solver,
  assignments: readonly Assignment[],
): Refusal {
  const { guest } = request;
  const impossible = impossibleReason(host, request);
  if (impossible !== undefined)
    return { guest, ...impossible, next: whatMakesRoom(host, request, solver, assignments) };
  if (solver.fits({ ...request, pageKiB: undefined, bound: false })) {
    const reason = memoryReason(solver.state, request);
    return {
      guest,
      ...reason,
      next: morePages(solver, request) ?? whatMakesRoom(host, request, solver, assignments),
    };
  }
  const reason = request.kind === 'node' ? nodeReason(solver.state, request) : coresReason(solver, request);
  const text = `${reason.text}${forbiddenText(solver.state, request)}`;
  return { guest, ...reason, text, next: whatMakesRoom(host, request, solver, assignments) };
}

/** The cells that a VM's memory may come from. */
function memoryCells(state: HostState, request: PlacementRequest): CellState[] {
  const asked = request.kind === 'node' ? [] : request.cells.flatMap(({ memoryCell }) => memoryCell ?? []);
  const cells = asked.length === 0 ? withCpus(state) : state.cells.filter(({ id }) => asked.includes(id));
  return cells.filter(({ id }) => request.allowedMemoryCells?.has(id) !== false);
}

/** `; its control group does not allow memory of cell 1 (cpuset.mems)`; empty without such cells with CPUs. */
function forbiddenText(state: HostState, { allowedMemoryCells }: PlacementRequest): string {
  const forbidden = withCpus(state).filter(({ id }) => allowedMemoryCells?.has(id) === false);
  const ids = listed(forbidden.map(({ id }) => `${id}`));
  const cells = forbidden.length === 1 ? 'cell' : 'cells';
  return forbidden.length === 0
    ? ''
    : `; its control group does not allow memory of ${cells} ${ids} (cpuset.mems)`;
}

const withCpus = (state: HostState): CellState[] => state.cells.filter((cell) => cell.cores.length > 0);

/** `cell 0 has 3 free cores and cell 1 has 1 free core` */
const perCell = (cells: readonly CellState[], has: (cell: CellState) => string): string =>
  listed(cells.map((cell) => `cell ${cell.id} has ${has(cell)}`));

function memoryReason(state: HostState, request: PlacementRequest): Reason {
  const { guest, pageKiB } = request;
  const parts = request.kind === 'node' ? [request.memoryKiB] : request.cells.map((cell) => cell.memoryKiB);
  const apart = parts.length > 1 ? ', in separate cells' : '';
  if (pageKiB === undefined) {
    const has = perCell(memoryCells(state, request), (cell) =>
      cell.freeKiB === undefined ? 'an unknown amount' : sized(cell.freeKiB),
    );
    return {
      code: 'NO_MEMORY',
      text: `${has} of unallocated memory; ${guest} needs ${listed(parts.map(sized))}${apart}${forbiddenText(state, request)}`,
    };
  }
  const pages = parts.map((kib) => Math.ceil(kib / pageKiB));
  const needs = `${guest} needs ${listed(pages.map((count) => count.toLocaleString('en')))}${apart}`;
  const size = sized(pageKiB);
  const free = state.cells.map((cell) => cell.freePages.get(pageKiB));
  if (free.every((count) => count === undefined)) {
    return { code: 'NO_PAGES', text: `no cell has huge pages of ${size}; ${needs}` };
  }
  const left = Math.max(0, state.pagesLeft(pageKiB));
  const all = pages.reduce((sum, count) => sum + count, 0);
  const floats = left < all && left < free.reduce((sum: number, count) => sum + (count ?? 0), 0);
  const total = floats
    ? `, ${left.toLocaleString('en')} in total once VMs without a NUMA binding have booted`
    : '';
  const has = perCell(memoryCells(state, request), (cell) =>
    counted(cell.freePages.get(pageKiB) ?? 0, 'free page'),
  );
  return { code: 'NO_PAGES', text: `${has} of ${size}${total}; ${needs}${forbiddenText(state, request)}` };
}

function nodeReason(state: HostState, { guest, vcpus }: NodeRequest): Reason {
  const has = perCell(withCpus(state), (cell) =>
    cell.sharedCpus === 0 ? 'no CPUs left to share' : `${counted(cell.sharedCpus, 'CPU')} to share`,
  );
  return { code: 'NO_CORES', text: `${has}; ${guest} has ${counted(vcpus, 'vCPU')}` };
}

function coresReason(solver: Solver, request: DedicatedRequest): Reason {
  const { guest, threads, cells } = request;
  const { state } = solver;
  const unit = threads === 'prefer' ? 'free CPU' : 'free core';
  const wide = Math.max(1, ...state.cells.flatMap((cell) => cell.cores.map((core) => core.core.cpus.length)));
  const need = (vcpus: number): number => (threads === 'require' ? Math.ceil(vcpus / wide) : vcpus);
  const needs = listed(cells.map((cell) => need(cell.vcpus.size).toLocaleString('en')));
  const apart = cells.length > 1 ? ', in separate cells' : '';
  const helpers = helperCount(request);
  const has = perCell(withCpus(state), (cell) => counted(freeFor(cell, request), unit));
  if (helpers === 0) return { code: 'NO_CORES', text: `${has}; ${guest} needs ${needs}${apart}` };
  const cpus = counted(helpers, 'CPU');
  const bare = solver.fits({ ...request, emulatorCpus: 0, ioThreadCpus: 0 });
  return {
    code: 'NO_CORES',
    text: bare
      ? `the vCPUs of ${guest} fit, but not the ${cpus} for its emulator threads and iothreads: ${has}`
      : `${has}; ${guest} needs ${needs}${apart}, and ${cpus} for its emulator threads and iothreads`,
  };
}

/** Cores (CPUs with `prefer`) of a cell still available to this VM's vCPUs. */
function freeFor(cell: CellState, { threads }: DedicatedRequest): number {
  return [...cell.groups.values()].reduce((sum, group) => {
    if (threads === 'prefer') return group.use === 'helpers' ? sum : sum + group.cores.length * group.threads;
    return group.use === 'whole' && (threads === 'isolate' || group.threads > 1)
      ? sum + group.cores.length
      : sum;
  }, 0);
}

/** Why a VM does not fit even on the empty host; undefined if the host has enough CPUs. */
function impossibleReason(given: PlacementHost, request: PlacementRequest): Reason | undefined {
  const host = withinMemoryCells(given, request);
  if (host.cores.length === 0 && given.cores.length > 0) {
    const cells = request.allowedMemoryCells;
    return {
      code: 'NO_CELL',
      text: `the control group of ${request.guest} allows memory of cells ${cells} only, but these cells have no CPUs for VMs (cpuset.mems, AllowedMemoryNodes= of its slice)`,
    };
  }
  return request.kind === 'node' ? impossibleNode(host, request) : impossibleDedicated(host, request);
}

/** Drops the cores of cells that the VM's memory may not come from, unless its memory comes from other cells anyway. */
function withinMemoryCells(host: PlacementHost, request: PlacementRequest): PlacementHost {
  const { allowedMemoryCells } = request;
  const elsewhere =
    request.kind === 'dedicated' && request.cells.some(({ memoryCell }) => memoryCell !== undefined);
  if (allowedMemoryCells === undefined || elsewhere) return host;
  return { ...host, cores: host.cores.filter(({ cell }) => allowedMemoryCells.has(cell)) };
}

/** vCPUs that each cell could take. */
interface CellRoom {
  readonly cell: number;
  readonly room: number;
}

function impossibleNode(host: PlacementHost, { guest, vcpus }: NodeRequest): Reason | undefined {
  const rooms = cellRooms(
    host,
    (cell) => cell.flatMap(({ cpus }) => cpus.filter((cpu) => !host.isolated.has(cpu))).length,
  );
  return tooWide(guest, rooms, vcpus, vcpus, 'CPU');
}

function impossibleDedicated(host: PlacementHost, request: DedicatedRequest): Reason | undefined {
  const { guest, threads, cells } = request;
  const rooms = cellRooms(host, (cores) => vcpusThatFit(cores, threads));
  const missing = cells
    .flatMap(({ memoryCell }) => memoryCell ?? [])
    .find((id) => !host.cells.some((cell) => cell.id === id));
  if (missing !== undefined) {
    const there = listed(host.cells.map(({ id }) => `${id}`));
    return {
      code: 'NO_CELL',
      text: `${guest} needs memory of cell ${missing}, but the host has cells ${there}`,
    };
  }
  if (threads === 'require' && host.cores.length > 0 && rooms.every(({ room }) => room === 0)) {
    return {
      code: 'NO_SMT',
      text: `${guest} requires sibling threads (cpu.threads: require), but no core of this host has two threads for VMs`,
    };
  }
  if (cells.length > rooms.length && rooms.length > 0) {
    const has = counted(rooms.length, 'cell');
    return {
      code: 'NO_CELL',
      text: `${guest} has ${counted(cells.length, 'cell')}, but the host has ${has} with CPUs for VMs`,
    };
  }
  const vcpus = cells.reduce((sum, cell) => sum + cell.vcpus.size, 0);
  const widest = Math.max(...cells.map((cell) => cell.vcpus.size));
  return tooWide(guest, rooms, vcpus, widest, threads === 'isolate' ? 'core' : 'CPU');
}

function tooWide(
  guest: string,
  rooms: readonly CellRoom[],
  vcpus: number,
  widest: number,
  unit: string,
): Reason | undefined {
  const all = rooms.reduce((sum, { room }) => sum + room, 0);
  if (vcpus > all) {
    const has = all === 0 ? `no ${unit}s` : counted(all, unit);
    return {
      code: 'WIDER_THAN_HOST',
      text: `${guest} has ${counted(vcpus, 'vCPU')}, but the host has ${has} available to it`,
    };
  }
  const [largest] = [...rooms].sort((a, b) => b.room - a.room);
  if (largest === undefined || widest <= largest.room) return undefined;
  const has = `${largest.cell}, has ${counted(largest.room, unit)}`;
  return {
    code: 'WIDER_THAN_CELL',
    text: `${guest} needs ${counted(widest, unit)} in one cell, but the largest, cell ${has} available to it`,
  };
}

function cellRooms(host: PlacementHost, room: (cores: PlacementHost['cores']) => number): CellRoom[] {
  return [...Map.groupBy(host.cores, (core) => core.cell)].map(([cell, cores]) => ({
    cell,
    room: room(cores),
  }));
}

/** vCPUs that these cores could take if no other VM used them. */
function vcpusThatFit(cores: PlacementHost['cores'], threads: ThreadPolicy): number {
  const whole = cores.filter((core) => core.cpus.length === core.threads);
  if (threads === 'isolate') return whole.length;
  const usable = threads === 'require' ? whole.filter((core) => core.threads > 1) : cores;
  return usable.reduce((sum, core) => sum + core.cpus.length, 0);
}

/** Other VMs tried, smallest number of CPUs first. */
const MAX_TRIED = 16;
/** Search steps per VM tried. */
const STEPS = 20_000;

/**
 * What would make room for a VM that does not fit beside those placed in `solver`. Each answer has been tried and makes
 * the VM fit.
 * 1. Leaving out one other VM, the one with the fewest CPUs.
 * 2. A less demanding request: threads of shared cores, no dedicated CPUs for helpers, more guest cells.
 */
function whatMakesRoom(
  host: PlacementHost,
  request: PlacementRequest,
  solver: Solver,
  assignments: readonly Assignment[],
): string | undefined {
  return anotherVmLess(host, request, solver, assignments) ?? milderRequest(host, request, solver);
}

/** The fewest additional huge pages that suffice, for a VM that lacks only these. */
function morePages(solver: Solver, request: PlacementRequest): string | undefined {
  const { pageKiB } = request;
  const memoryKiB = request.kind === 'node' ? request.memoryKiB : request.cells[0]?.memoryKiB;
  if (pageKiB === undefined || memoryKiB === undefined) return undefined;
  if (request.kind === 'dedicated' && request.cells.length > 1) return undefined;
  const { state } = solver;
  const need = Math.ceil(memoryKiB / pageKiB);
  const enough = state.cells
    .map((cell) => {
      const free = Math.min(cell.freePages.get(pageKiB) ?? 0, state.pagesLeft(pageKiB));
      return { cell, short: need - free };
    })
    .filter(({ cell, short }) => {
      if (short <= 0) return false;
      state.reserveMemory(request, cell, -short * pageKiB);
      const fits = solver.fits(request);
      state.reserveMemory(request, cell, short * pageKiB);
      return fits;
    })
    .sort((a, b) => a.short - b.short);
  const [least] = enough;
  return least === undefined
    ? undefined
    : `allocate ${counted(least.short, 'more page', 'more pages')} of ${sized(pageKiB)} in cell ${least.cell.id}`;
}

/** The VM with the fewest CPUs whose removal makes room, placed or outside the placement. */
function anotherVmLess(
  host: PlacementHost,
  request: PlacementRequest,
  solver: Solver,
  assignments: readonly Assignment[],
): string | undefined {
  const taken = [...takenBy(host)].map(([guest, cpus]) => ({
    guest,
    cpus,
    helps: () => fitsOnHostWithout(host, request, solver, { guest, assignments }),
    text: `move ${guest} off CPUs ${cpus}`,
  }));
  const placed = assignments.flatMap((assignment) => {
    const other = solver.requests.find(({ guest }) => guest === assignment.guest);
    const cpus = other === undefined ? CpuSet.empty : cpusOf(solver.placeOf(other));
    if (other === undefined || cpus.size === 0) return [];
    return [
      {
        guest: assignment.guest,
        cpus,
        helps: () => solver.fitsWithout(request, other),
        text: `omit ${assignment.guest} from the plan (it would get CPUs ${cpus})`,
      },
    ];
  });
  return [...taken, ...placed]
    .sort((a, b) => a.cpus.size - b.cpus.size || (a.guest < b.guest ? -1 : 1))
    .slice(0, MAX_TRIED)
    .find(({ helps }) => helps())?.text;
}

/** The CPUs that a candidate takes from other VMs. */
function cpusOf(candidate: Candidate | undefined): CpuSet {
  if (candidate?.kind !== 'dedicated') return CpuSet.empty;
  return CpuSet.of([
    ...candidate.cells.flatMap((cell) => cell.cpus),
    ...candidate.helpers.map(({ cpu }) => cpu),
  ]);
}

/** CPUs dedicated to each VM outside the placement. */
function takenBy(host: PlacementHost): Map<string, CpuSet> {
  const by = new Map<string, number[]>();
  for (const [cpu, claims] of host.taken) {
    for (const { guest } of claims) by.set(guest, [...(by.get(guest) ?? []), cpu]);
  }
  return new Map([...by].map(([guest, cpus]) => [guest, CpuSet.of(cpus)]));
}

/** Whether the VM would have a place if a VM outside the placement gave up its dedicated CPUs. */
function fitsOnHostWithout(
  host: PlacementHost,
  request: PlacementRequest,
  solver: Solver,
  { guest, assignments }: { guest: string; assignments: readonly Assignment[] },
): boolean {
  const taken = new Map(
    [...host.taken].flatMap(([cpu, claims]) => {
      const left = claims.filter((claim) => claim.guest !== guest);
      return left.length === 0 ? [] : [[cpu, left] as const];
    }),
  );
  const current = new Map(assignments.map((assignment) => [assignment.guest, assignment]));
  const others = solver.requests.flatMap((each): PlacementRequest[] => {
    const place = current.get(each.guest);
    return place === undefined ? [] : [{ ...each, current: place }];
  });
  const emptier = new Solver({ ...host, taken }, others, { budget: new Budget(STEPS), moveCost: () => 0 });
  return emptier.keep(others).length === 0 && emptier.fits(request);
}

function milderRequest(host: PlacementHost, request: PlacementRequest, solver: Solver): string | undefined {
  if (request.kind === 'node') return undefined;
  const counts =
    request.cells.length === 1 ? [2, 3, 4, 6, 8].filter((count) => count <= host.cells.length) : [];
  const requests: readonly [DedicatedRequest, string][] = [
    [{ ...request, threads: 'prefer' }, 'cpu.threads: prefer'],
    [{ ...request, emulatorCpus: 0, ioThreadCpus: 0 }, 'emulator.cpus: 0 and iothread.cpus: 0'],
    ...counts.flatMap((count): [DedicatedRequest, string][] => {
      const cells = split(request, count);
      // With fewer vCPUs than cells, part of the memory would belong to no cell.
      return cells.length === count ? [[{ ...request, cells }, `numa.cells: ${count}`]] : [];
    }),
  ];
  const helpful = requests.find(([milder]) => solver.fits(milder));
  return helpful === undefined ? undefined : `it fits with ${helpful[1]}`;
}

/** Splits its vCPUs and memory into `count` guest cells; the last gets fewer vCPUs if they do not divide evenly. */
function split({ cells, guestThreads }: DedicatedRequest, count: number): GuestCellRequest[] {
  const vcpus = [...(cells[0]?.vcpus ?? [])];
  const each = Math.ceil(vcpus.length / count / guestThreads) * guestThreads;
  const memoryKiB = Math.ceil((cells[0]?.memoryKiB ?? 0) / count);
  return Array.from({ length: count }, (_, index) => ({
    vcpus: CpuSet.of(vcpus.slice(index * each, (index + 1) * each)),
    memoryKiB,
    memoryCell: cells[0]?.memoryCell,
  })).filter((cell) => cell.vcpus.size > 0);
}

/** One refusal for all VMs that a plan would push above the ratio limit. */
export function ratioRefusals(sharing: Sharing, allowedRatio: number, next: string | undefined): Refusal[] {
  const over = pushedAbove(sharing, allowedRatio);
  const worst = over.toSorted((a, b) => b.after.ratio - a.after.ratio)[0];
  if (worst === undefined) return [];
  const names = listed(over.map(({ guest }) => guest));
  return [
    {
      guest: worst.guest,
      code: 'RATIO_LIMIT',
      text: `${names} would share ${counted(worst.after.cpus.size, 'CPU')} (${worst.after.cpus}) at ${ratioText(worst.after.ratio)} (now ${ratioText(worst.before?.ratio ?? 1)}); the limit is ${ratioText(allowedRatio)}`,
      next: `${next === undefined ? '' : `${next}; or `}dedicate CPUs to fewer VMs, or raise the limit with --allow-ratio ${Math.ceil(worst.after.ratio)}`,
    },
  ];
}
