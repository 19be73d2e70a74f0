import type { Core, DedicatedRequest, PlacementHost, PlacementRequest } from './types.ts';

/**
 * What placement strives for, as costs to keep low; what may not be at all (two VMs on one CPU, a guest cell over
 * two host cells, more pages than there are) is no cost but a rule. Listed from the gravest on; each outweighs the
 * next ones in common cases, though enough of a small one outweighs a large one.
 */
export const WEIGHTS = {
  /** A VM whose vCPUs leave the CPUs that they have: its memory has to move or its caches are lost. */
  moved: 10_000,
  /** A VM that keeps its vCPUs' CPUs, while its emulator or iothreads change theirs. */
  helpersMoved: 500,
  /** A vCPU on a core that a VM confined to less than a cell shares: it would have nowhere else to go. */
  narrow: 60,
  /** A VM on a core that it shares with another VM or with the host. */
  sharedCore: 50,
  /** A vCPU on a CPU that is not isolated, where the host has some that are; a helper on one that is. */
  isolation: 40,
  /** A vCPU on a slower core of a hybrid CPU. */
  efficiencyCore: 35,
  /** Each last-level cache beyond the first that a guest cell spreads over, and each die. */
  cache: 30,
  die: 15,
  /** vCPUs that are threads of one core in the guest, and lie on several of the host's. */
  torn: 25,
  /** A core more than the guest cell needs. */
  core: 20,
  /** For each unit of distance above 10, local: between a VM's cells; from vCPUs to their memory; to a helper. */
  cellDistance: 4,
  memoryDistance: 4,
  helperDistance: 4,
  /** The same from a VM's nearest cell to each PCI device or network card that it uses. */
  deviceDistance: 4,
  /** The square of vCPUs per shared CPU (the overcommit ratio) of a cell, as its average shared vCPU sees it. */
  load: 10,
  /** The same over all cells together: CPUs left to share are worth something even in a cell where nobody shares yet. */
  sharedPool: 10,
  /** Memory of VMs that share a cell's CPUs, squared share of what the cell has. */
  memory: 5,
  /** Whole free cores of a cell and of a cache that are used up: large holes stay, small ones are filled first. */
  cellHole: 10,
  cacheHole: 4,
} as const;

/** Where one guest cell goes: the core of each of its vCPUs, in the order of their numbers. */
export interface CellSite {
  readonly cell: number;
  readonly memoryCell: number;
  readonly vcpus: readonly number[];
  readonly cores: readonly Core[];
}

/** What a VM's place costs by itself, whoever else is on the host. */
export function siteCost(
  view: CostView,
  request: DedicatedRequest,
  sites: readonly CellSite[],
  helpers: readonly Core[],
): number {
  let cost = 0;
  sites.forEach((site, index) => {
    cost += cellCost(view, request, site);
    cost += WEIGHTS.memoryDistance * view.away(site.cell, site.memoryCell);
    for (const other of sites.slice(0, index))
      cost += WEIGHTS.cellDistance * view.away(site.cell, other.cell);
  });
  for (const core of helpers) cost += helperCost(view, core, sites);
  return cost + deviceCost(view, request, sites);
}

/** Every DMA and interrupt of a device crosses from its cell to the VM's. */
export function deviceCost(
  view: CostView,
  { deviceCells = [] }: PlacementRequest,
  sites: readonly { readonly cell: number }[],
): number {
  const away = (device: number): number => Math.min(...sites.map((site) => view.away(device, site.cell)));
  return sites.length === 0
    ? 0
    : deviceCells.reduce((sum, device) => sum + WEIGHTS.deviceDistance * away(device), 0);
}

/** A helper is as far away as the nearest of its VM's cells. */
export function helperCost(view: CostView, core: Core, sites: readonly { readonly cell: number }[]): number {
  const away = Math.min(...sites.map((site) => view.away(site.cell, core.cell)));
  return WEIGHTS.helperDistance * away + (core.isolated ? WEIGHTS.isolation : 0);
}

function cellCost(view: CostView, request: DedicatedRequest, { vcpus, cores }: CellSite): number {
  const used = new Set(cores);
  const caches = new Set<string>();
  const dies = new Set<string>();
  for (const core of used) {
    caches.add(core.cache);
    dies.add(core.die);
  }
  const fewest = request.threads === 'isolate' ? cores.length : Math.ceil(cores.length / view.threads);
  let cost = WEIGHTS.cache * (caches.size - 1) + WEIGHTS.die * (dies.size - 1);
  cost += WEIGHTS.core * (used.size - fewest);
  for (const core of cores) cost += vcpuCost(view, core);
  return cost + WEIGHTS.torn * torn(request, vcpus, cores);
}

