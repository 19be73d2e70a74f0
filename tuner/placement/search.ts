import { Board } from './board.ts';
import type { Budget } from './budget.ts';
import { keptSeat } from './keep.ts';
import { alike, hardestFirst } from './order.ts';
import { type Seat, seat, unseat } from './seat.ts';
import { ALL, LIKELY, type MoveCost, seatsFor } from './seats.ts';
import type { PlacementHost, PlacementRequest } from './types.ts';

export type Outcome =
  | {
      readonly kind: 'found';
      readonly seats: ReadonlyMap<PlacementRequest, Seat>;
      readonly cost: number;
      /** All ways were tried: none costs less. */
      readonly proven: boolean;
    }
  /** `proven`: all ways were tried. */
  | { readonly kind: 'none'; readonly proven: boolean };

/** More VMs than this are not sought through one by one. */
const EXACT_REQUESTS = 12;
const EXACT_STEPS = 40_000;
const RESTARTS = 24;
const ROUNDS = 3;
/** Sums of many small costs differ by this for no reason. */
const EPSILON = 1e-9;

export interface SearchOptions {
  readonly budget: Budget;
  readonly moveCost: MoveCost;
}

/**
 * Seats for VMs on a host, some of which stay where they are:
 * 1. The others in order of how hard they are to seat, each on its cheapest seat. One that finds none goes first,
 *    and all of them start again.
 * 2. A few VMs: every way is tried, the cheapest first, and given up where it cannot become cheaper than the best
 *    so far.
 * 3. Many: each in turn gets up and takes the cheapest seat there is then.
 */
export class Search {
  readonly #board: Board;
  readonly #budget: Budget;
  readonly #moveCost: MoveCost;
  readonly #kept = new Map<PlacementRequest, Seat>();

  constructor(
    host: PlacementHost,
    requests: readonly PlacementRequest[],
    { budget, moveCost }: SearchOptions,
  ) {
    this.#board = new Board(host, requests);
    this.#budget = budget;
    this.#moveCost = moveCost;
  }

  get board(): Board {
    return this.#board;
  }

