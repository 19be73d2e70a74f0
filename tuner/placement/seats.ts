import type { Board } from './board.ts';
import type { Budget } from './budget.ts';
import { deviceCost, helperCost } from './cost.ts';
import { dedicatedSeats } from './dedicated-seats.ts';
import { helperSeats } from './helper-seats.ts';
import { keptHelpers } from './keep.ts';
import { type DedicatedSeat, type HelperSeat, type NodeSeat, type Seat, sitesOf } from './seat.ts';
import type { NodeRequest, PlacementRequest } from './types.ts';

/** Cheapest first. */
export interface Seats<S extends Seat = Seat> {
  readonly seats: readonly S[];
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
export type MoveCost = (seat: DedicatedSeat | NodeSeat) => number;

/** What a search is done with. */
export interface Looking {
  readonly board: Board;
  readonly budget: Budget;
  readonly moveCost: MoveCost;
}

/** The seats that a VM could have on the board as it is, which is left as it was. */
export function seatsFor(
  { board, budget, moveCost }: Looking,
  request: PlacementRequest,
  breadth: Breadth,
): Seats {
  const found: Seats<DedicatedSeat | NodeSeat> =
    request.kind === 'node'
      ? { seats: nodeSeats(board, request, budget), complete: true }
      : dedicatedSeats(board, request, breadth, budget);
  const seats = found.seats.map((seat) => {
    const cost = moveCost(seat);
    return cost === 0 ? seat : { ...seat, own: seat.own + cost, delta: seat.delta + cost };
  });
  return { seats: seats.sort((a, b) => a.delta - b.delta), complete: found.complete };
}

/** The seats that helpers could have, their VM's vCPUs being seated: the one of today too, if it is free. */
export function helperSeatsFor(
  { board, budget, moveCost }: Looking,
  vcpus: DedicatedSeat,
  breadth: Breadth,
): Seats {
  const { request } = vcpus;
  const sites = sitesOf(board, vcpus);
  const start = board.cost;
  const today = keptHelpers(board, vcpus, moveCost);
  const seats: HelperSeat[] = today === undefined ? [] : [today];
  const { complete } = helperSeats(board, request, sites, breadth, budget, (found) => {
    const helpers = [...found];
    const own =
      helpers.reduce((sum, { core }) => sum + helperCost(board.view, core.core, sites), 0) +
      moveCost({ ...vcpus, helpers });
    seats.push({ kind: 'helpers', request, vcpus, helpers, own, delta: board.cost - start + own });
  });
  return { seats: seats.sort((a, b) => a.delta - b.delta), complete };
}

/** One for each cell that has room, its cost the load there. */
function nodeSeats(board: Board, request: NodeRequest, budget: Budget): NodeSeat[] {
  return board.cells
    .filter((cell) => cell.cores.length > 0 && cell.sharedCpus >= request.vcpus)
    .filter((cell) => board.memoryFits(request, cell, request.memoryKiB))
    .map((cell) => {
      budget.spend(1);
      const before = board.cost;
      board.share(cell, request.vcpus, request.memoryKiB, 1);
      const delta = board.cost - before;
      board.share(cell, request.vcpus, request.memoryKiB, -1);
      const own = deviceCost(board.view, request, [{ cell: cell.id }]);
      return { kind: 'node', request, cell, own, delta: delta + own };
    });
}
