import type { Board } from './board.ts';
import type { Budget } from './budget.ts';
import { dedicatedSeats } from './dedicated-seats.ts';
import type { Seat } from './seat.ts';
import type { NodeRequest, PlacementRequest } from './types.ts';

/** Cheapest first. */
export interface Seats {
  readonly seats: readonly Seat[];
  /** None was left out, but for such as are like another. */
  readonly complete: boolean;
}

/** How widely to look. */
export interface Breadth {
  readonly exact: boolean;
  /** Places tried of the first, second, ... guest cell; the last number holds for the rest. */
  readonly cells: readonly number[];
  /** Seats listed. */
  readonly seats: number;
}

/** The few places that are worth a try on a large host. */
export const LIKELY: Breadth = { exact: false, cells: [8, 2, 1], seats: 8 };
/** All places, unless there are very many. */
export const ALL: Breadth = { exact: true, cells: [512], seats: 512 };

/** What leaving its place of today would cost a VM with a seat. */
export type MoveCost = (seat: Seat) => number;

/** The seats that a VM could have on the board as it is, which is left as it was. */
export function seatsFor(
  board: Board,
  request: PlacementRequest,
  breadth: Breadth,
  budget: Budget,
  moveCost: MoveCost,
): Seats {
  const found =
    request.kind === 'node'
      ? { seats: nodeSeats(board, request, budget), complete: true }
      : dedicatedSeats(board, request, breadth, budget);
  const seats = found.seats.map((seat) => {
    const cost = moveCost(seat);
    return cost === 0 ? seat : { ...seat, own: seat.own + cost, delta: seat.delta + cost };
  });
  return { seats: seats.sort((a, b) => a.delta - b.delta), complete: found.complete };
}

/** One for each cell that has room, its cost the load there. */
function nodeSeats(board: Board, request: NodeRequest, budget: Budget): Seat[] {
  return board.cells
    .filter((cell) => cell.cores.length > 0 && cell.sharedCpus >= request.vcpus)
    .filter((cell) => board.memoryFits(request, cell, request.memoryKiB))
    .map((cell) => {
      budget.spend(1);
      const before = board.cost;
      board.share(cell, request.vcpus, request.memoryKiB, 1);
      const delta = board.cost - before;
      board.share(cell, request.vcpus, request.memoryKiB, -1);
      return { kind: 'node', request, cell, own: 0, delta };
    });
}
