import { CpuSet } from '../../model/cpu-set.ts';
import { TunerError } from '../errors.ts';
import { dedicatedAssignment, nodeAssignment } from './assign.ts';
import { costing, hasMoved, moveCost } from './cost.ts';
import { settleMost } from './most.ts';
import { overlapsOf } from './overlaps.ts';
import { refuse } from './refuse.ts';
import type { DedicatedSeat, NodeSeat } from './seat.ts';
import type { Assignment, DedicatedRequest, Placement, PlacementHost, PlacementRequest } from './types.ts';

export interface PlaceOptions {
  /** Takes what VMs have now for nothing: the best for all together. */
  readonly rebalance?: boolean | undefined;
}

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
  const { search, refused, proven } = settleMost(host, requests, { rebalance, moveCost: moving });
  const assignments = requests.flatMap((request) => {
    const seat = search.seatOf(request);
    if (seat === undefined) return [];
    const shared =
      seat.kind === 'node'
        ? search.board.shared(seat.cell)
        : seat.cells.reduce((all, { cell }) => all.union(search.board.shared(cell)), CpuSet.empty);
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
    refusals: requests
      .filter((request) => refused.includes(request))
      .map((request) => refuse(host, request, search, assignments)),
    moved: moved.map(({ guest }) => guest),
    overlaps: overlapsOf(host, assignments),
    cost: costing(host, requests, { rebalance })(assignments),
    proven,
  };
}

function assignmentOf(host: PlacementHost, seat: DedicatedSeat | NodeSeat, shared: CpuSet): Assignment {
  return seat.kind === 'node' ? nodeAssignment(seat, shared) : dedicatedAssignment(host, seat, shared);
}

function check(requests: readonly PlacementRequest[]): void {
  const seen = new Set<string>();
  for (const request of requests) {
    if (seen.has(request.guest)) {
      throw new TunerError('TUNE_PLACEMENT', `${request.guest} cannot be placed twice at once`);
    }
    seen.add(request.guest);
    const vcpus = request.kind === 'node' ? [...Array(request.vcpus).keys()] : numbersOf(request);
    if (vcpus.length === 0 || vcpus.some((vcpu, index) => vcpu !== index)) {
      throw new TunerError(
        'TUNE_PLACEMENT',
        `${request.guest} has the vCPUs ${vcpus.join(',') || 'none'} in its guest cells; they must hold each of 0 to n-1 once`,
      );
    }
  }
}

const numbersOf = ({ cells, sharedVcpus = CpuSet.empty }: DedicatedRequest): number[] =>
  [...cells.flatMap(({ vcpus }) => [...vcpus]), ...sharedVcpus].sort((a, b) => a - b);
