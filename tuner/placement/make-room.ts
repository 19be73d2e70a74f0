import { CpuSet } from '../../model/cpu-set.ts';
import { Budget } from './budget.ts';
import { Search } from './search.ts';
import type { Seat } from './seat.ts';
import type {
  Assignment,
  DedicatedRequest,
  GuestCellRequest,
  PlacementHost,
  PlacementRequest,
} from './types.ts';
import { counted, sized } from './words.ts';

/** Others whose leaving is tried out, the smallest first. */
const TRIED = 16;
const STEPS = 20_000;

/**
 * What would make room for a VM that has none beside those seated in `search`. Each answer has been tried: the VM
 * finds a seat then.
 * 1. One other VM less, the one with the fewest CPUs.
 * 2. A milder wish of its own: threads of shared cores, no CPUs for helpers, more guest cells.
 */
export function makeRoom(
  host: PlacementHost,
  request: PlacementRequest,
  search: Search,
  assignments: readonly Assignment[],
): string | undefined {
  return withoutAnother(host, request, search, assignments) ?? milder(host, request, search);
}

/** Hugepages that would do, of a VM that lacks nothing else. */
export function morePages(search: Search, request: PlacementRequest): string | undefined {
  const { pageKiB } = request;
  const memoryKiB = request.kind === 'node' ? request.memoryKiB : request.cells[0]?.memoryKiB;
  if (pageKiB === undefined || memoryKiB === undefined) return undefined;
  if (request.kind === 'dedicated' && request.cells.length > 1) return undefined;
  const { board } = search;
  const need = Math.ceil(memoryKiB / pageKiB);
  const enough = board.cells
    .map((cell) => {
      const free = Math.min(cell.freePages.get(pageKiB) ?? 0, board.pagesLeft(pageKiB));
      return { cell, short: need - free };
    })
    .filter(({ cell, short }) => {
      if (short <= 0) return false;
      board.takeMemory(request, cell, -short * pageKiB);
      const fits = search.fits(request);
      board.takeMemory(request, cell, short * pageKiB);
      return fits;
    })
    .sort((a, b) => a.short - b.short);
  const [least] = enough;
  return least === undefined
    ? undefined
    : `room with ${counted(least.short, 'more page', 'more pages')} of ${sized(pageKiB)} in cell ${least.cell.id}`;
}

function withoutAnother(
  host: PlacementHost,
  request: PlacementRequest,
  search: Search,
  assignments: readonly Assignment[],
): string | undefined {
  const taken = [...takenBy(host)].map(([guest, cpus]) => ({
    guest,
    cpus,
    helps: () => fitsWithout(host, request, search, { guest, assignments }),
    text: `free by moving ${guest} off CPUs ${cpus}`,
  }));
  const placed = assignments.flatMap((assignment) => {
    const seated = search.requests.find(({ guest }) => guest === assignment.guest);
    const cpus = seated === undefined ? CpuSet.empty : cpusOf(search.seatOf(seated));
    if (seated === undefined || cpus.size === 0) return [];
    return [
      {
        guest: assignment.guest,
        cpus,
        helps: () => search.without(seated, () => search.fits(request)),
        text: `free by leaving ${assignment.guest} out, which is to have CPUs ${cpus}`,
      },
    ];
  });
  return [...taken, ...placed]
    .sort((a, b) => a.cpus.size - b.cpus.size || (a.guest < b.guest ? -1 : 1))
    .slice(0, TRIED)
    .find(({ helps }) => helps())?.text;
}

/** The CPUs that a seat keeps from others. */
function cpusOf(seat: Seat | undefined): CpuSet {
  if (seat?.kind !== 'dedicated') return CpuSet.empty;
  return CpuSet.of([...seat.cells.flatMap((cell) => cell.cpus), ...seat.helpers.map(({ cpu }) => cpu)]);
}

function takenBy(host: PlacementHost): Map<string, CpuSet> {
  const by = new Map<string, number[]>();
  for (const [cpu, claims] of host.taken) {
    for (const { guest } of claims) by.set(guest, [...(by.get(guest) ?? []), cpu]);
  }
  return new Map([...by].map(([guest, cpus]) => [guest, CpuSet.of(cpus)]));
}

function fitsWithout(
  host: PlacementHost,
  request: PlacementRequest,
  search: Search,
  { guest, assignments }: { guest: string; assignments: readonly Assignment[] },
): boolean {
  const taken = new Map(
    [...host.taken].flatMap(([cpu, claims]) => {
      const left = claims.filter((claim) => claim.guest !== guest);
      return left.length === 0 ? [] : [[cpu, left] as const];
    }),
  );
  const current = new Map(assignments.map((assignment) => [assignment.guest, assignment]));
  const seated = search.requests.flatMap((each): PlacementRequest[] => {
    const place = current.get(each.guest);
    return place === undefined ? [] : [{ ...each, current: place }];
  });
  const emptier = new Search({ ...host, taken }, seated, { budget: new Budget(STEPS), moveCost: () => 0 });
  return emptier.keep(seated).length === 0 && emptier.fits(request);
}

function milder(host: PlacementHost, request: PlacementRequest, search: Search): string | undefined {
  if (request.kind === 'node') return undefined;
  const cells = host.cells.length;
  const wishes: readonly [DedicatedRequest, string][] = [
    [{ ...request, threads: 'prefer' }, 'with thread policy prefer'],
    [{ ...request, emulatorCpus: 0, ioThreadCpus: 0 }, 'without CPUs of its own for emulator and iothreads'],
    ...[2, 3, 4, 6, 8]
      .filter((count) => count <= cells && request.cells.length === 1)
      .map((count): [DedicatedRequest, string] => [
        { ...request, cells: split(request, count) },
        `with ${count} guest cells`,
      ]),
  ];
  const helpful = wishes.find(([wish]) => search.fits(wish));
  return helpful === undefined ? undefined : `room ${helpful[1]}`;
}

/** Its vCPUs and memory in so many guest cells; the first ones are larger where it does not come out even. */
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
