import { CpuSet } from '../../model/cpu-set.ts';
import { TunerError } from '../errors.ts';
import { assignmentOf, overlapsOf } from './assign.ts';
import { costing, hasMoved, moveCost } from './cost.ts';
import { explainRefusal } from './explain.ts';
import { FewestMoves, type LadderOptions } from './fewest-moves.ts';
import { Budget, combinations } from './search.ts';
import { WARN_RATIO } from './sharing.ts';
import { hardestFirst, Solver } from './solver.ts';
import type { Assignment, DedicatedRequest, Placement, PlacementHost, PlacementRequest } from './types.ts';

/*
 * Placement: which CPUs and which memory of a host each VM gets. Pure and deterministic; this is the whole algorithm.
 *
 * The policy is a ladder. Each rung is tried only if the one before does not suffice:
 *
 * 1. No VM moves. VMs that have a place keep it; the others are placed around them.
 * 2. As few VMs as possible move: only helpers (emulator threads and iothreads), then one VM, then two, ...
 *    (fewest-moves.ts).
 * 3. As few VMs as possible are refused: VMs without a place before those with one, the last in the request first
 *    (`refuseFewest`). Each refusal states the reason, and what would make room (explain.ts).
 * 4. If VMs that share CPUs would see a vCPU:pCPU ratio above 3:1, VMs that use more cores than they need are packed
 *    onto fewer cores of their present cells, if that lowers the ratio by a quarter (`placeFairly`).
 *
 * Rungs 1 to 3 ask the solver to place the VMs that have no place, around those that stay:
 *
 * 1. State (state.ts): the free threads, pages and memory of the inventory (inventory.ts), less those of VMs that stay.
 * 2. Order (`hardestFirst`): dedicated before shared, whole cores before single threads, large before small.
 * 3. Candidates for the next VM (candidates.ts). With dedicated CPUs: for each guest cell, each host cell with enough
 *    memory and there each selection of cores (cores.ts), then CPUs for its helpers. With shared CPUs: each cell.
 * 4. Cost (cost.ts): what each candidate adds. The solver takes the cheapest and goes on to the next VM; a VM without
 *    any candidate moves to the front and the search starts over (`greedy` of solver.ts).
 * 5. From there on, for up to 12 VMs, all candidates are tried, except branches that cannot become cheaper (branch and
 *    bound, solver.ts). For more VMs, each in turn may leave its place for a cheaper one (local search).
 * 6. The chosen candidates become CPU sets (assign.ts), which the plan turns into pins.
 *
 * Every step counts against a budget, so work is bounded; `proven` reports whether the search was exhaustive.
 *
 * Example (test/tuner/placement/example.test.ts): two cells of four cores with two threads each. The first core of each
 * cell is reserved for the host, which leaves
 *
 *     cell 0:  2,3  4,5  6,7        cell 1:  10,11  12,13  14,15
 *
 * `web` has 2 vCPUs, today on CPUs 2 and 4: one thread each of two cores. `db` is new: 4 vCPUs, two threads per core in
 * the guest.
 *
 * - Rung 1: web keeps 2 and 4. db has two candidates. Cell 1, CPUs 10-13: own cost 0, plus 12.4 for using up free cores
 *   and CPUs to share. Cell 0, CPUs 6,7,3,5: own cost 20 for one core more than needed and 25 for a guest core
 *   split over two cores, plus 100 for sharing two cores with web; it adds 146.6 in all. db gets 10-13.
 * - With `big` of 6 vCPUs too, only cell 1 has room for it. No VM has to move: db now gets 6,7,3,5.
 * - Rung 2: if, instead of db, `x` needs 3 whole cores and `y` needs 2 (`threads: require`), web blocks cell 0.
 *   It moves to 14,15: x gets cell 0, y gets 10-13.
 * - Rung 3: `z`, which needs 2 whole cores beside these, is refused: "cell 0 has 0 free cores and cell 1 has 0 free
 *   cores; z needs 2", next "omit y from the plan (it would get CPUs 10-13)".
 * - Rung 4: with web on 2 and 4, the sibling threads 3 and 5 are idle. If 20 vCPUs of other VMs share what web and db
 *   leave, that is CPUs 6,7,14,15, or 5:1. Packed, web gets 6,7 and db 2-5; the others share 10-15, at 3.3:1.
 */

export interface PlaceOptions {
  /** Moves cost nothing: finds the best placement of all VMs together, whatever their present place. */
  readonly rebalance?: boolean | undefined;
}

/** The highest vCPU:pCPU ratio seen by any VM without dedicated CPUs. */
export type WorstRatio = (assignments: readonly Assignment[]) => number;

// Rung 4: relieve VMs that share CPUs.

