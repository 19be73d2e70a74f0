import {
  type Candidate,
  type CandidateSet,
  type DedicatedCandidate,
  merged,
  release,
  reserve,
  type VmCandidate,
} from './candidate.ts';
import { vmCandidates } from './candidates.ts';
import { helperCandidates } from './helper-cpus.ts';
import { presentPlace, presentVcpus } from './present-place.ts';
import {
  ALL,
  Budget,
  type CandidateMoveCost,
  LIKELY,
  type SearchContext,
  type SearchWidth,
} from './search.ts';
import { HostState } from './state.ts';
import type { PlacementHost, PlacementRequest } from './types.ts';

/*
 * The solver: given VMs that stay where they are and VMs that need a place, it finds a place for each of the latter at
 * the least total cost. Which VMs stay, move or are refused is decided in policy.ts.
 */

/** A place for each VM that needs one. */
export interface Solution {
  readonly candidates: readonly Candidate[];
  /** For all VMs on the host. */
  readonly cost: number;
}

export type SolverResult =
  /** `proven`: all candidates were tried, and no solution costs less. */
  | (Solution & { readonly kind: 'found'; readonly proven: boolean })
  /** `proven`: all candidates were tried. */
  | { readonly kind: 'none'; readonly proven: boolean };

export type FoundSolution = SolverResult & { readonly kind: 'found' };

export interface SolverOptions {
  readonly budget: Budget;
  readonly moveCost: CandidateMoveCost;
}

/** Setting up the state costs one step per this many cores. */
const CORES_A_STEP = 4;
/** Step budget for checking whether a VM has any candidate at all. */
const FITS_STEPS = 5_000;

const NONE: ReadonlySet<PlacementRequest> = new Set();

export class Solver {
  readonly state: HostState;
  readonly #context: SearchContext;
  readonly #placed = new Map<PlacementRequest, VmCandidate>();
  /** VMs whose vCPUs are placed but whose helpers are not yet. */
  readonly #withoutHelpers = new Map<PlacementRequest, DedicatedCandidate>();

  /** `requests`: all VMs that will be placed. */
  constructor(host: PlacementHost, requests: readonly PlacementRequest[], options: SolverOptions) {
    this.state = new HostState(host, requests);
    options.budget.spend(Math.ceil(host.cores.length / CORES_A_STEP));
    this.#context = { state: this.state, ...options };
  }

