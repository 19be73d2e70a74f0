import { type CostModel, isWhole, sharedCpus, vcpuCost } from './cost.ts';
import type { Core, PlacementCell, PlacementHost } from './types.ts';

/** Who is on a core: nobody, the host, helpers, or vCPUs (and perhaps others beside them). */
export type CoreKind = 'whole' | 'host' | 'helpers' | 'vcpus';
const KINDS: readonly CoreKind[] = ['whole', 'host', 'helpers', 'vcpus'];

/** Cores that are alike to whoever looks for one. */
export interface Lot {
  readonly kind: CoreKind;
  /** Threads free on each. */
  readonly threads: number;
  /** By number. */
  readonly cores: CoreState[];
  readonly cache: CacheState;
  readonly kin: number;
}

interface Hole {
  readonly startFree: number;
  /** Whole free cores. */
  free: number;
}

export interface CacheState extends Hole {
  readonly cell: CellState;
}

export interface CellState extends Hole {
  readonly id: number;
  readonly cores: CoreState[];
  readonly lots: Map<number, Lot>;
  freeKiB: number | undefined;
  readonly startKiB: number | undefined;
  readonly freePages: Map<number, number>;
  /** CPUs that VMs without CPUs of their own share, and how many vCPUs do. */
  sharedCpus: number;
  floating: number;
  /** Memory of VMs placed to share, and the vCPUs of each. */
  sharedKiB: number;
  readonly sharing: number[];
  /** The most vCPUs of any of them: so many CPUs must remain. */
  widest: number;
}

export interface CoreState {
  /** Its place among all cores. */
  readonly index: number;
  readonly core: Core;
  readonly cell: CellState;
  readonly cache: CacheState;
  /** What a vCPU costs on it whatever else: it is not isolated, or another VM has nowhere else to go. */
  readonly vcpuCost: number;
  /** The same for cores of one kind: die, threads, isolation. */
  readonly kin: number;
  /** The same for cores of one kind in one cache. */
  readonly family: number;
  /** Its threads in the order in which they are taken: isolated ones first, since VMs that float may not have them. */
  readonly threads: readonly number[];
  /** In that order. */
  readonly free: number[];
  /** VMs with vCPUs here. */
  guests: number;
  helpers: number;
  /** Its VM wants its idle threads idle. */
  closed: boolean;
  lot: Lot | undefined;
  shared: number;
}

/** The cells of a host as they are before anything is placed, their cores not yet in lots. */
export function startOf(host: PlacementHost, view: CostModel): CellState[] {
  const families = new Map<string, number>();
  const kins = new Map<string, number>();
  return host.cells.map((given) => {
    const cell = newCell(host, given);
    const caches = new Map<string, CacheState>();
    host.cores.forEach((core, index) => {
      if (core.cell !== cell.id) return;
      const cache = caches.get(core.cache) ?? newCache(host, cell, core.cache);
      caches.set(core.cache, cache);
      const isolated = core.cpus.filter((cpu) => host.isolated.has(cpu)).length;
      const kin = [
        core.die,
        core.threads,
        core.isolated,
        isolated,
        view.confined.has(core),
        core.efficiency,
      ].join(' ');
      cell.cores.push({
        ...newCore(host, core),
        index,
        cell,
        cache,
        vcpuCost: vcpuCost(view, core),
        kin: numbered(kins, kin),
        family: numbered(families, `${cell.id} ${core.cache} ${kin}`),
      });
    });
    return cell;
  });
}

function newCell(host: PlacementHost, cell: PlacementCell): CellState {
  const cores = host.cores.filter((core) => core.cell === cell.id);
  return {
    id: cell.id,
    ...holeOf(host, cores),
    cores: [],
    lots: new Map(),
    freeKiB: cell.freeKiB,
    startKiB: cell.freeKiB,
    freePages: new Map(cell.freePages),
    sharedCpus: sharedCpus(host, cell.id).length,
    floating: cell.floatingVcpus,
    sharedKiB: 0,
    sharing: [],
    widest: 0,
  };
}

function newCache(host: PlacementHost, cell: CellState, cache: string): CacheState {
  const cores = host.cores.filter((core) => core.cell === cell.id && core.cache === cache);
  return { cell, ...holeOf(host, cores) };
}

function holeOf(host: PlacementHost, cores: readonly Core[]): Hole {
  const whole = cores.filter((core) => isWhole(host, core)).length;
  return { startFree: whole, free: 0 };
}

function numbered(numbers: Map<string, number>, key: string): number {
  const number = numbers.get(key) ?? numbers.size;
  numbers.set(key, number);
  return number;
}

function newCore(
  host: PlacementHost,
  core: Core,
): Omit<CoreState, 'index' | 'cell' | 'cache' | 'vcpuCost' | 'kin' | 'family'> {
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
    closed: false,
    lot: undefined,
  };
  return { ...start, shared: countShared(start, host) };
}

export function kindOf({ guests, helpers, core }: Pick<CoreState, 'guests' | 'helpers' | 'core'>): CoreKind {
  if (guests > 0) return 'vcpus';
  if (helpers > 0) return 'helpers';
  return core.cpus.length < core.threads ? 'host' : 'whole';
}

/** Its CPUs that VMs may share. */
export function countShared(
  state: Pick<CoreState, 'guests' | 'helpers' | 'core' | 'free'>,
  { isolated }: PlacementHost,
): number {
  if (kindOf(state) === 'vcpus') return 0;
  return isolated.size === 0 ? state.free.length : state.free.filter((cpu) => !isolated.has(cpu)).length;
}

/** A core has at most 8 threads (POWER), and there are four kinds. */
const FREE_BITS = 4;
const KIND_BITS = 2;

export function lotFor(state: CoreState, kind: CoreKind): Lot {
  const { cell, cache, kin, family, free } = state;
  const key = (((family << KIND_BITS) | KINDS.indexOf(kind)) << FREE_BITS) | free.length;
  let lot = cell.lots.get(key);
  if (lot === undefined) {
    lot = { kind, threads: free.length, cores: [], cache, kin };
    cell.lots.set(key, lot);
  }
  return lot;
}