/** What a vCPU costs on a core, whatever the rest. */
export const vcpuCost = (view: CostView, core: Core): number =>
  (view.hasIsolated && !core.isolated ? WEIGHTS.isolation : 0) +
  (view.narrow.has(core) ? WEIGHTS.narrow : 0) +
  (core.efficiency === true ? WEIGHTS.efficiencyCore : 0);

/** Threads of one core in the guest that lie on several of the host's; with `isolate` that is what was asked for. */
function torn(request: DedicatedRequest, vcpus: readonly number[], cores: readonly Core[]): number {
  if (request.guestThreads < 2 || request.threads === 'isolate') return 0;
  const first = new Map<number, Core>();
  const tornOnes = new Set<number>();
  vcpus.forEach((vcpu, index) => {
    const core = cores[index] as Core;
    const guestCore = Math.floor(vcpu / request.guestThreads);
    if ((first.get(guestCore) ?? core) !== core) tornOnes.add(guestCore);
    else first.set(guestCore, core);
  });
  return tornOnes.size;
}

/**
 * What using up whole free cores of a cell, or of a cache, costs: more in one that still has many. `widest`: cores
 * of the host's largest, so that a small hole is cheaper to fill than a large one anywhere.
 */
export const holeCost = (weight: number, startFree: number, free: number, widest: number): number =>
  (weight * (startFree * startFree - free * free)) / (widest * widest);

/**
 * `floating` vCPUs here, of `all` on the host, on this many CPUs. It grows with the square of the ratio: vCPUs at 1:1
 * barely notice one more, and at 6:1 each of them already waits most of the time.
 */
export const loadCost = (floating: number, cpus: number, all: number): number =>
  floating === 0 ? 0 : (WEIGHTS.load * floating * (floating / Math.max(cpus, 0.5)) ** 2) / all;

/** `all` vCPUs that share CPUs, on the CPUs that all cells together leave to share. */
export const sharedPoolCost = (all: number, cpus: number): number =>
  WEIGHTS.sharedPool * (all / Math.max(cpus, 0.5)) ** 2;

export const memoryCost = (usedKiB: number, ofKiB: number | undefined): number =>
  ofKiB === undefined || ofKiB === 0 ? 0 : WEIGHTS.memory * (usedKiB / ofKiB) ** 2;

/** What costs are reckoned from, of a host. */
export interface CostView {
  /** Threads of the host's widest core. */
  readonly threads: number;
  readonly hasIsolated: boolean;
  /** Cores of the largest cell, and of the largest cache within a cell. */
  readonly widestCell: number;
  readonly widestCache: number;
  /** Cores on which a VM runs that is confined to less than a cell. */
  readonly narrow: ReadonlySet<Core>;
  /** Distance beyond local. */
  readonly away: (from: number, to: number) => number;
}

/** What Linux takes for the distance to another cell when the firmware does not tell. */
const REMOTE_DISTANCE = 20;
const LOCAL_DISTANCE = 10;

export function costView(host: PlacementHost): CostView {
  const distances = new Map(host.cells.map((cell) => [cell.id, cell.distances]));
  const narrow = host.floaters.filter((floater) => floater.narrow);
  return {
    threads: Math.max(1, ...host.cores.map((core) => core.cpus.length)),
    hasIsolated: host.cores.some((core) => core.isolated),
    widestCell: widest(host, (core) => `${core.cell}`),
    widestCache: widest(host, (core) => `${core.cell} ${core.cache}`),
    narrow: new Set(
      host.cores.filter((core) => narrow.some(({ cpus }) => core.cpus.some((cpu) => cpus.has(cpu)))),
    ),
    away: (from, to) =>
      from === to ? 0 : Math.max(0, (distances.get(from)?.get(to) ?? REMOTE_DISTANCE) - LOCAL_DISTANCE),
  };
}

const widest = (host: PlacementHost, group: (core: Core) => string): number =>
  Math.max(1, ...[...Map.groupBy(host.cores, group).values()].map((cores) => cores.length));

/** Nobody has any of its threads: neither another VM nor the host. */
export const isWhole = (host: PlacementHost, core: Core): boolean =>
  core.cpus.length === core.threads && core.cpus.every((cpu) => !host.taken.has(cpu));

/** The CPUs of a cell that VMs share: nobody has them to himself, no vCPU has a sibling, and the kernel schedules. */
export function sharedCpus(host: PlacementHost, cell: number): number[] {
  const dedicated = (core: Core): boolean =>
    core.cpus.some((cpu) => host.taken.get(cpu)?.some(({ by }) => by === 'vcpus') ?? false);
  return host.cores
    .filter((core) => core.cell === cell && !dedicated(core))
    .flatMap((core) => core.cpus)
    .filter((cpu) => !host.taken.has(cpu) && !host.isolated.has(cpu));
}
