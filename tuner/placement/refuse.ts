import type { Board } from './board.ts';
import type { CellState } from './board-state.ts';
import { helpersOf } from './helper-seats.ts';
import { makeRoom, morePages } from './make-room.ts';
import { neverReason, type Reason } from './never.ts';
import type { Search } from './search.ts';
import type {
  Assignment,
  DedicatedRequest,
  NodeRequest,
  PlacementHost,
  PlacementRequest,
  Refusal,
} from './types.ts';
import { counted, listed, sized } from './words.ts';

/** Why a VM has no place beside those that have theirs in `search`, and what would make room. */
export function refuse(
  host: PlacementHost,
  request: PlacementRequest,
  search: Search,
  assignments: readonly Assignment[],
): Refusal {
  const { guest } = request;
  const never = neverReason(host, request);
  if (never !== undefined) return { guest, ...never, next: makeRoom(host, request, search, assignments) };
  if (search.fits({ ...request, pageKiB: undefined, bound: false })) {
    const reason = memoryReason(search.board, request);
    return {
      guest,
      ...reason,
      next: morePages(search, request) ?? makeRoom(host, request, search, assignments),
    };
  }
  const reason = request.kind === 'node' ? sharedReason(search.board, request) : coresReason(search, request);
  return { guest, ...reason, next: makeRoom(host, request, search, assignments) };
}

/** Where a VM's memory may come from. */
function memoryCells(board: Board, request: PlacementRequest): CellState[] {
  const asked = request.kind === 'node' ? [] : request.cells.flatMap(({ memoryCell }) => memoryCell ?? []);
  return asked.length === 0 ? withCpus(board) : board.cells.filter(({ id }) => asked.includes(id));
}

const withCpus = (board: Board): CellState[] => board.cells.filter((cell) => cell.cores.length > 0);

/** `cell 0 has 3 free cores and cell 1 has 1 free core` */
const perCell = (cells: readonly CellState[], has: (cell: CellState) => string): string =>
  listed(cells.map((cell) => `cell ${cell.id} has ${has(cell)}`));

function memoryReason(board: Board, request: PlacementRequest): Reason {
  const { guest, pageKiB } = request;
  const parts = request.kind === 'node' ? [request.memoryKiB] : request.cells.map((cell) => cell.memoryKiB);
  const apart = parts.length > 1 ? ', in cells apart' : '';
  if (pageKiB === undefined) {
    const has = perCell(memoryCells(board, request), (cell) =>
      cell.freeKiB === undefined ? 'unknown memory' : sized(cell.freeKiB),
    );
    return {
      code: 'NO_MEMORY',
      text: `${has} not promised to others; ${guest} needs ${listed(parts.map(sized))}${apart}`,
    };
  }
  const pages = parts.map((kib) => Math.ceil(kib / pageKiB));
  const needs = `${guest} needs ${listed(pages.map((count) => count.toLocaleString('en')))}${apart}`;
  const size = sized(pageKiB);
  const free = board.cells.map((cell) => cell.freePages.get(pageKiB));
  if (free.every((count) => count === undefined)) {
    return { code: 'NO_PAGES', text: `no cell has pages of ${size}; ${needs}` };
  }
  const left = Math.max(0, board.pagesLeft(pageKiB));
  const all = pages.reduce((sum, count) => sum + count, 0);
  const floats = left < all && left < free.reduce((sum: number, count) => sum + (count ?? 0), 0);
  const total = floats
    ? `, ${left.toLocaleString('en')} of them all once VMs bound to no cell have booted`
    : '';
  const has = perCell(memoryCells(board, request), (cell) =>
    counted(cell.freePages.get(pageKiB) ?? 0, 'free page'),
  );
  return { code: 'NO_PAGES', text: `${has} of ${size}${total}; ${needs}` };
}

function sharedReason(board: Board, { guest, vcpus }: NodeRequest): Reason {
  const has = perCell(withCpus(board), (cell) => counted(cell.sharedCpus, 'CPU'));
  return { code: 'NO_CORES', text: `${has} to share; ${guest} has ${counted(vcpus, 'vCPU')}` };
}

function coresReason(search: Search, request: DedicatedRequest): Reason {
  const { guest, threads, cells } = request;
  const { board } = search;
  const unit = threads === 'prefer' ? 'free CPU' : 'free core';
  const wide = Math.max(1, ...board.cells.flatMap((cell) => cell.cores.map((core) => core.core.cpus.length)));
  const need = (vcpus: number): number => (threads === 'require' ? Math.ceil(vcpus / wide) : vcpus);
  const needs = listed(cells.map((cell) => need(cell.vcpus.size).toLocaleString('en')));
  const apart = cells.length > 1 ? ', in cells apart' : '';
  const helpers = helpersOf(request);
  const has = perCell(withCpus(board), (cell) => counted(freeFor(cell, request), unit));
  if (helpers === 0) return { code: 'NO_CORES', text: `${has}; ${guest} needs ${needs}${apart}` };
  const cpus = counted(helpers, 'CPU');
  const bare = search.fits({ ...request, emulatorCpus: 0, ioThreadCpus: 0 });
  return {
    code: 'NO_CORES',
    text: bare
      ? `${guest} finds cores for its vCPUs, but not ${cpus} beside them for its emulator and iothreads: ${has}`
      : `${has}; ${guest} needs ${needs}${apart}, and ${cpus} for its emulator and iothreads`,
  };
}

/** Cores, or with `prefer` CPUs, of a cell that this VM's vCPUs could still have. */
function freeFor(cell: CellState, { threads }: DedicatedRequest): number {
  return [...cell.lots.values()].reduce((sum, lot) => {
    if (threads === 'prefer') return lot.kind === 'helpers' ? sum : sum + lot.cores.length * lot.threads;
    return lot.kind === 'whole' && (threads === 'isolate' || lot.threads > 1) ? sum + lot.cores.length : sum;
  }, 0);
}
