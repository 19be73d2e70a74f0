import type { Board } from './board.ts';
import type { Budget } from './budget.ts';
import { alike } from './order.ts';
import { type Seat, seat, unseat } from './seat.ts';
import { ALL, type Breadth, LIKELY, type Seats } from './seats.ts';
import type { PlacementRequest } from './types.ts';

/** Seats for all that were sought. */
export interface Seating {
  readonly seats: readonly Seat[];
  /** Of all on the board with them. */
  readonly cost: number;
}

/** A board, and the seats that a VM could have on it at any time. */
export interface Seeking {
  readonly board: Board;
  readonly budget: Budget;
  readonly seats: (request: PlacementRequest, breadth: Breadth, budget: Budget) => Seats;
}

const RESTARTS = 24;
/** More VMs than this are not sought through one by one. */
const EXACT_REQUESTS = 12;
const EXACT_STEPS = 8_000;
const ROUNDS = 3;
/** Sums of many small costs differ by this for no reason. */
const EPSILON = 1e-9;

/**
 * The first seats that come: each VM, in this order, on its cheapest. One that finds none goes first, and all start
 * again.
 */
export function seekAny(seeking: Seeking, given: readonly PlacementRequest[]): Seating | undefined {
  const { board, budget } = seeking;
  let order = [...given];
  for (let restart = 0; restart === 0 || (restart < RESTARTS && !budget.spent); restart++) {
    const seats: Seat[] = [];
    const failed = order.find((request) => {
      const cheapest = cheapestSeat(seeking, request);
      if (cheapest === undefined) return true;
      seat(board, cheapest);
      seats.push(cheapest);
      return false;
    });
    const { cost } = board;
    clear(board, seats);
    if (failed === undefined) return { seats, cost };
    if (failed === order[0]) return undefined;
    order = [failed, ...order.filter((request) => request !== failed)];
  }
  return undefined;
}

/**
 * The best seats there are, from a start if there is one: for a few VMs by trying every way, the cheapest first,
 * each given up where it cannot become cheaper than the best so far; for many by letting each in turn get up and
 * take the cheapest seat that there is then. `proven`: all ways were tried.
 */
export function seekBest(
  seeking: Seeking,
  order: readonly PlacementRequest[],
  start: Seating | undefined,
): { readonly best: Seating | undefined; readonly proven: boolean } {
  const exact = order.length <= EXACT_REQUESTS ? tryAll(seeking, order, start) : undefined;
  if (exact?.proven === true) return exact;
  const best = exact?.best ?? start;
  return { best: best && improved(seeking, best), proven: false };
}

function tryAll(
  seeking: Seeking,
  order: readonly PlacementRequest[],
  start: Seating | undefined,
): { readonly best: Seating | undefined; readonly proven: boolean } {
  const { board } = seeking;
  const budget = seeking.budget.lend(EXACT_STEPS);
  const first = order.map((request) => seeking.seats(request, ALL, budget));
  const least = first.map(({ seats, complete }) => (complete ? Math.min(...seats.map(({ own }) => own)) : 0));
  /** What the VMs from each on cost at least, whoever sits where. */
  const rest = order.map((_, at) => least.slice(at).reduce((sum, own) => sum + own, 0));
  let complete = first.every((each) => each.complete);
  let best = start;
  const chosen: Seat[] = [];
  const next = (at: number): void => {
    const request = order[at];
    if (request === undefined) {
      best = { seats: [...chosen], cost: board.cost };
      return;
    }
    const found = seeking.seats(request, ALL, budget);
    complete &&= found.complete;
    const from = alike(order[at - 1], request) ? cellOf(chosen[at - 1]) : 0;
    for (const each of found.seats) {
      const cost = board.cost + each.delta + (rest[at + 1] ?? 0);
      if (best !== undefined && cost >= best.cost - EPSILON) break;
      if (cellOf(each) < from) continue;
      if (budget.spent) {
        complete = false;
        return;
      }
      seat(board, each);
      chosen.push(each);
      next(at + 1);
      chosen.pop();
      unseat(board, each);
    }
  };
  next(0);
  seeking.budget.take(budget);
  return { best, proven: complete };
}

function improved(seeking: Seeking, start: Seating): Seating {
  const { board, budget } = seeking;
  const seats = [...start.seats];
  for (const each of seats) seat(board, each);
  for (let round = 0, better = true; better && round < ROUNDS; round++) {
    better = false;
    for (const [at, each] of seats.entries()) {
      if (budget.spent) break;
      const before = board.cost;
      unseat(board, each);
      const cheapest = cheapestSeat(seeking, each.request);
      const gains = cheapest !== undefined && board.cost + cheapest.delta < before - EPSILON;
      const taken = gains ? cheapest : each;
      seat(board, taken);
      seats[at] = taken;
      better ||= gains;
    }
  }
  const { cost } = board;
  clear(board, seats);
  return { seats, cost };
}

const cheapestSeat = ({ seats, budget }: Seeking, request: PlacementRequest): Seat | undefined =>
  seats(request, LIKELY, budget).seats[0];

function clear(board: Board, seats: readonly Seat[]): void {
  for (const each of seats) unseat(board, each);
}

function cellOf(taken: Seat | undefined): number {
  if (taken === undefined || taken.kind === 'helpers') return 0;
  return (taken.kind === 'node' ? taken.cell : taken.cells[0]?.cell)?.id ?? 0;
}