  /** Lets these stay where they are, as far as they can; the others come back. */
  keep(requests: readonly PlacementRequest[]): PlacementRequest[] {
    // Whoever needs other CPUs for its helpers takes them from what all that stay leave.
    const still = requests.filter((request) => !this.#keep(request, 'same'));
    return still.filter((request) => !this.#keep(request, 'any'));
  }

  #keep(request: PlacementRequest, helpers: 'same' | 'any'): boolean {
    const kept = keptSeat(this.#board, request, helpers, this.#budget, this.#moveCost);
    if (kept === undefined) return false;
    seat(this.#board, kept);
    this.#kept.set(request, kept);
    return true;
  }

  /** The seat of one that stays. */
  seatOf(request: PlacementRequest): Seat | undefined {
    return this.#kept.get(request);
  }

  /** Takes one that stays out of its seat, and leaves it out. */
  release(request: PlacementRequest): void {
    const kept = this.#kept.get(request);
    if (kept !== undefined) unseat(this.#board, kept);
    this.#kept.delete(request);
  }

  /** Gives all that were found their seats: from here on they stay. */
  hold(outcome: Outcome & { kind: 'found' }): void {
    for (const [request, found] of outcome.seats) {
      if (this.#kept.has(request)) continue;
      seat(this.#board, found);
      this.#kept.set(request, found);
    }
  }

  /** Those that stay. */
  get requests(): readonly PlacementRequest[] {
    return [...this.#kept.keys()];
  }

  /** What is so while one that stays is away. */
  without<T>(request: PlacementRequest, look: () => T): T {
    const kept = this.#kept.get(request);
    if (kept === undefined) return look();
    unseat(this.#board, kept);
    const seen = look();
    seat(this.#board, kept);
    return seen;
  }

  /** Whether there is any seat for this VM beside those that stay. */
  fits(request: PlacementRequest): boolean {
    return seatsFor(this.#board, request, ALL, this.#budget, this.#moveCost).seats.length > 0;
  }

  /** Seats for these beside those that stay, the first ones that come when `quick`. The board is left as it was. */
  find(requests: readonly PlacementRequest[], { quick = false } = {}): Outcome {
    const order = [...requests].sort(hardestFirst);
    const greedy = this.#greedy(order);
    if (quick) return this.#outcome(greedy, false);
    const exact = order.length <= EXACT_REQUESTS ? this.#exact(order, greedy) : undefined;
    if (exact?.proven === true) return this.#outcome(exact.best, true);
    const best = cheaper(exact?.best, greedy);
    return this.#outcome(best === undefined ? undefined : this.#improve(best), false);
  }

  #outcome(found: Seating | undefined, proven: boolean): Outcome {
    if (found === undefined) return { kind: 'none', proven };
    const seats = new Map([...this.#kept, ...found.seats.map((each) => [each.request, each] as const)]);
    return { kind: 'found', seats, cost: found.cost, proven };
  }

  #greedy(given: readonly PlacementRequest[]): Seating | undefined {
    let order = [...given];
    for (let restart = 0; restart === 0 || (restart < RESTARTS && !this.#budget.spent); restart++) {
      const seats: Seat[] = [];
      const failed = order.find((request) => {
        const cheapest = this.#cheapest(request);
        if (cheapest === undefined) return true;
        seat(this.#board, cheapest);
        seats.push(cheapest);
        return false;
      });
      const { cost } = this.#board;
      this.#clear(seats);
      if (failed === undefined) return { seats, cost };
      if (failed === order[0]) return undefined;
      order = [failed, ...order.filter((request) => request !== failed)];
    }
    return undefined;
  }

  #cheapest(request: PlacementRequest): Seat | undefined {
    return seatsFor(this.#board, request, LIKELY, this.#budget, this.#moveCost).seats[0];
  }

  #clear(seats: readonly Seat[]): void {
    for (const each of [...seats].reverse()) unseat(this.#board, each);
  }

  #exact(
    order: readonly PlacementRequest[],
    start: Seating | undefined,
  ): { best: Seating | undefined; proven: boolean } {
    const budget = this.#budget.lend(EXACT_STEPS);
    const first = order.map((request) => seatsFor(this.#board, request, ALL, budget, this.#moveCost));
    const least = first.map(({ seats, complete }) =>
      complete ? Math.min(...seats.map(({ own }) => own)) : 0,
    );
    /** What the VMs from each on cost at least. */
    const rest = order.map((_, at) => least.slice(at).reduce((sum, own) => sum + own, 0));
    let complete = first.every((each) => each.complete);
    let best = start;
    const chosen: Seat[] = [];
    const next = (at: number): void => {
      const request = order[at];
      if (request === undefined) {
        best = { seats: [...chosen], cost: this.#board.cost };
        return;
      }
      const found = seatsFor(this.#board, request, ALL, budget, this.#moveCost);
      complete &&= found.complete;
      const from = alike(order[at - 1], request) ? placeOf(chosen[at - 1]) : 0;
      for (const each of found.seats) {
        const least = this.#board.cost + each.delta + (rest[at + 1] ?? 0);
        if (best !== undefined && least >= best.cost - EPSILON) break;
        if (placeOf(each) < from) continue;
        if (budget.spent) {
          complete = false;
          return;
        }
        seat(this.#board, each);
        chosen.push(each);
        next(at + 1);
        chosen.pop();
        unseat(this.#board, each);
      }
    };
    next(0);
    this.#budget.take(budget);
    return { best, proven: complete };
  }

  #improve(start: Seating): Seating {
    const seats = [...start.seats];
    for (const each of seats) seat(this.#board, each);
    for (let round = 0, better = true; better && round < ROUNDS; round++) {
      better = false;
      for (const [at, each] of seats.entries()) {
        if (this.#budget.spent) break;
        const before = this.#board.cost;
        unseat(this.#board, each);
        const cheapest = this.#cheapest(each.request);
        const after = cheapest === undefined ? Number.POSITIVE_INFINITY : this.#board.cost + cheapest.delta;
        const taken = cheapest !== undefined && after < before - EPSILON ? cheapest : each;
        seat(this.#board, taken);
        seats[at] = taken;
        better ||= taken !== each;
      }
    }
    const { cost } = this.#board;
    this.#clear(seats);
    return { seats, cost };
  }
}

interface Seating {
  readonly seats: readonly Seat[];
  readonly cost: number;
}

function cheaper(a: Seating | undefined, b: Seating | undefined): Seating | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return b.cost < a.cost ? b : a;
}

const placeOf = (taken: Seat | undefined): number =>
  taken === undefined ? 0 : ((taken.kind === 'node' ? taken.cell : taken.cells[0]?.cell)?.id ?? 0);
