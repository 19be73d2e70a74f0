import { WARN_RATIO } from './overcommit-limits.ts';
import { type PlaceOptions, place } from './place.ts';
import type { Assignment, DedicatedRequest, Placement, PlacementHost, PlacementRequest } from './types.ts';

/** The highest overcommit ratio that any VM without CPUs of its own would see. */
export type WorstRatio = (assignments: readonly Assignment[]) => number;

/** Less is not worth moving a VM for. */
const MUCH_BETTER = 0.75;

/**
 * Places VMs, in this order of preference:
 * 1. Nobody who has a place moves, if there is room for all (place.ts).
 * 2. Where VMs that share CPUs would then be squeezed above 3:1, VMs that leave the other threads of their cores idle
 *    are packed onto whole cores of the cells that they are in: their memory stays, and the cores that become free
 *    are shared. Only if the ratio falls by a quarter, and by as few of these VMs as will do.
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
  const wide = requests.filter((request) => isSpreadOut(host, request, first));
  let repinned = new Set<PlacementRequest>();
  let best = first;
  for (const request of wide) {
    if (best !== first && worstRatio(best.assignments) <= WARN_RATIO) break;
    const next = repack(host, requests, new Set([...repinned, request]), options);
    if (next.refusals.length > 0 || next.moved.length > first.moved.length) continue;
    // One VM alone may not help a pool that lies in another cell: what counts is how it ends.
    repinned = new Set([...repinned, request]);
    best = next;
  }
  return worstRatio(best.assignments) <= ratio * MUCH_BETTER
    ? { ...best, repinned: [...repinned].map(({ guest }) => guest) }
    : first;
}

function repack(
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

/** Its vCPUs stay where they are, on more cores than they need, and others may not use what they leave. */
function isSpreadOut(host: PlacementHost, request: PlacementRequest, { moved }: Placement): boolean {
  if (request.kind !== 'dedicated' || request.threads === 'isolate' || request.current === undefined)
    return false;
  if (moved.includes(request.guest)) return false;
  const { current } = request;
  return request.cells.some((cell) => usesMoreCores(host, request, current, [...cell.vcpus]));
}

function usesMoreCores(
  host: PlacementHost,
  { cells }: DedicatedRequest,
  current: Assignment,
  vcpus: readonly number[],
): boolean {
  const cpus = vcpus.flatMap((vcpu) => current.vcpus[vcpu]?.first ?? []);
  const cores = host.cores.filter((core) => core.cpus.some((cpu) => cpus.includes(cpu)));
  const threads = Math.max(1, ...cores.map((core) => core.cpus.length));
  return cells.length > 0 && cores.length > Math.ceil(vcpus.length / threads);
}
