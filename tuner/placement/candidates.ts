import { allSelections, type CoreSelection, likelySelections, policyAllows } from './cores.ts';
import { type CellPlace, deviceCost, helperCost, placeCost } from './cost.ts';
import type { CellState, CoreState, CoreThreads, HostState } from './state.ts';
import type {
  Assignment,
  DedicatedRequest,
  GuestCellRequest,
  NodeRequest,
  PlacementRequest,
} from './types.ts';

/*
 * Candidates: the places that one VM could have on a host in its present state, the cheapest first. "Helpers" are a
 * VM's emulator threads and iothreads.
 */

/** Where a guest cell would go. */
export interface CellCandidate {
  readonly cell: CellState;
  readonly memoryCell: CellState;
  readonly selection: CoreSelection;
  /** The CPU of each vCPU, in the order of the vCPUs. */
  readonly cpus: readonly number[];
}

export interface HelperCpu {
  readonly core: CoreState;
  readonly cpu: number;
}

interface Costs {
  /** What the place costs by itself. */
  readonly ownCost: number;
  /** What it adds to the cost of the host's state, its own cost included. */
  readonly addedCost: number;
}

/** A complete place for a VM with dedicated CPUs. */
export interface DedicatedCandidate extends Costs {
  readonly kind: 'dedicated';
  readonly request: DedicatedRequest;
  readonly cells: readonly CellCandidate[];
  /** The emulator's CPUs, then those of the iothreads. */
  readonly helpers: readonly HelperCpu[];
}

/** A place for the helpers of a VM whose vCPUs have theirs already. */
export interface HelperCandidate extends Costs {
  readonly kind: 'helpers';
  readonly request: DedicatedRequest;
  readonly vcpus: DedicatedCandidate;
  readonly helpers: readonly HelperCpu[];
}

/** A place for a VM that shares a cell's CPUs. */
export interface NodeCandidate extends Costs {
  readonly kind: 'node';
  readonly request: NodeRequest;
  readonly cell: CellState;
}

/** A place for a whole VM. */
export type VmCandidate = DedicatedCandidate | NodeCandidate;
export type Candidate = VmCandidate | HelperCandidate;

/** The cheapest first. */
export interface CandidateSet<C extends Candidate = Candidate> {
  readonly candidates: readonly C[];
  /** All were listed, except for equivalent ones. */
  readonly complete: boolean;
}

/** Steps that a search may still take, about one a candidate: bounded work, and the same result on any machine. */
export class Budget {
  #left: number;

  constructor(steps: number) {
    this.#left = steps;
  }

  get spent(): boolean {
    return this.#left <= 0;
  }

  spend(steps: number): void {
    this.#left -= steps;
  }

