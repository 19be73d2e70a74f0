import { CpuSet } from '../../model/cpu-set.ts';
import {
  type CostModel,
  costModel,
  fragmentationCost,
  isWhole,
  loadCost,
  memoryCost,
  sharedCpus,
  sharedPoolCost,
  vcpuCost,
  WEIGHTS,
} from './cost.ts';
import type { Core, PlacementCell, PlacementHost, PlacementRequest } from './types.ts';

/*
 * The state of a host during the search: which VM has which threads, and where memory is reserved. Every change can be
 * undone, in any order, and each keeps the cost (cost.ts) up to date.
 */

/** What uses a core: nothing, the host, helpers (emulator threads and iothreads), or vCPUs and possibly others. */
export type CoreUse = 'whole' | 'host' | 'helpers' | 'vcpus';
const USES: readonly CoreUse[] = ['whole', 'host', 'helpers', 'vcpus'];

/** Cores of one cache that are interchangeable: same class, same use, same number of free threads. */
export interface CoreGroup {
  readonly use: CoreUse;
  /** Free threads of each core. */
  readonly threads: number;
  /** By index. */
  readonly cores: CoreState[];
  readonly cache: CacheState;
  readonly coreClass: number;
}

/** Number of whole free cores of a cell or a cache, at the start and now. */
interface WholeCores {
  readonly wholeAtStart: number;
  wholeFree: number;
}

export interface CacheState extends WholeCores {
  readonly cell: CellState;
}

export interface CellState extends WholeCores {
  readonly id: number;
  readonly cores: CoreState[];
  readonly groups: Map<number, CoreGroup>;
  /** Memory in base pages not reserved yet, now and at the start; undefined when unknown. */
  freeKiB: number | undefined;
  readonly startKiB: number | undefined;
  /** Free huge pages by size in KiB. */
  readonly freePages: Map<number, number>;
  /** CPUs in the cell's shared pool, and the vCPUs that share them. */
  sharedCpus: number;
  sharedVcpus: number;
  /** Memory of the VMs placed here with shared CPUs, and the vCPU count of each. */
  sharedKiB: number;
  readonly sharing: number[];
  /** vCPU count of the largest of these VMs: the pool must not become smaller. */
  widest: number;
}

export interface CoreState {
  /** Its position among all cores of the host. */
  readonly index: number;
  readonly core: Core;
  readonly cell: CellState;
  readonly cache: CacheState;
  /** Fixed cost of a vCPU on this core. */
  readonly vcpuCost: number;
  /** Equal for cores of the same class: die, threads, isolation, speed. */
  readonly coreClass: number;
  /** Equal for cores of the same class and cache. */
  readonly cacheClass: number;
  /** Its threads in the order of allocation: isolated ones first, since floating VMs cannot use them. */
  readonly threads: readonly number[];
  /** Free threads, in that order. */
  readonly free: number[];
  /** Number of VMs with vCPUs on this core, and of helper CPUs. */
  guests: number;
  helpers: number;
  /** Its VM also reserves the idle threads (`isolate`, `require`). */
  exclusive: boolean;
  group: CoreGroup | undefined;
  /** Number of its CPUs that are in the shared pool. */
  sharedCpus: number;
}

/** Threads of one core for the vCPUs of one VM. */
export interface CoreThreads {
  readonly core: CoreState;
  readonly cpus: readonly number[];
}

export class HostState {
  readonly model: CostModel;
  readonly cells: readonly CellState[];
  readonly coreOf: ReadonlyMap<number, CoreState>;
  /** Cost of everything placed so far. */
  cost = 0;
  readonly #host: PlacementHost;
  /** vCPUs on the whole host that will share CPUs. */
  readonly #sharedVcpus: number;
  readonly #pageTotals: Map<number, number>;
  /** Number of CPUs in the shared pools of all cells. */
  #sharedCpus: number;