  /**
   * Places VMs where they are now if possible, and returns those that cannot stay. Helpers stay too, except those of
   * VMs in `loose` and those whose CPUs are not available: the next `solve` finds places for them.
   */
  keep(
    requests: readonly PlacementRequest[],
    loose: ReadonlySet<PlacementRequest> = NONE,
  ): PlacementRequest[] {
    const others = requests.filter((request) => {
      const present = loose.has(request) ? undefined : presentPlace(this.#context, request);
      if (present === undefined) return true;
      this.#place(present);
      return false;
    });
    return others.filter((request) => {
      const vcpus = presentVcpus(this.state, request);
      if (vcpus === undefined) return true;
      reserve(this.state, vcpus);
      this.#withoutHelpers.set(request, vcpus);
      return false;
    });
  }

  /** Finds places for these VMs beside those already placed; with `quick`, the first that fit. Changes no state. */
  solve(requests: readonly PlacementRequest[], { quick = false } = {}): SolverResult {
    const helpersOnly = (request: PlacementRequest): boolean => this.#withoutHelpers.has(request);
    const order = [...requests, ...this.#withoutHelpers.keys()].sort(hardestFirst(helpersOnly));
    const first = greedy(this.#problem, order);
    const { best, proven } = quick ? { best: first, proven: false } : optimize(this.#problem, order, first);
    return best === undefined ? { kind: 'none', proven } : { kind: 'found', ...best, proven };
  }

  /** Applies a solution: its VMs stay from here on. */
  commit({ candidates }: FoundSolution): void {
    for (const each of candidates) this.#place(each);
  }

  #place(candidate: Candidate): void {
    reserve(this.state, candidate);
    this.#placed.set(candidate.request, merged(candidate));
    this.#withoutHelpers.delete(candidate.request);
  }

  /** The VMs that are placed. */
  get requests(): readonly PlacementRequest[] {
    return [...this.#placed.keys()];
  }

  placeOf(request: PlacementRequest): VmCandidate | undefined {
    return this.#placed.get(request);
  }

  /** Removes a VM from its place. */
  release(request: PlacementRequest): void {
    const place = this.#placed.get(request) ?? this.#withoutHelpers.get(request);
    if (place !== undefined) release(this.state, place);
    this.#placed.delete(request);
    this.#withoutHelpers.delete(request);
  }

  /** Releases VMs whose helpers have no place yet, and returns them. */
  releaseWithoutHelpers(): PlacementRequest[] {
    const requests = [...this.#withoutHelpers.keys()];
    for (const request of requests) this.release(request);
    return requests;
  }

  /** Whether this VM has any place beside those already placed. */
  fits(request: PlacementRequest): boolean {
    const context = { ...this.#context, budget: new Budget(FITS_STEPS) };
    return [LIKELY, ALL].some((width) => vmCandidates(context, request, width).candidates.length > 0);
  }

  /** Like `fits`, but with one of the placed VMs left out. */
  fitsWithout(request: PlacementRequest, without: PlacementRequest): boolean {
    const place = this.#placed.get(without);
    if (place === undefined) return this.fits(request);
    release(this.state, place);
    const fits = this.fits(request);
    reserve(this.state, place);
    return fits;
  }

  get #problem(): SearchProblem {
    return {
      state: this.state,
      budget: this.#context.budget,
      candidates: (request, width, budget) => {
        const context = { ...this.#context, budget };
        const vcpus = this.#withoutHelpers.get(request);
        return vcpus === undefined
          ? vmCandidates(context, request, width)
          : helperCandidates(context, vcpus, width);
      },
    };
  }
}

/** A host's state, and the candidates of a VM in it. */
interface SearchProblem {
  readonly state: HostState;
  readonly budget: Budget;
  readonly candidates: (request: PlacementRequest, width: SearchWidth, budget: Budget) => CandidateSet;
}

interface Best {
  readonly best: Solution | undefined;
  /** All candidates were tried. */
  readonly proven: boolean;
}

const RESTARTS = 24;
/** With more VMs than this there is no exhaustive search. */
const EXACT_REQUESTS = 12;
const EXACT_STEPS = 8_000;
const ROUNDS = 3;
/** Smaller differences between cost sums are rounding errors. */
const EPSILON = 1e-9;

/** Each VM in turn takes its cheapest candidate. If one has none, it moves to the front and the search starts over. */
function greedy(
  { state, budget, candidates }: SearchProblem,
  given: readonly PlacementRequest[],
): Solution | undefined {
  let order = [...given];
  for (let restart = 0; restart === 0 || (restart < RESTARTS && !budget.spent); restart++) {
    const chosen: Candidate[] = [];
    const failed = order.find((request) => {
      const [cheapest] = candidates(request, LIKELY, budget).candidates;
      if (cheapest === undefined) return true;
      reserve(state, cheapest);
      chosen.push(cheapest);
      return false;
    });
    const { cost } = state;
    releaseAll(state, chosen);
    if (failed === undefined) return { candidates: chosen, cost };
    if (failed === order[0]) return undefined;
    order = [failed, ...order.filter((request) => request !== failed)];
  }
  return undefined;
}

/** Few VMs: branch and bound. Many, or if the budget runs out: local search from the best solution so far. */
function optimize(
  problem: SearchProblem,
  order: readonly PlacementRequest[],
  start: Solution | undefined,
): Best {
  const exact = order.length <= EXACT_REQUESTS ? branchAndBound(problem, order, start) : undefined;
  if (exact?.proven === true) return exact;
  const best = exact?.best ?? start;
  return { best: best && localSearch(problem, best), proven: false };
}

/** Tries all candidates of each VM in turn, cheapest first; abandons a branch that cannot beat the best so far. */
function branchAndBound(
  problem: SearchProblem,
  order: readonly PlacementRequest[],
  start: Solution | undefined,
): Best {
  const { state } = problem;
  const budget = problem.budget.lend(EXACT_STEPS);
  const first = order.map((request) => problem.candidates(request, ALL, budget));
  const bounds = lowerBounds(first);
  let complete = first.every((each) => each.complete);
  let best = start;
  const chosen: Candidate[] = [];
  const next = (at: number): void => {
    const request = order[at];
    if (request === undefined) {
      best = { candidates: [...chosen], cost: state.cost };
      return;
    }
    const found = problem.candidates(request, ALL, budget);
    complete &&= found.complete;
    const from = interchangeable(order[at - 1], request) ? firstCell(chosen[at - 1]) : 0;
    for (const each of found.candidates) {
      const cost = state.cost + each.addedCost + (bounds[at + 1] ?? 0);
      if (best !== undefined && cost >= best.cost - EPSILON) break;
      if (firstCell(each) < from) continue;
      if (budget.spent) {
        complete = false;
        return;
      }
      reserve(state, each);
      chosen.push(each);
      next(at + 1);
      chosen.pop();
      release(state, each);
    }
  };
  next(0);
  problem.budget.take(budget);
  return { best, proven: complete };
}

/** For each VM, a lower bound for the cost of it and those after it, from own costs alone. */
function lowerBounds(sets: readonly CandidateSet[]): number[] {
  const least = sets.map(({ candidates, complete }) =>
    complete ? Math.min(...candidates.map(({ ownCost }) => ownCost)) : 0,
  );
  return sets.map((_, at) => least.slice(at).reduce((sum, cost) => sum + cost, 0));
}

/** Each VM in turn leaves its place and takes the cheapest one available, until a round brings no improvement. */
function localSearch({ state, budget, candidates }: SearchProblem, start: Solution): Solution {
  const chosen = [...start.candidates];
  for (const each of chosen) reserve(state, each);
  for (let round = 0, better = true; better && round < ROUNDS; round++) {
    better = false;
    for (const [at, each] of chosen.entries()) {
      if (budget.spent) break;
      const before = state.cost;
      release(state, each);
      const [cheapest] = candidates(each.request, LIKELY, budget).candidates;
      const gains = cheapest !== undefined && state.cost + cheapest.addedCost < before - EPSILON;
      const taken = gains ? cheapest : each;
      reserve(state, taken);
      chosen[at] = taken;
      better ||= gains;
    }
  }
  const { cost } = state;
  releaseAll(state, chosen);
  return { candidates: chosen, cost };
}

function releaseAll(state: HostState, candidates: readonly Candidate[]): void {
  for (const each of candidates) release(state, each);
}

/** Id of the cell of its first guest cell. */
function firstCell(candidate: Candidate | undefined): number {
  if (candidate === undefined || candidate.kind === 'helpers') return 0;
  return (candidate.kind === 'node' ? candidate.cell : candidate.cells[0]?.cell)?.id ?? 0;
}

/**
 * Order of VMs: first those with dedicated CPUs (shared pools consist of what they leave), and among these first those
 * that need more than helpers; then those that require whole cores; more guest cells; more vCPUs; more memory. Ties
 * keep the order of the request.
 */
export function hardestFirst(
  helpersOnly: (request: PlacementRequest) => boolean,
): (a: PlacementRequest, b: PlacementRequest) => number {
  const keys: readonly ((request: PlacementRequest) => number)[] = [
    (request) => Number(request.kind === 'dedicated'),
    (request) => Number(!helpersOnly(request)),
    (request) => Number(request.kind === 'dedicated' && request.threads !== 'prefer'),
    (request) => (request.kind === 'dedicated' ? request.cells.length : 0),
    (request) => vcpusOf(request) * (request.kind === 'dedicated' && request.threads === 'isolate' ? 2 : 1),
    memoryOf,
  ];
  return (a, b) => {
    for (const key of keys) {
      const difference = key(b) - key(a);
      if (difference !== 0) return difference;
    }
    return 0;
  };
}

const vcpusOf = (request: PlacementRequest): number =>
  request.kind === 'node' ? request.vcpus : request.cells.reduce((sum, cell) => sum + cell.vcpus.size, 0);

const memoryOf = (request: PlacementRequest): number =>
  request.kind === 'node' ? request.memoryKiB : request.cells.reduce((sum, cell) => sum + cell.memoryKiB, 0);

/** Two unplaced VMs with the same demands can swap places without any difference. */
function interchangeable(a: PlacementRequest | undefined, b: PlacementRequest): boolean {
  if (a?.current !== undefined || b.current !== undefined) return false;
  return a !== undefined && demand(a) === demand(b);
}

function demand(request: PlacementRequest): string {
  const { kind, pageKiB, bound, deviceCells, allowedMemoryCells } = request;
  const common = [kind, pageKiB, bound, deviceCells, allowedMemoryCells];
  if (request.kind === 'node') return [...common, request.vcpus, request.memoryKiB].join(' ');
  const { threads, guestThreads, emulatorCpus, ioThreadCpus, keepCells, sharedVcpus } = request;
  const cells = request.cells.map(
    ({ vcpus, memoryKiB, memoryCell }) => `${vcpus}/${memoryKiB}/${memoryCell}`,
  );
  const helpers = [emulatorCpus, ioThreadCpus];
  return [...common, threads, guestThreads, ...helpers, keepCells, sharedVcpus, ...cells].join(' ');
}
