import type { Board, Take } from './board.ts';
import type { CellState, CoreState } from './board-state.ts';
import type { CellPlace } from './cost.ts';
import type { DedicatedRequest, GuestCellRequest, NodeRequest } from './types.ts';

/** Where a guest cell sits. */
export interface SeatCell {
  readonly cell: CellState;
  readonly memoryCell: CellState;
  readonly takes: readonly Take[];
  /** Of each of its vCPUs, in their order. */
  readonly cpus: readonly number[];
}

export interface HelperTake {
  readonly core: CoreState;
  readonly cpu: number;
}

/** A whole place for a VM with CPUs of its own. */
export interface DedicatedSeat {
  readonly kind: 'dedicated';
  readonly request: DedicatedRequest;
  readonly cells: readonly SeatCell[];
  /** The emulator's CPUs, then those of the iothreads. */
  readonly helpers: readonly HelperTake[];
  /** What it costs by itself. */
  readonly own: number;
  /** What it adds to the board's cost, its own with it. */
  readonly delta: number;
}

/** A place for the helpers of a VM whose vCPUs have theirs already. */
export interface HelperSeat {
  readonly kind: 'helpers';
  readonly request: DedicatedRequest;
  readonly vcpus: DedicatedSeat;
  readonly helpers: readonly HelperTake[];
  readonly own: number;
  readonly delta: number;
}

/** A place for a VM that shares a cell's CPUs. */
export interface NodeSeat {
  readonly kind: 'node';
  readonly request: NodeRequest;
  readonly cell: CellState;
  readonly own: number;
  readonly delta: number;
}

/** On the board, or possible on it. */
export type Seat = DedicatedSeat | HelperSeat | NodeSeat;

/** Gives a VM its seat. The board must be as it was when the seat was found, but for what was taken elsewhere. */
export function seat(board: Board, taken: Seat): void {
  if (taken.kind === 'node') {
    const { request, cell } = taken;
    board.takeMemory(request, cell, request.memoryKiB);
    board.share(cell, request.vcpus, request.memoryKiB, 1);
  } else {
    if (taken.kind === 'dedicated') {
      taken.cells.forEach((each, index) => {
        takeCell(board, taken.request, index, each);
      });
    }
    for (const { core, cpu } of taken.helpers) board.takeHelper(core, cpu);
  }
  board.cost += taken.own;
}

/** Takes it back; seats may be taken back in any order. */
export function unseat(board: Board, taken: Seat): void {
  board.cost -= taken.own;
  if (taken.kind === 'node') {
    const { request, cell } = taken;
    board.share(cell, request.vcpus, request.memoryKiB, -1);
    board.takeMemory(request, cell, -request.memoryKiB);
    return;
  }
  for (const { core, cpu } of taken.helpers) board.giveHelper(core, cpu);
  if (taken.kind === 'dedicated') {
    taken.cells.forEach((each, index) => {
      giveCell(board, taken.request, index, each);
    });
  }
}

/** A seat in one: of a VM whose vCPUs and helpers were seated one after the other. */
export function whole(taken: Seat): DedicatedSeat | NodeSeat {
  if (taken.kind !== 'helpers') return taken;
  const { vcpus, helpers, own } = taken;
  return { ...vcpus, helpers, own: vcpus.own + own };
}

export function takeCell(board: Board, request: DedicatedRequest, index: number, at: SeatCell): void {
  board.takeMemory(request, at.memoryCell, guestCell(request, index).memoryKiB);
  for (const take of at.takes) board.takeVcpus(take, request.threads !== 'prefer');
}

export function giveCell(board: Board, request: DedicatedRequest, index: number, at: SeatCell): void {
  for (const take of at.takes) board.giveVcpus(take);
  board.takeMemory(request, at.memoryCell, -guestCell(request, index).memoryKiB);
}

const guestCell = (request: DedicatedRequest, index: number): GuestCellRequest =>
  request.cells[index] as GuestCellRequest;

export function siteOf(board: Board, request: DedicatedRequest, index: number, at: SeatCell): CellPlace {
  return {
    cell: at.cell.id,
    memoryCell: at.memoryCell.id,
    vcpus: [...guestCell(request, index).vcpus],
    cores: at.cpus.map((cpu) => (board.coreOf.get(cpu) as CoreState).core),
  };
}

/** All of a VM's guest cells. */
export const sitesOf = (
  board: Board,
  { request, cells }: Pick<DedicatedSeat, 'request' | 'cells'>,
): CellPlace[] => cells.map((at, index) => siteOf(board, request, index, at));