  /** `requests`: all VMs that will be placed, since load is averaged over them. */
  constructor(host: PlacementHost, requests: readonly PlacementRequest[]) {
    this.#host = host;
    this.model = costModel(host);
    this.cells = cellStates(host, this.model);
    this.#sharedVcpus =
      host.cells.reduce((sum, cell) => sum + cell.floatingVcpus, 0) +
      requests.reduce((sum, request) => sum + (request.kind === 'node' ? request.vcpus : 0), 0);
    this.#sharedCpus = this.cells.reduce((sum, cell) => sum + cell.sharedCpus, 0);
    this.#pageTotals = pageTotals(host);
    const coreOf = new Map<number, CoreState>();
    for (const state of this.cells.flatMap((cell) => cell.cores)) {
      for (const cpu of state.core.cpus) coreOf.set(cpu, state);
      this.#regroup(state);
    }
    this.coreOf = coreOf;
    this.cost = 0;
  }

  cell(id: number): CellState | undefined {
    return this.cells.find((cell) => cell.id === id);
  }

  /** Pages of this size not reserved yet, summed over all cells. */
  pagesLeft(sizeKiB: number): number {
    return this.#pageTotals.get(sizeKiB) ?? 0;
  }

  memoryFits(request: PlacementRequest, cell: CellState, sizeKiB: number): boolean {
    const { pageKiB, bound, allowedMemoryCells } = request;
    if (allowedMemoryCells?.has(cell.id) === false) return false;
    if (pageKiB !== undefined) {
      const pages = Math.ceil(sizeKiB / pageKiB);
      return (cell.freePages.get(pageKiB) ?? 0) >= pages && this.pagesLeft(pageKiB) >= pages;
    }
    return !bound || cell.freeKiB === undefined || cell.freeKiB >= sizeKiB;
  }

  /** A negative size releases. */
  reserveMemory({ pageKiB, bound }: PlacementRequest, cell: CellState, sizeKiB: number): void {
    if (pageKiB !== undefined) {
      const pages = Math.sign(sizeKiB) * Math.ceil(Math.abs(sizeKiB) / pageKiB);
      cell.freePages.set(pageKiB, (cell.freePages.get(pageKiB) ?? 0) - pages);
      this.#pageTotals.set(pageKiB, this.pagesLeft(pageKiB) - pages);
    } else if (bound && cell.freeKiB !== undefined) {
      cell.freeKiB -= sizeKiB;
    }
  }

  /** `exclusive`: no other VM may use the core's remaining threads. */
  reserveVcpus({ core, cpus }: CoreThreads, exclusive: boolean): void {
    if (useOf(core) !== 'whole') this.cost += WEIGHTS.sharedCore;
    for (const cpu of cpus) core.free.splice(core.free.indexOf(cpu), 1);
    core.guests++;
    core.exclusive = exclusive;
    this.#regroup(core);
  }

  releaseVcpus({ core, cpus }: CoreThreads): void {
    core.guests--;
    core.exclusive = false;
    freeThreads(core, cpus);
    if (useOf(core) !== 'whole') this.cost -= WEIGHTS.sharedCore;
    this.#regroup(core);
  }

  reserveHelper(core: CoreState, cpu: number): void {
    core.free.splice(core.free.indexOf(cpu), 1);
    core.helpers++;
    this.#regroup(core);
  }

  releaseHelper(core: CoreState, cpu: number): void {
    core.helpers--;
    freeThreads(core, [cpu]);
    this.#regroup(core);
  }

  /** Adds a VM to those that share the cell's CPUs; with `sign` -1, removes it. */
  share(cell: CellState, vcpus: number, memoryKiB: number, sign: 1 | -1): void {
    this.cost -= this.#sharedCost(cell);
    cell.sharedVcpus += sign * vcpus;
    cell.sharedKiB += sign * memoryKiB;
    if (sign === 1) cell.sharing.push(vcpus);
    else cell.sharing.splice(cell.sharing.indexOf(vcpus), 1);
    cell.widest = Math.max(0, ...cell.sharing);
    this.cost += this.#sharedCost(cell);
  }

