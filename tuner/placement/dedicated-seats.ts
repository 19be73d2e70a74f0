import type { Board } from './board.ts';
import type { CellState } from './board-state.ts';
import type { Budget } from './budget.ts';
import { type CellPlace, placeCost } from './cost.ts';
import { helperSeats } from './helper-seats.ts';
import { allPicks, likelyPicks } from './picks.ts';
import { type DedicatedSeat, giveCell, type HelperTake, type SeatCell, siteOf, takeCell } from './seat.ts';
import type { Breadth, Seats } from './seats.ts';
import type { DedicatedRequest } from './types.ts';

/**
 * The seats of a VM with CPUs of its own:
 * 1. for its first guest cell, each host cell with memory and cores for it, and there each pick of cores;
 * 2. the cheapest of these one after the other, and on from each to the next guest cell, on another host cell;
 * 3. then CPUs for its emulator and iothreads.
 */
export function dedicatedSeats(
  board: Board,
  request: DedicatedRequest,
  breadth: Breadth,
  budget: Budget,
): Seats<DedicatedSeat> {
  const start = board.cost;
  const seats: DedicatedSeat[] = [];
  const chosen: SeatCell[] = [];
  const sites: CellPlace[] = [];
  let complete = breadth.exact;

  const finish = (helpers: readonly HelperTake[]): void => {
    const own = placeCost(
      board.view,
      request,
      sites,
      helpers.map(({ core }) => core.core),
    );
    const cells = [...chosen];
    seats.push({
      kind: 'dedicated',
      request,
      cells,
      helpers: [...helpers],
      own,
      delta: board.cost - start + own,
    });
  };

  const next = (index: number): void => {
    if (index === request.cells.length) {
      const helpers = helperSeats(board, request, sites, breadth, budget, finish);
      complete &&= helpers.complete;
      return;
    }
    const options = cellOptions(index);
    const wide = breadth.cells[Math.min(index, breadth.cells.length - 1)] as number;
    if (options.length > wide) complete = false;
    for (const { at, site } of options.slice(0, wide)) {
      if (seats.length >= breadth.seats || (breadth.exact && budget.spent)) {
        complete = false;
        return;
      }
      takeCell(board, request, index, at);
      chosen.push(at);
      sites.push(site);
      next(index + 1);
      sites.pop();
      chosen.pop();
      giveCell(board, request, index, at);
    }
  };

  const cellOptions = (index: number): { at: SeatCell; site: CellPlace; cost: number }[] => {
    const options: { at: SeatCell; site: CellPlace; cost: number }[] = [];
    const wanted = request.cells[index];
    const from = alikeBefore(request, index)
      ? board.cells.indexOf((chosen[index - 1] as SeatCell).cell) + 1
      : 0;
    for (const cell of board.cells.slice(from)) {
      const kept = request.keepCells?.[index];
      if (kept !== undefined && kept !== cell.id) continue;
      if (wanted === undefined || cell.cores.length === 0 || chosen.some((each) => each.cell === cell))
        continue;
      const memoryCell = memoryCellOf(board, cell, wanted.memoryCell);
      if (memoryCell === undefined || !board.memoryFits(request, memoryCell, wanted.memoryKiB)) continue;
      const found = (breadth.exact ? allPicks : likelyPicks)(cell, wanted.vcpus.size, request.threads);
      if (breadth.exact) complete &&= found.complete;
      for (const takes of found.picks) {
        budget.spend(1);
        const at: SeatCell = { cell, memoryCell, takes, cpus: inOrder(takes) };
        const site = siteOf(board, request, index, at);
        takeCell(board, request, index, at);
        const cost = board.cost + placeCost(board.view, request, [...sites, site], []);
        const leavesRoom = cell.sharedCpus >= cell.widest;
        giveCell(board, request, index, at);
        if (leavesRoom) options.push({ at, site, cost });
      }
    }
    return options.sort((a, b) => a.cost - b.cost);
  };

  next(0);
  return { seats, complete };
}

/** Full cores first, so that vCPUs that follow one another share a core. */
function inOrder(takes: SeatCell['takes']): number[] {
  return [...takes]
    .sort((a, b) => b.cpus.length - a.cpus.length || a.core.index - b.core.index)
    .flatMap(({ cpus }) => cpus);
}

/** A guest cell like the one before it: which of the two sits where makes no difference. */
function alikeBefore(request: DedicatedRequest, index: number): boolean {
  const [before, cell] = [request.cells[index - 1], request.cells[index]];
  return (
    request.keepCells === undefined &&
    before !== undefined &&
    before.vcpus.size === cell?.vcpus.size &&
    before.memoryKiB === cell.memoryKiB &&
    before.memoryCell === cell.memoryCell
  );
}

function memoryCellOf(board: Board, own: CellState, asked: number | undefined): CellState | undefined {
  return asked === undefined ? own : board.cell(asked);
}
