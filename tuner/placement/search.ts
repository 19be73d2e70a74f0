import { Board } from './board.ts';
import { Budget } from './budget.ts';
import { keptSeat, keptVcpus } from './keep.ts';
import { alike, hardestFirst } from './order.ts';
import { type DedicatedSeat, type NodeSeat, type Seat, seat, unseat, whole } from './seat.ts';
import {
  ALL,
  type Breadth,
  helperSeatsFor,
  LIKELY,
  type Looking,
  type MoveCost,
  type Seats,
  seatsFor,
} from './seats.ts';
import type { PlacementHost, PlacementRequest } from './types.ts';

export type Outcome =
  | {
      readonly kind: 'found';
      readonly seats: readonly Seat[];
      /** Of all on the board. */
      readonly cost: number;
      /** All ways were tried: none costs less. */
      readonly proven: boolean;
    }
  /** `proven`: all ways were tried. */
  | { readonly kind: 'none'; readonly proven: boolean };

export type Found = Outcome & { readonly kind: 'found' };

/** More VMs than this are not sought through one by one. */
const EXACT_REQUESTS = 12;
const EXACT_STEPS = 8_000;
/** Setting up a board takes as long as a step for so many cores. */
const CORES_A_STEP = 4;
/** Steps to find out whether there is any seat at all. */
const FITS_STEPS = 5_000;
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
  readonly board: Board;
  readonly #looking: Looking;
  readonly #seated = new Map<PlacementRequest, DedicatedSeat | NodeSeat>();
  /** Those whose vCPUs are seated, and their helpers are not. */
  readonly #loose = new Map<PlacementRequest, DedicatedSeat>();

  constructor(host: PlacementHost, requests: readonly PlacementRequest[], options: SearchOptions) {
    this.board = new Board(host, requests);
    options.budget.spend(Math.ceil(host.cores.length / CORES_A_STEP));
    this.#looking = { board: this.board, ...options };
  }

  /**
   * Lets VMs stay where they are, as far as they can; the others come back. Their helpers stay with them, but for
   * those of `loose` ones and those that cannot: these are sought with whatever is sought next.
   */
  keep(
    requests: readonly PlacementRequest[],
    loose: ReadonlySet<PlacementRequest> = NOBODY,
  ): PlacementRequest[] {
    const { board } = this;
    const others = requests.filter((request) => {
      const kept = loose.has(request) ? undefined : keptSeat(board, request, this.#looking.moveCost);
      if (kept === undefined) return true;
      this.#take(kept);
      return false;
    });
    return others.filter((request) => {
      const kept = keptVcpus(board, request);
      if (kept === undefined) return true;
      seat(board, kept);
      this.#loose.set(request, kept);
      return false;
    });
  }

  /** Gives what was found to those it was found for: from here on they stay. */
  hold({ seats }: Found): void {
    for (const each of seats) this.#take(each);
  }

  #take(found: Seat): void {
    seat(this.board, found);
    this.#seated.set(found.request, whole(found));
    this.#loose.delete(found.request);
  }

  /** Those that stay. */
  get requests(): readonly PlacementRequest[] {
    return [...this.#seated.keys()];
  }

  seatOf(request: PlacementRequest): DedicatedSeat | NodeSeat | undefined {
    return this.#seated.get(request);
  }

  /** Takes one that stays out of its seat, and leaves it out. */
  release(request: PlacementRequest): void {
    const kept = this.#seated.get(request) ?? this.#loose.get(request);
    if (kept !== undefined) unseat(this.board, kept);
    this.#seated.delete(request);
    this.#loose.delete(request);
  }

  /** What is so while one that stays is away. */
  without<T>(request: PlacementRequest, look: () => T): T {
    const kept = this.#seated.get(request);
    if (kept === undefined) return look();
    unseat(this.board, kept);
    const seen = look();
    seat(this.board, kept);
    return seen;
  }

  /** Whether there is any seat for this VM beside those that stay. */
  fits(request: PlacementRequest): boolean {
    const looking = { ...this.#looking, budget: new Budget(FITS_STEPS) };
    return [LIKELY, ALL].some((breadth) => seatsFor(looking, request, breadth).seats.length > 0);
  }

  /** Seats for these beside those that stay, the first ones that come when `quick`. The board is left as it was. */
  find(requests: readonly PlacementRequest[], { quick = false } = {}): Outcome {
    const isLoose = (request: PlacementRequest): boolean => this.#loose.has(request);
    const order = [...requests, ...this.#loose.keys()].sort(hardestFirst(isLoose));
    const greedy = this.#greedy(order);
    if (quick) return outcome(greedy, false);
    const exact = order.length <= EXACT_REQUESTS ? this.#exact(order, greedy) : undefined;
    if (exact?.proven === true) return outcome(exact.best, true);
    const best = cheaper(exact?.best, greedy);
    return outcome(best === undefined ? undefined : this.#improve(best), false);
  }

  #seats(request: PlacementRequest, breadth: Breadth, looking = this.#looking): Seats {
    const vcpus = this.#loose.get(request);
    return vcpus === undefined
      ? seatsFor(looking, request, breadth)
      : helperSeatsFor(looking, vcpus, breadth);
  }

  #greedy(given: readonly PlacementRequest[]): Seating | undefined {
    let order = [...given];
    for (let restart = 0; restart === 0 || (restart < RESTARTS && !this.#looking.budget.spent); restart++) {
      const seats: Seat[] = [];
      const failed = order.find((request) => {
        const cheapest = this.#cheapest(request);
        if (cheapest === undefined) return true;
        seat(this.board, cheapest);
        seats.push(cheapest);
        return false;
      });
      const { cost } = this.board;
      this.#clear(seats);
      if (failed === undefined) return { seats, cost };
      if (failed === order[0]) return undefined;
      order = [failed, ...order.filter((request) => request !== failed)];
    }
    return undefined;
  }

  #cheapest(request: PlacementRequest): Seat | undefined {
    return this.#seats(request, LIKELY).seats[0];
  }

  #clear(seats: readonly Seat[]): void {
    for (const each of [...seats].reverse()) unseat(this.board, each);
  }

  #exact(
    order: readonly PlacementRequest[],
    start: Seating | undefined,
  ): { best: Seating | undefined; proven: boolean } {
    const budget = this.#looking.budget.lend(EXACT_STEPS);
    const looking = { ...this.#looking, budget };
    const first = order.map((request) => this.#seats(request, ALL, looking));
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
        best = { seats: [...chosen], cost: this.board.cost };
        return;
      }
      const found = this.#seats(request, ALL, looking);
      complete &&= found.complete;
      const from = alike(order[at - 1], request) ? placeOf(chosen[at - 1]) : 0;
      for (const each of found.seats) {
        const least = this.board.cost + each.delta + (rest[at + 1] ?? 0);
        if (best !== undefined && least >= best.cost - EPSILON) break;
        if (placeOf(each) < from) continue;
        if (budget.spent) {
          complete = false;
          return;
        }
        seat(this.board, each);
        chosen.push(each);
        next(at + 1);
        chosen.pop();
        unseat(this.board, each);
      }
    };
    next(0);
    this.#looking.budget.take(budget);
    return { best, proven: complete };
  }

  #improve(start: Seating): Seating {
    const seats = [...start.seats];
    for (const each of seats) seat(this.board, each);
    for (let round = 0, better = true; better && round < ROUNDS; round++) {
      better = false;
      for (const [at, each] of seats.entries()) {
        if (this.#looking.budget.spent) break;
        const before = this.board.cost;
        unseat(this.board, each);
        const cheapest = this.#cheapest(each.request);
        const after = cheapest === undefined ? Number.POSITIVE_INFINITY : this.board.cost + cheapest.delta;
        const taken = cheapest !== undefined && after < before - EPSILON ? cheapest : each;
        seat(this.board, taken);
        seats[at] = taken;
        better ||= taken !== each;
      }
    }
    const { cost } = this.board;
    this.#clear(seats);
    return { seats, cost };
  }
}

const NOBODY: ReadonlySet<PlacementRequest> = new Set();

function outcome(found: Seating | undefined, proven: boolean): Outcome {
  return found === undefined ? { kind: 'none', proven } : { kind: 'found', ...found, proven };
}

interface Seating {
  readonly seats: readonly Seat[];
  readonly cost: number;
}

function cheaper(a: Seating | undefined, b: Seating | undefined): Seating | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return b.cost < a.cost ? b : a;
}

function placeOf(taken: Seat | undefined): number {
  if (taken === undefined || taken.kind === 'helpers') return 0;
  return (taken.kind === 'node' ? taken.cell : taken.cells[0]?.cell)?.id ?? 0;
}