  /** The cell's shared CPU pool. */
  sharedPool(cell: CellState): CpuSet {
    return CpuSet.of(
      cell.cores
        .filter((core) => useOf(core) !== 'vcpus')
        .flatMap((core) => core.free.filter((cpu) => !this.#host.isolated.has(cpu))),
    );
  }

  #sharedCost(cell: CellState): number {
    return (
      loadCost(cell.sharedVcpus, cell.sharedCpus, this.#sharedVcpus) +
      memoryCost(cell.sharedKiB, cell.startKiB)
    );
  }

  /** Moves a core to the group that it belongs to after a change, and updates the cost. */
  #regroup(state: CoreState): void {
    const { group: from } = state;
    if (from !== undefined) {
      from.cores.splice(from.cores.indexOf(state), 1);
      if (from.use === 'whole') this.#countWhole(state, -1);
    }
    const use = useOf(state);
    const to = state.exclusive || state.free.length === 0 ? undefined : groupFor(state, use);
    state.group = to;
    if (to !== undefined) {
      insert(to.cores, state);
      if (use === 'whole') this.#countWhole(state, 1);
    }
    this.#updatePool(state);
  }

  #updatePool(state: CoreState): void {
    const { cell } = state;
    const sharedNow = countShared(state, this.#host);
    const change = sharedNow - state.sharedCpus;
    if (change === 0) return;
    this.cost -= this.#sharedCost(cell) + sharedPoolCost(this.#sharedVcpus, this.#sharedCpus);
    cell.sharedCpus += change;
    this.#sharedCpus += change;
    state.sharedCpus = sharedNow;
    this.cost += this.#sharedCost(cell) + sharedPoolCost(this.#sharedVcpus, this.#sharedCpus);
  }

  #countWhole({ cell, cache }: CoreState, by: 1 | -1): void {
    const { widestCell, widestCache } = this.model;
    for (const [weight, widest, cores] of [
      [WEIGHTS.cellFragmentation, widestCell, cell],
      [WEIGHTS.cacheFragmentation, widestCache, cache],
    ] as const) {
      const before = fragmentationCost(weight, cores.wholeAtStart, cores.wholeFree, widest);
      cores.wholeFree += by;
      this.cost += fragmentationCost(weight, cores.wholeAtStart, cores.wholeFree, widest) - before;
    }
  }
}

/** Huge pages by size in KiB, summed over all cells, minus those that VMs not bound to a single cell will take. */
function pageTotals(host: PlacementHost): Map<number, number> {
  const totals = new Map<number, number>();
  for (const [size, free] of host.cells.flatMap(({ freePages }) => [...freePages])) {
    totals.set(size, (totals.get(size) ?? 0) + free);
  }
  for (const [size, count] of host.floatingPages) totals.set(size, (totals.get(size) ?? 0) - count);
  return totals;
}

/** The cells of a host before anything is placed, with cores not yet grouped. */
function cellStates(host: PlacementHost, model: CostModel): CellState[] {
  const cacheClasses = new Map<string, number>();
  const coreClasses = new Map<string, number>();
  return host.cells.map((given) => {
    const cell = newCell(host, given);
    const caches = new Map<string, CacheState>();
    host.cores.forEach((core, index) => {
      if (core.cell !== cell.id) return;
      const cache = caches.get(core.cache) ?? newCache(host, cell, core.cache);
      caches.set(core.cache, cache);
      const isolated = core.cpus.filter((cpu) => host.isolated.has(cpu)).length;
      const coreClass = [
        core.die,
        core.threads,
        core.isolated,
        isolated,
        model.confined.has(core),
        core.efficiency,
      ].join(' ');
      cell.cores.push({
        ...newCore(host, core),
        index,
        cell,
        cache,
        vcpuCost: vcpuCost(model, core),
        coreClass: numbered(coreClasses, coreClass),
        cacheClass: numbered(cacheClasses, `${cell.id} ${core.cache} ${coreClass}`),
      });
    });
    return cell;
  });
}

