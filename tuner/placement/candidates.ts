import {
  byAddedCost,
  type CandidateSet,
  type CellCandidate,
  cellPlaceOf,
  type DedicatedCandidate,
  guestCell,
  type HelperCpu,
  type NodeCandidate,
  releaseCell,
  reserveCell,
  type VmCandidate,
} from './candidate.ts';
import { allSelections, type CoreSelection, likelySelections } from './cores.ts';
import { type CellPlace, deviceCost, placeCost } from './cost.ts';
import { findHelperCpus } from './helper-cpus.ts';
import type { SearchContext, SearchWidth } from './search.ts';
import type { CellState } from './state.ts';
import type { DedicatedRequest, NodeRequest, PlacementRequest } from './types.ts';

/* The places that a whole VM could have, cheapest first. */

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
 * 1. For its first guest cell, each host cell with enough memory, and in it each selection of cores.
 * 2. For each of these, cheapest first, the same for the next guest cell, on another host cell.
 * 3. CPUs for its helpers.
 */
class DedicatedSearch {
  readonly #context: SearchContext;
  readonly #request: DedicatedRequest;
  readonly #width: SearchWidth;
  readonly #costAtStart: number;
  readonly #found: DedicatedCandidate[] = [];
  /** For the guest cells reserved so far. */
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

  #selections(cell: CellState, vcpus: number): readonly CoreSelection[] {
    const { threads } = this.#request;
    if (!this.#width.exhaustive) return likelySelections(cell, vcpus, threads);
    const { selections, complete } = allSelections(cell, vcpus, threads);
    this.#complete &&= complete;
    return selections;
  }

  /** Equal guest cells are interchangeable: search only orders in which the later one is on the later host cell. */
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
    return this.#selections(cell, vcpus.size).flatMap((selection) => {
      budget.spend(1);
      return this.#optionFor({ cell, memoryCell, selection, cpus: inVcpuOrder(selection) }, index) ?? [];
    });
  }

  /** Undefined if too few CPUs would remain for VMs that share the cell's CPUs. */
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
