import { Board } from './board.ts';
import { Budget } from './budget.ts';
import { keptSeat, keptVcpus } from './keep.ts';
import { hardestFirst } from './order.ts';
import { type DedicatedSeat, type NodeSeat, type Seat, seat, unseat, whole } from './seat.ts';
import { ALL, helperSeatsFor, LIKELY, type Looking, type MoveCost, seatsFor } from './seats.ts';
import { type Seating, type Seeking, seekAny, seekBest } from './seek.ts';
import type { PlacementHost, PlacementRequest } from './types.ts';

export type Outcome =
  /** `proven`: all ways were tried, and none costs less. */
  | (Seating & { readonly kind: 'found'; readonly proven: boolean })
  /** `proven`: all ways were tried. */
  | { readonly kind: 'none'; readonly proven: boolean };

export type Found = Outcome & { readonly kind: 'found' };

/** Setting up a board takes as long as a step for so many cores. */
const CORES_A_STEP = 4;
/** Steps to find out whether there is any seat at all. */
const FITS_STEPS = 5_000;

export interface SearchOptions {
  readonly budget: Budget;
  readonly moveCost: MoveCost;
}

/** A host on which some VMs have their seats, and seats are sought for others. */
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

  /** Takes those out of their seats whose helpers have none. */
  releaseLoose(): PlacementRequest[] {
    const loose = [...this.#loose.keys()];
    for (const request of loose) this.release(request);
    return loose;
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
    const any = seekAny(this.#seeking, order);
    const { best, proven } = quick ? { best: any, proven: false } : seekBest(this.#seeking, order, any);
    return best === undefined ? { kind: 'none', proven } : { kind: 'found', ...best, proven };
  }

  get #seeking(): Seeking {
    const { board, budget } = this.#looking;
    return {
      board,
      budget,
      seats: (request, breadth, part) => {
        const vcpus = this.#loose.get(request);
        const looking = { ...this.#looking, budget: part };
        return vcpus === undefined
          ? seatsFor(looking, request, breadth)
          : helperSeatsFor(looking, vcpus, breadth);
      },
    };
  }
}

const NOBODY: ReadonlySet<PlacementRequest> = new Set();
