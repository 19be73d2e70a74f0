import {
  type Candidate,
  type CellCandidate,
  cellPlacesOf,
  type DedicatedCandidate,
  guestCell,
  type HelperCandidate,
  type HelperCpu,
  helperCount,
  merged,
  ownHelperCost,
  release,
  releaseCell,
  reserve,
  reserveCell,
} from './candidate.ts';
import { type CoreSelection, policyAllows } from './cores.ts';
import { deviceCost, placeCost } from './cost.ts';
import type { SearchContext } from './search.ts';
import type { CoreState, CoreThreads, HostState } from './state.ts';
import type { Assignment, DedicatedRequest, NodeRequest, PlacementRequest } from './types.ts';

/* A VM's current place, if it can stay there. */

/** The present place of a VM, including its helpers; undefined if it cannot stay there. */
export function presentPlace(context: SearchContext, request: PlacementRequest): Candidate | undefined {
  const { state } = context;
  const { current } = request;
  if (current === undefined || current.kind !== request.kind) return undefined;
  if (request.kind === 'node') return presentNode(state, request, current);
  const vcpus = presentVcpus(state, request);
  if (vcpus === undefined) return undefined;
  reserve(state, vcpus);
  const helpers = presentHelpers(context, vcpus);
  release(state, vcpus);
  return helpers && merged(helpers);
}

function presentNode(state: HostState, request: NodeRequest, current: Assignment): Candidate | undefined {
  const cell = state.cell(current.cells[0] ?? -1);
  if (cell === undefined || cell.cores.length === 0 || cell.sharedCpus < request.vcpus) return undefined;
  if (!state.memoryFits(request, cell, request.memoryKiB)) return undefined;
  const ownCost = deviceCost(state.model, request, [{ cell: cell.id }]);
  return { kind: 'node', request, cell, ownCost, addedCost: ownCost };
}

/** The present place of a VM's vCPUs, without its helpers. */
export function presentVcpus(state: HostState, request: PlacementRequest): DedicatedCandidate | undefined {
  const { current } = request;
  if (request.kind !== 'dedicated' || current?.kind !== 'dedicated') return undefined;
  const wanted = request.cells.reduce((sum, cell) => sum + cell.vcpus.size, 0);
  if (current.vcpus.length !== wanted + (request.sharedVcpus?.size ?? 0)) return undefined;
  const costAtStart = state.cost;
  const cells: CellCandidate[] = [];
  const stays = request.cells.every((_, index) => {
    const at = presentCell(state, request, current, index);
    if (at === undefined || cells.some(({ cell }) => cell === at.cell)) return false;
    reserveCell(state, request, index, at);
    cells.push(at);
    return at.cell.sharedCpus >= at.cell.widest;
  });
  const cost = state.cost - costAtStart;
  for (const [index, at] of cells.entries()) releaseCell(state, request, index, at);
  if (!stays) return undefined;
  const ownCost = placeCost(state.model, request, cellPlacesOf(state, { request, cells }), []);
  return { kind: 'dedicated', request, cells, helpers: [], ownCost, addedCost: cost + ownCost };
}

function presentCell(
  state: HostState,
  request: DedicatedRequest,
  current: Assignment,
  index: number,
): CellCandidate | undefined {
  const wanted = guestCell(request, index);
  const cpus = [...wanted.vcpus].flatMap((vcpu) => soleCpu(current, vcpu) ?? []);
  const selection = freeSelection(state, cpus);
  const cell = selection?.[0]?.core.cell;
  if (selection === undefined || cell === undefined || cpus.length !== wanted.vcpus.size) return undefined;
  if (selection.some(({ core }) => core.cell !== cell)) return undefined;
  if (!policyAllows(request.threads, selection)) return undefined;
  const memoryCell = wanted.memoryCell === undefined ? cell : state.cell(wanted.memoryCell);
  return memoryCell !== undefined && state.memoryFits(request, memoryCell, wanted.memoryKiB)
    ? { cell, memoryCell, selection, cpus }
    : undefined;
}

function soleCpu(current: Assignment, vcpu: number): number | undefined {
  const cpus = current.vcpus[vcpu];
  return cpus?.size === 1 ? cpus.first : undefined;
}

/** Groups these CPUs by core; undefined if any is not free, or listed twice. */
function freeSelection(state: HostState, cpus: readonly number[]): CoreSelection | undefined {
  if (new Set(cpus).size < cpus.length) return undefined;
  const byCore = new Map<CoreState, number[]>();
  for (const cpu of cpus) {
    const core = state.coreOf.get(cpu);
    if (core === undefined || core.exclusive || !core.free.includes(cpu)) return undefined;
    byCore.set(core, [...(byCore.get(core) ?? []), cpu]);
  }
  return [...byCore].map(([core, own]): CoreThreads => ({ core, cpus: own }));
}

/** The present place of a VM's helpers, once its vCPUs are placed. */
export function presentHelpers(
  { state, moveCost }: SearchContext,
  vcpus: DedicatedCandidate,
): HelperCandidate | undefined {
  const { request } = vcpus;
  const helpers = presentHelperCpus(state, request);
  if (helpers === undefined) return undefined;
  const places = cellPlacesOf(state, vcpus);
  const before = state.cost;
  for (const { core, cpu } of helpers) state.reserveHelper(core, cpu);
  const ownCost = ownHelperCost(state, places, helpers) + moveCost({ ...vcpus, helpers });
  const addedCost = state.cost - before + ownCost;
  const leavesRoom = helpers.every(({ core }) => core.cell.sharedCpus >= core.cell.widest);
  for (const { core, cpu } of helpers) state.releaseHelper(core, cpu);
  return leavesRoom ? { kind: 'helpers', request, vcpus, helpers, ownCost, addedCost } : undefined;
}

/** Undefined if any of the CPUs is not free, or their number has changed. */
function presentHelperCpus(state: HostState, request: DedicatedRequest): HelperCpu[] | undefined {
  const { emulatorCpus, ioThreadCpus, current } = request;
  if (current === undefined || (emulatorCpus > 0 && current.emulator.size !== emulatorCpus)) return undefined;
  const cpus = [
    ...(emulatorCpus > 0 ? current.emulator : []),
    ...(ioThreadCpus > 0 ? current.ioThreads : []),
  ];
  if (cpus.length !== helperCount(request) || new Set(cpus).size !== cpus.length) return undefined;
  const helpers = cpus.flatMap((cpu): HelperCpu[] => {
    const core = state.coreOf.get(cpu);
    const free = core?.group !== undefined && core.group.use !== 'vcpus' && core.free.includes(cpu);
    return free ? [{ core, cpu }] : [];
  });
  return helpers.length === cpus.length ? helpers : undefined;
}