function newCell(host: PlacementHost, cell: PlacementCell): CellState {
  const cores = host.cores.filter((core) => core.cell === cell.id);
  return {
    id: cell.id,
    ...wholeCores(host, cores),
    cores: [],
    groups: new Map(),
    freeKiB: cell.freeKiB,
    startKiB: cell.freeKiB,
    freePages: new Map(cell.freePages),
    sharedCpus: sharedCpus(host, cell.id).length,
    sharedVcpus: cell.floatingVcpus,
    sharedKiB: 0,
    sharing: [],
    widest: 0,
  };
}

function newCache(host: PlacementHost, cell: CellState, cache: string): CacheState {
  const cores = host.cores.filter((core) => core.cell === cell.id && core.cache === cache);
  return { cell, ...wholeCores(host, cores) };
}

/** `wholeFree` starts at 0 and counts up as the cores are grouped. */
function wholeCores(host: PlacementHost, cores: readonly Core[]): WholeCores {
  return { wholeAtStart: cores.filter((core) => isWhole(host, core)).length, wholeFree: 0 };
}

function numbered(numbers: Map<string, number>, key: string): number {
  const number = numbers.get(key) ?? numbers.size;
  numbers.set(key, number);
  return number;
}

function newCore(
  host: PlacementHost,
  core: Core,
): Omit<CoreState, 'index' | 'cell' | 'cache' | 'vcpuCost' | 'coreClass' | 'cacheClass'> {
  const claims = core.cpus.flatMap((cpu) => host.taken.get(cpu) ?? []);
  const guests = new Set(claims.filter(({ by }) => by === 'vcpus').map(({ guest }) => guest));
  const threads = [...core.cpus].sort(
    (a, b) => Number(host.isolated.has(b)) - Number(host.isolated.has(a)) || a - b,
  );
  const start = {
    core,
    threads,
    free: threads.filter((cpu) => !host.taken.has(cpu)),
    guests: guests.size,
    helpers: claims.filter(({ by }) => by === 'helpers').length,
    exclusive: false,
    group: undefined,
  };
  return { ...start, sharedCpus: countShared(start, host) };
}

function useOf({ guests, helpers, core }: Pick<CoreState, 'guests' | 'helpers' | 'core'>): CoreUse {
  if (guests > 0) return 'vcpus';
  if (helpers > 0) return 'helpers';
  return core.cpus.length < core.threads ? 'host' : 'whole';
}

/** Number of its CPUs that VMs may share. */
function countShared(
  state: Pick<CoreState, 'guests' | 'helpers' | 'core' | 'free'>,
  { isolated }: PlacementHost,
): number {
  if (useOf(state) === 'vcpus') return 0;
  return isolated.size === 0 ? state.free.length : state.free.filter((cpu) => !isolated.has(cpu)).length;
}

/** A core has at most 8 threads (POWER), and there are four uses. */
const FREE_BITS = 4;
const USE_BITS = 2;

function groupFor(state: CoreState, use: CoreUse): CoreGroup {
  const { cell, cache, coreClass, cacheClass, free } = state;
  const key = (((cacheClass << USE_BITS) | USES.indexOf(use)) << FREE_BITS) | free.length;
  let group = cell.groups.get(key);
  if (group === undefined) {
    group = { use, threads: free.length, cores: [], cache, coreClass };
    cell.groups.set(key, group);
  }
  return group;
}

function freeThreads(core: CoreState, cpus: readonly number[]): void {
  core.free.push(...cpus);
  core.free.sort((a, b) => core.threads.indexOf(a) - core.threads.indexOf(b));
}

function insert(cores: CoreState[], state: CoreState): void {
  let at = cores.length;
  while (at > 0 && (cores[at - 1] as CoreState).index > state.index) at--;
  cores.splice(at, 0, state);
}
