import {
  byAddedCost,
  type CandidateSet,
  cellPlacesOf,
  type DedicatedCandidate,
  type HelperCandidate,
  type HelperCpu,
  helperCount,
  ownHelperCost,
} from './candidate.ts';
import { type CellPlace, helperCost } from './cost.ts';
import { presentHelpers } from './present-place.ts';
import type { SearchContext, SearchWidth } from './search.ts';
import type { CellState, CoreState, HostState } from './state.ts';
import type { DedicatedRequest } from './types.ts';

/* CPUs for a VM's helper threads, cheapest first. */

/**
 * Finds CPUs for a VM's helpers once its vCPUs are placed: one CPU at a time, on cores without vCPUs, cheapest core
 * first. `onFound` is called for each combination found, while its CPUs are reserved.
 */
export function findHelperCpus(
  { state, budget }: SearchContext,
  request: DedicatedRequest,
  places: readonly CellPlace[],
  { exhaustive, helperCores }: SearchWidth,
  onFound: (helpers: readonly HelperCpu[]) => void,
): { readonly complete: boolean } {
  const wanted = helperCount(request);
  const chosen: HelperCpu[] = [];
  let complete = exhaustive;
  const next = (): void => {
    if (chosen.length === wanted) {
      onFound(chosen);
      return;
    }
    const cores = coresForHelper(state, places, chosen.at(-1)?.core.index ?? 0, exhaustive);
    if (cores.length > helperCores) complete = false;
    for (const core of cores.slice(0, helperCores)) {
      if (exhaustive && budget.spent) {
        complete = false;
        return;
      }
      budget.spend(1);
      const cpu = core.free[0] as number;
      state.reserveHelper(core, cpu);
      chosen.push({ core, cpu });
      if (core.cell.sharedCpus >= core.cell.widest) next();
      chosen.pop();
      state.releaseHelper(core, cpu);
    }
  };
  next();
  return { complete };
}

/**
 * One core of each group, cheapest first. The order of helpers makes no difference, so an exhaustive search places each
 * on the same core as the helper before it or a later one (index `from` on). Otherwise only the nearest cells with free
 * cores count, and in these the cores in the most expendable use.
 */
function coresForHelper(
  state: HostState,
  places: readonly CellPlace[],
  from: number,
  exhaustive: boolean,
): CoreState[] {
  const cores = exhaustive
    ? state.cells.flatMap((cell) => coreOfEachGroup(cell, from))
    : (nearestCores(state, places) ?? []);
  return cores
    .map((core) => ({ core, cost: addedHelperCost(state, places, core) }))
    .sort((a, b) => a.cost - b.cost || a.core.index - b.core.index)
    .map(({ core }) => core);
}

function coreOfEachGroup(cell: CellState, from: number): CoreState[] {
  return [...cell.groups.values()].flatMap(({ use, cores }) =>
    use === 'vcpus' ? [] : (cores.find((core) => core.index >= from) ?? []),
  );
}

function nearestCores(state: HostState, places: readonly CellPlace[]): CoreState[] | undefined {
  const away = (cell: CellState): number =>
    Math.min(...places.map((place) => state.model.away(place.cell, cell.id)));
  const byDistance = Map.groupBy(state.cells, away);
  for (const distance of [...byDistance.keys()].sort((a, b) => a - b)) {
    const cores = (byDistance.get(distance) ?? []).flatMap((cell) => coreOfEachGroup(cell, 0));
    const uses = Map.groupBy(cores, (core) =>
      HELPER_PREFERENCE.indexOf(`${core.group?.use} ${core.core.isolated}`),
    );
    if (uses.size > 0) return uses.get(Math.min(...uses.keys()));
  }
  return undefined;
}

/** Use and isolation of cores for helpers, most expendable first. */
const HELPER_PREFERENCE = [false, true].flatMap((isolated) =>
  ['helpers', 'host', 'whole'].map((use) => `${use} ${isolated}`),
);

function addedHelperCost(state: HostState, places: readonly CellPlace[], core: CoreState): number {
  const before = state.cost;
  const cpu = core.free[0] as number;
  state.reserveHelper(core, cpu);
  const cost = state.cost - before + helperCost(state.model, core.core, places);
  state.releaseHelper(core, cpu);
  return cost;
}

/** Candidates for the helpers of a VM whose vCPUs are placed; first the present place, if free. */
export function helperCandidates(
  context: SearchContext,
  vcpus: DedicatedCandidate,
  width: SearchWidth,
): CandidateSet {
  const { state, moveCost } = context;
  const { request } = vcpus;
  const places = cellPlacesOf(state, vcpus);
  const costAtStart = state.cost;
  const present = presentHelpers(context, vcpus);
  const candidates: HelperCandidate[] = present === undefined ? [] : [present];
  const { complete } = findHelperCpus(context, request, places, width, (found) => {
    const helpers = [...found];
    const ownCost = ownHelperCost(state, places, helpers) + moveCost({ ...vcpus, helpers });
    const addedCost = state.cost - costAtStart + ownCost;
    candidates.push({ kind: 'helpers', request, vcpus, helpers, ownCost, addedCost });
  });
  return { candidates: candidates.sort(byAddedCost), complete };
}
