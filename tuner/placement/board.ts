import { CpuSet } from '../../model/cpu-set.ts';
import {
  type CacheState,
  type CellState,
  type CoreState,
  countShared,
  kindOf,
  lotFor,
  startOf,
} from './board-state.ts';
import {
  type CostModel,
  costModel,
  fragmentationCost,
  loadCost,
  memoryCost,
  sharedPoolCost,
  WEIGHTS,
} from './cost.ts';
import type { PlacementHost, PlacementRequest } from './types.ts';

/** Threads of one core, for vCPUs of one VM. */
export interface Take {
  readonly core: CoreState;
  readonly cpus: readonly number[];
}

/** The state of a host in mid-search: who has which threads and whose memory lies where. All changes can be undone. */
export class Board {
  readonly view: CostModel;
  readonly cells: readonly CellState[];
  readonly coreOf: ReadonlyMap<number, CoreState>;
  /** What all that is on it costs so far. */
  cost = 0;
  readonly #host: PlacementHost;
  /** vCPUs that will float on the whole host. */
  readonly #floating: number;
  readonly #pageTotals: Map<number, number>;
  /** CPUs that VMs without CPUs of their own share, on the whole host. */
  #sharedCpus: number;

  /** `requests`: all that will be seated, since the load is an average over them. */
  constructor(host: PlacementHost, requests: readonly PlacementRequest[]) {
    this.#host = host;
    this.view = costModel(host);
    this.cells = startOf(host, this.view);
    this.#floating =
      host.cells.reduce((sum, cell) => sum + cell.floatingVcpus, 0) +
      requests.reduce((sum, request) => sum + (request.kind === 'node' ? request.vcpus : 0), 0);
    this.#sharedCpus = this.cells.reduce((sum, cell) => sum + cell.sharedCpus, 0);
    this.#pageTotals = new Map();
    for (const { freePages } of host.cells) {
      for (const [size, free] of freePages)
        this.#pageTotals.set(size, (this.#pageTotals.get(size) ?? 0) + free);
    }
    for (const [size, count] of host.floatingPages) {
      this.#pageTotals.set(size, (this.#pageTotals.get(size) ?? 0) - count);
    }
    const coreOf = new Map<number, CoreState>();
    for (const state of this.cells.flatMap((cell) => cell.cores)) {
      for (const cpu of state.core.cpus) coreOf.set(cpu, state);
      this.#file(state);
    }
    this.coreOf = coreOf;
    this.cost = 0;
  }

  cell(id: number): CellState | undefined {
    return this.cells.find((cell) => cell.id === id);
  }

  /** Pages of this size that may still be promised, on all cells together. */
  pagesLeft(sizeKiB: number): number {
    return this.#pageTotals.get(sizeKiB) ?? 0;
  }

  memoryFits({ pageKiB, bound }: PlacementRequest, cell: CellState, sizeKiB: number): boolean {
    if (pageKiB !== undefined) {
      const pages = Math.ceil(sizeKiB / pageKiB);
      return (cell.freePages.get(pageKiB) ?? 0) >= pages && this.pagesLeft(pageKiB) >= pages;
    }
    return !bound || cell.freeKiB === undefined || cell.freeKiB >= sizeKiB;
  }

  /** With a negative size, gives back. */
  takeMemory({ pageKiB, bound }: PlacementRequest, cell: CellState, sizeKiB: number): void {
    if (pageKiB !== undefined) {
      const pages = Math.sign(sizeKiB) * Math.ceil(Math.abs(sizeKiB) / pageKiB);
      cell.freePages.set(pageKiB, (cell.freePages.get(pageKiB) ?? 0) - pages);
      this.#pageTotals.set(pageKiB, this.pagesLeft(pageKiB) - pages);
    } else if (bound && cell.freeKiB !== undefined) {
      cell.freeKiB -= sizeKiB;
    }
  }

