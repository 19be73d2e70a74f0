import type { Board, Take } from './board.ts';
import type { CellState, CoreState } from './board-state.ts';
import type { CellSite } from './objective.ts';
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

/** A whole place for one VM: on the board, or possible on it. */
export type Seat =
  | {
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
  | {
      readonly kind: 'node';
      readonly request: NodeRequest;
      readonly cell: CellState;
      readonly own: number;
      readonly delta: number;
    };

/** Gives a VM its seat. The board must be as it was when the seat was found, but for what was taken elsewhere. */
export function seat(board: Board, taken: Seat): void {
  const { request } = taken;
  if (taken.kind === 'node') {
    board.takeMemory(request, taken.cell, taken.request.memoryKiB);
    board.share(taken.cell, taken.request.vcpus, taken.request.memoryKiB, 1);
  } else {
    taken.cells.forEach((each, index) => {
      takeCell(board, taken.request, index, each);
    });
    for (const { core, cpu } of taken.helpers) board.takeHelper(core, cpu);
  }
  board.cost += taken.own;
}

/** Takes it back; seats may be taken back in any order. */
export function unseat(board: Board, taken: Seat): void {
  board.cost -= taken.own;
  if (taken.kind === 'node') {
    board.share(taken.cell, taken.request.vcpus, taken.request.memoryKiB, -1);
    board.takeMemory(taken.request, taken.cell, -taken.request.memoryKiB);
    return;
  }
  for (const { core, cpu } of [...taken.helpers].reverse()) board.giveHelper(core, cpu);
  taken.cells.forEach((each, index) => {
    giveCell(board, taken.request, index, each);
  });
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

export function siteOf(board: Board, request: DedicatedRequest, index: number, at: SeatCell): CellSite {
  return {
    cell: at.cell.id,
    memoryCell: at.memoryCell.id,
    vcpus: [...guestCell(request, index).vcpus],
    cores: at.cpus.map((cpu) => (board.coreOf.get(cpu) as CoreState).core),
  };
}
