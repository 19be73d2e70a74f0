import { CpuSet } from '../../model/cpu-set.ts';
import { TunerError } from '../errors.ts';
import { dedicatedAssignment, nodeAssignment } from './assign.ts';
import { Budget } from './budget.ts';
import { costing, hasMoved, moveCost } from './cost.ts';
import { overlapsOf } from './overlaps.ts';
import { refuse } from './refuse.ts';
import { Search } from './search.ts';
import type { DedicatedSeat, NodeSeat } from './seat.ts';
import { combinations, type Settled, type SettleOptions, settle } from './settle.ts';
import type { Assignment, Placement, PlacementHost, PlacementRequest } from './types.ts';

export interface PlaceOptions {
  /** Takes what VMs have now for nothing: the best for all together. */
  readonly rebalance?: boolean | undefined;
}

/** Steps after which the best so far will do: about a second's work on a large host. */
const STEPS = 300_000;
/** Of so many VMs, the fewest that have to be refused are sought in all combinations. */
const COMBINED = 10;

/**
 * Places VMs on a host, all together, at the least cost by the objective (objective.ts):
 * 1. all of them, moving as few of those that have a place as will do;
 * 2. if that cannot be, all but as few as possible: those without a place before those with one, the last that
 *    was asked for first. Each of these is refused with the reason, and what would make room for it.
 *
 * Pure and deterministic; bounded in work, so that on a large host the best found is not always the best there is.
 * @throws TunerError (TUNE_PLACEMENT) for requests that make no sense: one VM twice, vCPUs with gaps.
 */
export function place(
  host: PlacementHost,
  requests: readonly PlacementRequest[],
  { rebalance = false }: PlaceOptions = {},
): Placement {
  check(requests);
  const moving = (seat: DedicatedSeat | NodeSeat): number =>
    rebalance || seat.request.current === undefined
      ? 0
      : moveCost(seat.request, assignmentOf(host, seat, CpuSet.empty));
  const options = { rebalance, budget: new Budget(STEPS), moveCost: moving };
  const { settled, refused, proven } = settleMost(host, requests, options);
  const assignments = requests.flatMap((request) => {
    const seat = settled.search.seatOf(request);
    if (seat === undefined) return [];
    const shared = seat.kind === 'node' ? settled.search.board.shared(seat.cell) : CpuSet.empty;
    return [assignmentOf(host, seat, shared)];
  });
  const placed = new Map(assignments.map((assignment) => [assignment.guest, assignment]));
  const moved = requests.filter(({ guest, current }) => {
    const to = placed.get(guest);
    return current !== undefined && to !== undefined && hasMoved(current, to);
  });
  return {
    kind: refused.length === 0 ? 'placed' : 'refused',
    assignments,
    refusals: refused.map((request) => refuse(host, request, settled.search, assignments)),
    moved: moved.map(({ guest }) => guest),
    overlaps: overlapsOf(host, assignments),
    cost: costing(host, requests, { rebalance })(assignments),
    proven,
  };
}

interface Most {
  readonly settled: Settled;
  readonly refused: readonly PlacementRequest[];
  readonly proven: boolean;
}

function settleMost(
  host: PlacementHost,
  requests: readonly PlacementRequest[],
  options: SettleOptions,
): Most {
  const all = settle(host, requests, options);
  if (all.search !== undefined) return { settled: all, refused: [], proven: all.proven };
  const again = { ...options, budget: new Budget(STEPS) };
  return requests.length <= COMBINED
    ? refuseFewest(host, requests, again)
    : refuseLast(host, requests, again);
}

/** Refuses as few as possible. Those that have no room even alone are among them in any case. */
function refuseFewest(
  host: PlacementHost,
  requests: readonly PlacementRequest[],
  options: SettleOptions,
): Most {
  const hopeless = requests.filter((request) => !new Search(host, [request], options).fits(request));
  const others = requests.filter((request) => !hopeless.includes(request)).reverse();
  const dispensable = [
    ...others.filter(({ current }) => current === undefined),
    ...others.filter(({ current }) => current !== undefined),
  ];
  let proven = true;
  for (let size = hopeless.length > 0 ? 0 : 1; ; size++) {
    for (const more of combinations(dispensable, size)) {
      if (options.budget.spent) return refuseLast(host, requests, { ...options, budget: new Budget(STEPS) });
      const refused = requests.filter((request) => hopeless.includes(request) || more.includes(request));
      const settled = settle(
        host,
        requests.filter((request) => !refused.includes(request)),
        options,
      );
      proven &&= settled.proven;
      if (settled.search !== undefined) return { settled, refused, proven };
    }
  }
}

/** Of many: those that have a place come first, then all in the order asked in, as far as there is room. */
function refuseLast(
  host: PlacementHost,
  requests: readonly PlacementRequest[],
  options: SettleOptions,
): Most {
  const search = new Search(host, requests, options);
  const placed = options.rebalance ? [] : requests.filter(({ current }) => current !== undefined);
  const leaving = search.keep(placed);
  const waiting = [...leaving, ...requests.filter((request) => !placed.includes(request))];
  const refused = waiting.filter((request) => {
    const outcome = search.find([request], { quick: true });
    if (outcome.kind === 'found') search.hold(outcome);
    return outcome.kind === 'none';
  });
  return {
    settled: { search, proven: false },
    refused: requests.filter((request) => refused.includes(request)),
    proven: false,
  };
}

function assignmentOf(host: PlacementHost, seat: DedicatedSeat | NodeSeat, shared: CpuSet): Assignment {
  return seat.kind === 'node' ? nodeAssignment(seat, shared) : dedicatedAssignment(host, seat);
}

function check(requests: readonly PlacementRequest[]): void {
  const seen = new Set<string>();
  for (const request of requests) {
    if (seen.has(request.guest)) {
      throw new TunerError('TUNE_PLACEMENT', `${request.guest} cannot be placed twice at once`);
    }
    seen.add(request.guest);
    if (request.kind === 'node') continue;
    const vcpus = request.cells.flatMap((cell) => [...cell.vcpus]).sort((a, b) => a - b);
    if (vcpus.length === 0 || vcpus.some((vcpu, index) => vcpu !== index)) {
      throw new TunerError(
        'TUNE_PLACEMENT',
        `${request.guest}: its guest cells hold the vCPUs ${vcpus.join(',') || 'none'}; they must hold each of 0 to n-1 once`,
      );
    }
  }
}