  /** Moves steps to a budget for one part of the search; `take` moves back what that part leaves. */
  lend(steps: number): Budget {
    const part = new Budget(Math.min(steps, Math.max(0, this.#left)));
    this.#left -= part.#left;
    return part;
  }

  take(part: Budget): void {
    this.#left += part.#left;
    part.#left = 0;
  }
}

/** How many candidates to look at. */
export interface SearchWidth {
  readonly exhaustive: boolean;
  /** Options tried for the first, second, ... guest cell; the last number holds for the rest. */
  readonly cells: readonly number[];
  /** Candidates listed. */
  readonly candidates: number;
  /** Cores tried for each helper. */
  readonly helperCores: number;
}

/** The few that are worth a try on a large host. */
export const LIKELY: SearchWidth = { exhaustive: false, cells: [8, 2, 1], candidates: 8, helperCores: 1 };
/** All, unless there are very many. */
export const ALL: SearchWidth = { exhaustive: true, cells: [512], candidates: 512, helperCores: 8 };

/** What leaving its present place would cost a VM. */
export type CandidateMoveCost = (candidate: VmCandidate) => number;

/** What candidates are found with. Functions that take it leave `state` as it was. */
export interface SearchContext {
  readonly state: HostState;
  readonly budget: Budget;
  readonly moveCost: CandidateMoveCost;
}

/** Reserves a candidate's CPUs and memory. The state must be as it was when the candidate was found, or emptier. */
export function reserve(state: HostState, candidate: Candidate): void {
  if (candidate.kind === 'node') {
    const { request, cell } = candidate;
    state.reserveMemory(request, cell, request.memoryKiB);
    state.share(cell, request.vcpus, request.memoryKiB, 1);
  } else {
    if (candidate.kind === 'dedicated') {
      for (const [index, each] of candidate.cells.entries()) {
        reserveCell(state, candidate.request, index, each);
      }
    }
    for (const { core, cpu } of candidate.helpers) state.reserveHelper(core, cpu);
  }
  state.cost += candidate.ownCost;
}

/** Undoes `reserve`; candidates may be released in any order. */
export function release(state: HostState, candidate: Candidate): void {
  state.cost -= candidate.ownCost;
  if (candidate.kind === 'node') {
    const { request, cell } = candidate;
    state.share(cell, request.vcpus, request.memoryKiB, -1);
    state.reserveMemory(request, cell, -request.memoryKiB);
    return;
  }
  for (const { core, cpu } of candidate.helpers) state.releaseHelper(core, cpu);
  if (candidate.kind === 'dedicated') {
    for (const [index, each] of candidate.cells.entries()) {
      releaseCell(state, candidate.request, index, each);
    }
  }
}

function reserveCell(state: HostState, request: DedicatedRequest, index: number, at: CellCandidate): void {
  state.reserveMemory(request, at.memoryCell, guestCell(request, index).memoryKiB);
  for (const threads of at.selection) state.reserveVcpus(threads, request.threads !== 'prefer');
}

function releaseCell(state: HostState, request: DedicatedRequest, index: number, at: CellCandidate): void {
  for (const threads of at.selection) state.releaseVcpus(threads);
  state.reserveMemory(request, at.memoryCell, -guestCell(request, index).memoryKiB);
}

const guestCell = (request: DedicatedRequest, index: number): GuestCellRequest =>
  request.cells[index] as GuestCellRequest;

/** One candidate for a VM whose vCPUs and helpers were placed one after the other. */
export function merged(candidate: Candidate): VmCandidate {
  if (candidate.kind !== 'helpers') return candidate;
  const { vcpus, helpers, ownCost } = candidate;
  return { ...vcpus, helpers, ownCost: vcpus.ownCost + ownCost };
}

function cellPlaceOf(
  state: HostState,
  request: DedicatedRequest,
  index: number,
  at: CellCandidate,
): CellPlace {
  return {
    cell: at.cell.id,
    memoryCell: at.memoryCell.id,
    vcpus: [...guestCell(request, index).vcpus],
    cores: at.cpus.map((cpu) => (state.coreOf.get(cpu) as CoreState).core),
  };
}

const cellPlacesOf = (
  state: HostState,
  { request, cells }: Pick<DedicatedCandidate, 'request' | 'cells'>,
): CellPlace[] => cells.map((at, index) => cellPlaceOf(state, request, index, at));

const byAddedCost = (a: Candidate, b: Candidate): number => a.addedCost - b.addedCost;

/** Candidates for a whole VM. */
export function vmCandidates(
  context: SearchContext,
  request: PlacementRequest,
  width: SearchWidth,
): CandidateSet {
  const found: CandidateSet<VmCandidate> =
    request.kind === 'node'
      ? nodeCandidates(context, request)
      : new DedicatedSearch(context, request, width).run();
  const candidates = found.candidates.map((candidate) => {
    const cost = context.moveCost(candidate);
    const { ownCost, addedCost } = candidate;
    return cost === 0 ? candidate : { ...candidate, ownCost: ownCost + cost, addedCost: addedCost + cost };
  });
  return { candidates: candidates.sort(byAddedCost), complete: found.complete };
}

/** One for each cell that has room. */
function nodeCandidates({ state, budget }: SearchContext, request: NodeRequest): CandidateSet<NodeCandidate> {
  const candidates = state.cells
    .filter((cell) => cell.cores.length > 0 && cell.sharedCpus >= request.vcpus)
    .filter((cell) => state.memoryFits(request, cell, request.memoryKiB))
    .map((cell): NodeCandidate => {
      budget.spend(1);
      const before = state.cost;
      state.share(cell, request.vcpus, request.memoryKiB, 1);
      const added = state.cost - before;
      state.share(cell, request.vcpus, request.memoryKiB, -1);
      const ownCost = deviceCost(state.model, request, [{ cell: cell.id }]);
      return { kind: 'node', request, cell, ownCost, addedCost: added + ownCost };
    });
  return { candidates, complete: true };
}

interface CellOption {
  readonly at: CellCandidate;
  readonly place: CellPlace;
  readonly cost: number;
}

/**
 * Candidates for a VM with dedicated CPUs:
 * 1. For its first guest cell, each host cell with enough memory, and there each selection of cores.
 * 2. From the cheapest of these on, the same for the next guest cell, on another host cell.
 * 3. CPUs for its helpers.
 */
class DedicatedSearch {
  readonly #context: SearchContext;
  readonly #request: DedicatedRequest;
  readonly #width: SearchWidth;
  readonly #costAtStart: number;
  readonly #found: DedicatedCandidate[] = [];
  /** Of the guest cells reserved so far. */
  readonly #chosen: CellCandidate[] = [];
  readonly #places: CellPlace[] = [];
  #complete: boolean;

  constructor(context: SearchContext, request: DedicatedRequest, width: SearchWidth) {
    this.#context = context;
    this.#request = request;
    this.#width = width;
    this.#costAtStart = context.state.cost;
    this.#complete = width.exhaustive;
  }

  run(): CandidateSet<DedicatedCandidate> {
    this.#placeCell(0);
    return { candidates: this.#found, complete: this.#complete };
  }

  #placeCell(index: number): void {
    if (index === this.#request.cells.length) {
      this.#placeHelpers();
      return;
    }
    const { state, budget } = this.#context;
    const { cells, candidates, exhaustive } = this.#width;
    const options = this.#cellOptions(index);
    const tried = cells[Math.min(index, cells.length - 1)] as number;
    if (options.length > tried) this.#complete = false;
    for (const { at, place } of options.slice(0, tried)) {
      if (this.#found.length >= candidates || (exhaustive && budget.spent)) {
        this.#complete = false;
        return;
      }
      reserveCell(state, this.#request, index, at);
      this.#chosen.push(at);
      this.#places.push(place);
      this.#placeCell(index + 1);
      this.#places.pop();
      this.#chosen.pop();
      releaseCell(state, this.#request, index, at);
    }
  }

  #placeHelpers(): void {
    const helpers = findHelperCpus(this.#context, this.#request, this.#places, this.#width, (found) => {
      this.#add(found);
    });
    this.#complete &&= helpers.complete;
  }

  #add(helpers: readonly HelperCpu[]): void {
    const { state } = this.#context;
    const cores = helpers.map(({ core }) => core.core);
    const ownCost = placeCost(state.model, this.#request, this.#places, cores);
    this.#found.push({
      kind: 'dedicated',
      request: this.#request,
      cells: [...this.#chosen],
      helpers: [...helpers],
      ownCost,
      addedCost: state.cost - this.#costAtStart + ownCost,
    });
  }

  /** The cheapest first. */
  #cellOptions(index: number): CellOption[] {
    const { cells } = this.#context.state;
    const kept = this.#request.keepCells?.[index];
    return cells
      .slice(this.#firstCell(index))
      .filter((cell) => kept === undefined || kept === cell.id)
      .filter((cell) => cell.cores.length > 0 && !this.#chosen.some((each) => each.cell === cell))
      .flatMap((cell) => this.#optionsIn(cell, index))
      .sort((a, b) => a.cost - b.cost);
  }

  /** Of equal guest cells, the later goes to the later host cell: which is where makes no difference. */
  #firstCell(index: number): number {
    const before = this.#chosen[index - 1];
    return before !== undefined && equalsCellBefore(this.#request, index)
      ? this.#context.state.cells.indexOf(before.cell) + 1
      : 0;
  }

  #optionsIn(cell: CellState, index: number): CellOption[] {
    const { state, budget } = this.#context;
    const { memoryCell: memoryCellId, memoryKiB, vcpus } = guestCell(this.#request, index);
    const memoryCell = memoryCellId === undefined ? cell : state.cell(memoryCellId);
    if (memoryCell === undefined || !state.memoryFits(this.#request, memoryCell, memoryKiB)) return [];
    const { exhaustive } = this.#width;
    const select = exhaustive ? allSelections : likelySelections;
    const { selections, complete } = select(cell, vcpus.size, this.#request.threads);
    if (exhaustive) this.#complete &&= complete;
    return selections.flatMap((selection) => {
      budget.spend(1);
      return this.#optionFor({ cell, memoryCell, selection, cpus: inVcpuOrder(selection) }, index) ?? [];
    });
  }

  /** Undefined if VMs that share the cell's CPUs would get too few. */
  #optionFor(at: CellCandidate, index: number): CellOption | undefined {
    const { state } = this.#context;
    const place = cellPlaceOf(state, this.#request, index, at);
    reserveCell(state, this.#request, index, at);
    const cost = state.cost + placeCost(state.model, this.#request, [...this.#places, place], []);
    const leavesRoom = at.cell.sharedCpus >= at.cell.widest;
    releaseCell(state, this.#request, index, at);
    return leavesRoom ? { at, place, cost } : undefined;
  }
}

/** Cores with the most threads first, so that consecutive vCPUs are sibling threads. */
function inVcpuOrder(selection: CoreSelection): number[] {
  return [...selection]
    .sort((a, b) => b.cpus.length - a.cpus.length || a.core.index - b.core.index)
    .flatMap(({ cpus }) => cpus);
}

function equalsCellBefore(request: DedicatedRequest, index: number): boolean {
  const [before, cell] = [request.cells[index - 1], request.cells[index]];
  return (
    request.keepCells === undefined &&
    before !== undefined &&
    before.vcpus.size === cell?.vcpus.size &&
    before.memoryKiB === cell.memoryKiB &&
    before.memoryCell === cell.memoryCell
  );
}

/** CPUs that are dedicated to a VM's helpers. */
export const helperCount = ({ emulatorCpus, ioThreadCpus }: DedicatedRequest): number =>
  emulatorCpus + ioThreadCpus;

/**
 * Finds CPUs for a VM's helpers after its vCPUs are placed, on cores without vCPUs, one CPU after the other, the
 * cheapest core first. `onFound` is called for each way, while its CPUs are reserved.
 */
function findHelperCpus(
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
 * One core of each group, the cheapest first. In an exhaustive search, each helper goes to the same or a later core
 * than the one before it (index `from` on), since their order makes no difference. Otherwise only the nearest cells
 * with free cores count, and there the use of core that is least missed.
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

/** Use and isolation of cores for helpers, the least missed first. */
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

/** Candidates for the helpers of a VM whose vCPUs are placed; the present place first, if it is free. */
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

const ownHelperCost = (
  state: HostState,
  places: readonly CellPlace[],
  helpers: readonly HelperCpu[],
): number => helpers.reduce((sum, { core }) => sum + helperCost(state.model, core.core, places), 0);

/** The present place of a VM, helpers included; undefined if it cannot stay there. */
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

/** These CPUs by core; undefined if any of them is not free, or listed twice. */
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

/** The present place of a VM's helpers, after its vCPUs are placed. */
function presentHelpers(
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