  /** `closes`: nobody else may have what is left of the core. */
  takeVcpus({ core, cpus }: Take, closes: boolean): void {
    if (kindOf(core) !== 'whole') this.cost += WEIGHTS.sharedCore;
    for (const cpu of cpus) core.free.splice(core.free.indexOf(cpu), 1);
    core.guests++;
    core.closed = closes;
    this.#file(core);
  }

  giveVcpus({ core, cpus }: Take): void {
    core.guests--;
    core.closed = false;
    give(core, cpus);
    if (kindOf(core) !== 'whole') this.cost -= WEIGHTS.sharedCore;
    this.#file(core);
  }

  takeHelper(core: CoreState, cpu: number): void {
    core.free.splice(core.free.indexOf(cpu), 1);
    core.helpers++;
    this.#file(core);
  }

  giveHelper(core: CoreState, cpu: number): void {
    core.helpers--;
    give(core, [cpu]);
    this.#file(core);
  }

  /** A VM that shares the cell's CPUs comes, or goes with `sign` -1. */
  share(cell: CellState, vcpus: number, memoryKiB: number, sign: 1 | -1): void {
    this.cost -= this.#sharedCost(cell);
    cell.floating += sign * vcpus;
    cell.sharedKiB += sign * memoryKiB;
    if (sign === 1) cell.sharing.push(vcpus);
    else cell.sharing.splice(cell.sharing.indexOf(vcpus), 1);
    cell.widest = Math.max(0, ...cell.sharing);
    this.cost += this.#sharedCost(cell);
  }

  /** The CPUs that VMs without CPUs of their own share here. */
  shared(cell: CellState): CpuSet {
    return CpuSet.of(
      cell.cores
        .filter((core) => kindOf(core) !== 'vcpus')
        .flatMap((core) => core.free.filter((cpu) => !this.#host.isolated.has(cpu))),
    );
  }

  #sharedCost(cell: CellState): number {
    return (
      loadCost(cell.floating, cell.sharedCpus, this.#floating) + memoryCost(cell.sharedKiB, cell.startKiB)
    );
  }

  /** Puts a core with those that are alike, after a change of who is on it, and reckons what that costs. */
  #file(state: CoreState): void {
    const { cell, cache, lot: from } = state;
    if (from !== undefined) {
      from.cores.splice(from.cores.indexOf(state), 1);
      if (from.kind === 'whole') this.#fill(cell, cache, -1);
    }
    const kind = kindOf(state);
    const to = state.closed || state.free.length === 0 ? undefined : lotFor(state, kind);
    state.lot = to;
    if (to !== undefined) {
      insert(to.cores, state);
      if (kind === 'whole') this.#fill(cell, cache, 1);
    }
    const shared = countShared(state, this.#host);
    if (shared === state.shared) return;
    this.cost -= this.#sharedCost(cell) + sharedPoolCost(this.#floating, this.#sharedCpus);
    cell.sharedCpus += shared - state.shared;
    this.#sharedCpus += shared - state.shared;
    state.shared = shared;
    this.cost += this.#sharedCost(cell) + sharedPoolCost(this.#floating, this.#sharedCpus);
  }

  #fill(cell: CellState, cache: CacheState, by: 1 | -1): void {
    const { widestCell, widestCache } = this.view;
    for (const [weight, widest, hole] of [
      [WEIGHTS.cellFragmentation, widestCell, cell],
      [WEIGHTS.cacheFragmentation, widestCache, cache],
    ] as const) {
      const before = fragmentationCost(weight, hole.startFree, hole.free, widest);
      hole.free += by;
      this.cost += fragmentationCost(weight, hole.startFree, hole.free, widest) - before;
    }
  }
}

function give(core: CoreState, cpus: readonly number[]): void {
  core.free.push(...cpus);
  core.free.sort((a, b) => core.threads.indexOf(a) - core.threads.indexOf(b));
}

function insert(cores: CoreState[], state: CoreState): void {
  let at = cores.length;
  while (at > 0 && (cores[at - 1] as CoreState).index > state.index) at--;
  cores.splice(at, 0, state);
}