/** The ratio must fall to this fraction of the original; anything less is not worth a move. */
const MUCH_BETTER = 0.75;

/**
 * Places VMs by all rungs of the ladder.
 * @throws TunerError (TUNE_PLACEMENT) under the same conditions as `place`.
 */
export function placeFairly(
  host: PlacementHost,
  requests: readonly PlacementRequest[],
  options: PlaceOptions & { readonly worstRatio: WorstRatio },
): Placement {
  const { worstRatio } = options;
  const first = place(host, requests, options);
  const ratio = worstRatio(first.assignments);
  if (options.rebalance === true || first.refusals.length > 0 || ratio <= WARN_RATIO) return first;
  let repinned = new Set<PlacementRequest>();
  let best = first;
  for (const request of requests.filter((each) => isSpreadOut(host, each, first))) {
    if (best !== first && worstRatio(best.assignments) <= WARN_RATIO) break;
    const wider = new Set([...repinned, request]);
    const next = repin(host, requests, wider, options);
    if (next.refusals.length > 0 || next.moved.length > first.moved.length) continue;
    // Packing one VM alone may not help a pool in another cell: only the final ratio counts.
    repinned = wider;
    best = next;
  }
  return worstRatio(best.assignments) <= ratio * MUCH_BETTER
    ? { ...best, repinned: [...repinned].map(({ guest }) => guest) }
    : first;
}

/** Places all VMs; those in `repinned` get other CPUs of their present cells if that costs less. */
function repin(
  host: PlacementHost,
  requests: readonly PlacementRequest[],
  repinned: ReadonlySet<PlacementRequest>,
  options: PlaceOptions,
): Placement {
  const changed = requests.map((request): PlacementRequest => {
    if (!repinned.has(request) || request.kind !== 'dedicated') return request;
    return { ...request, current: undefined, keepCells: request.current?.cells };
  });
  return place(host, changed, options);
}

/** Its vCPUs do not move, and use more cores than they need, whose sibling threads no other VM may use. */
function isSpreadOut(host: PlacementHost, request: PlacementRequest, { moved }: Placement): boolean {
  if (request.kind !== 'dedicated' || request.threads === 'isolate' || request.current === undefined)
    return false;
  if (moved.includes(request.guest)) return false;
  const { current } = request;
  return request.cells.some((cell) => usesMoreCores(host, current, [...cell.vcpus]));
}

function usesMoreCores(host: PlacementHost, current: Assignment, vcpus: readonly number[]): boolean {
  const cpus = vcpus.flatMap((vcpu) => current.vcpus[vcpu]?.first ?? []);
  const cores = host.cores.filter((core) => core.cpus.some((cpu) => cpus.includes(cpu)));
  const threads = Math.max(1, ...cores.map((core) => core.cpus.length));
  return cores.length > Math.ceil(vcpus.length / threads);
}

/**
 * Places VMs by rungs 1 to 3 of the ladder.
 * @throws TunerError (TUNE_PLACEMENT) for invalid requests: the same VM twice, or gaps in the vCPU numbers.
 */
export function place(
  host: PlacementHost,
  requests: readonly PlacementRequest[],
  { rebalance = false }: PlaceOptions = {},
): Placement {
  check(requests);
  const { solver, refused, proven } = refuseFewest(host, requests, {
    rebalance,
    moveCost: (candidate) =>
      rebalance || candidate.request.current === undefined
        ? 0
        : moveCost(candidate.request, assignmentOf(host, candidate, CpuSet.empty)),
  });
  const assignments = assignmentsOf(host, requests, solver);
  const placed = new Map(assignments.map((assignment) => [assignment.guest, assignment]));
  const moved = requests.filter(({ guest, current }) => {
    const to = placed.get(guest);
    return current !== undefined && to !== undefined && hasMoved(current, to);
  });
  return {
    kind: refused.length === 0 ? 'placed' : 'refused',
    assignments,
    refusals: requests
      .filter((request) => refused.includes(request))
      .map((request) => explainRefusal(host, request, solver, assignments)),
    moved: moved.map(({ guest }) => guest),
    overlaps: overlapsOf(host, assignments),
    cost: costing(host, requests, { rebalance })(assignments),
    proven,
  };
}

function assignmentsOf(
  host: PlacementHost,
  requests: readonly PlacementRequest[],
  solver: Solver,
): Assignment[] {
  return requests.flatMap((request) => {
    const candidate = solver.placeOf(request);
    if (candidate === undefined) return [];
    const cells = candidate.kind === 'node' ? [candidate.cell] : candidate.cells.map(({ cell }) => cell);
    const shared = cells.reduce((all, cell) => all.union(solver.state.sharedPool(cell)), CpuSet.empty);
    return [assignmentOf(host, candidate, shared)];
  });
}

function check(requests: readonly PlacementRequest[]): void {
  const seen = new Set<string>();
  for (const request of requests) {
    if (seen.has(request.guest)) {
      throw new TunerError('TUNE_PLACEMENT', `${request.guest} cannot be placed twice in one plan`);
    }
    seen.add(request.guest);
    const vcpus = request.kind === 'node' ? [...Array(request.vcpus).keys()] : vcpuNumbers(request);
    if (vcpus.length === 0 || vcpus.some((vcpu, index) => vcpu !== index)) {
      throw new TunerError(
        'TUNE_PLACEMENT',
        `the guest cells of ${request.guest} have vCPUs ${vcpus.join(',') || 'none'}; each vCPU from 0 on must be in exactly one cell`,
      );
    }
  }
}

const vcpuNumbers = ({ cells, sharedVcpus = CpuSet.empty }: DedicatedRequest): number[] =>
  [...cells.flatMap(({ vcpus }) => [...vcpus]), ...sharedVcpus].sort((a, b) => a - b);

// Rung 3: refuse as few VMs as possible.

interface LadderResult {
  readonly solver: Solver;
  /** VMs without a place. */
  readonly refused: readonly PlacementRequest[];
  /** The search was exhaustive: no more VMs can be placed, and no placement costs less. */
  readonly proven: boolean;
}

/** After this many steps the best result so far is taken: about a second on a large host. */
const STEPS = 300_000;
/** Above this many VMs, the choices of VMs to refuse are not searched exhaustively. */
const MAX_REFUSE_CHOICES = 10;

function refuseFewest(
  host: PlacementHost,
  requests: readonly PlacementRequest[],
  options: LadderOptions,
): LadderResult {
  const all = new FewestMoves(host, requests, { ...options, budget: new Budget(STEPS) }).solve();
  if (all.solver !== undefined) return { ...all, refused: [] };
  const chosen = requests.length <= MAX_REFUSE_CHOICES ? tryRefusals(host, requests, options) : undefined;
  if (chosen !== undefined) return chosen;
  const inOrder = refuseLast(host, requests, options);
  const hardness = hardestFirst(() => false);
  const easiestFirst = requests.toSorted((a, b) => hardness(b, a));
  const easiest = refuseLast(host, easiestFirst, options);
  return easiest.refused.length < inOrder.refused.length ? easiest : inOrder;
}

/**
 * For few VMs, tries all choices of VMs to refuse: those without a place before those with one, the last in the request
 * first. VMs that would not fit even alone are always refused. Undefined if the step budget runs out.
 */
function tryRefusals(
  host: PlacementHost,
  requests: readonly PlacementRequest[],
  given: LadderOptions,
): LadderResult | undefined {
  const options = { ...given, budget: new Budget(STEPS) };
  const hopeless = requests.filter((request) => !new Solver(host, [request], options).fits(request));
  const others = requests.filter((request) => !hopeless.includes(request)).reverse();
  const dispensable = [
    ...others.filter(({ current }) => current === undefined),
    ...others.filter(({ current }) => current !== undefined),
  ];
  let proven = true;
  for (let size = hopeless.length > 0 ? 0 : 1; size <= dispensable.length; size++) {
    for (const more of combinations(dispensable, size)) {
      if (options.budget.spent) return undefined;
      const refused = requests.filter((request) => hopeless.includes(request) || more.includes(request));
      const rest = requests.filter((request) => !refused.includes(request));
      const result = new FewestMoves(host, rest, options).solve();
      proven &&= result.proven;
      if (result.solver !== undefined) return { solver: result.solver, refused, proven };
    }
  }
  return undefined;
}

/** For many VMs: those with a place keep it, then each of the others gets the first place that fits. */
function refuseLast(
  host: PlacementHost,
  requests: readonly PlacementRequest[],
  options: LadderOptions,
): LadderResult {
  const solver = new Solver(host, requests, { ...options, budget: new Budget(STEPS) });
  const present = options.rebalance ? [] : requests.filter(({ current }) => current !== undefined);
  const leaving = solver.keep(present);
  const helpers = solver.solve([], { quick: true });
  if (helpers.kind === 'found') solver.commit(helpers);
  const unplaced = requests.filter((request) => !present.includes(request));
  const waiting = [...leaving, ...solver.releaseWithoutHelpers(), ...unplaced];
  const refused = waiting.filter((request) => {
    const outcome = solver.solve([request], { quick: true });
    if (outcome.kind === 'found') solver.commit(outcome);
    return outcome.kind === 'none';
  });
  return { solver, refused, proven: false };
}
