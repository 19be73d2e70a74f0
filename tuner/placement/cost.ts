import type {
  Assignment,
  Core,
  DedicatedRequest,
  NodeRequest,
  PlacementCell,
  PlacementHost,
  PlacementRequest,
} from './types.ts';

/*
 * The cost of a placement: a number without unit, 0 at best. All weights and terms are defined here. `costing` computes
 * the cost of finished assignments from scratch; during the search `HostState` (state.ts) maintains the same sum
 * incrementally, from the same terms.
 */

/**
 * Weights of the cost terms, heaviest first. In common cases each outweighs those after it, but enough of a light one
 * outweighs a heavy one. What must never happen (two VMs on one CPU, a guest cell over two host cells, more pages than
 * exist) is a constraint, not a cost.
 */
export const WEIGHTS = {
  /** A VM whose vCPUs leave their present CPUs: its memory has to move, or it starts on cold caches. */
  moved: 10_000,
  /** A VM whose vCPUs keep their CPUs while its emulator threads or iothreads move. */
  helpersMoved: 500,
  /** A vCPU on a core used by a VM confined to less than a cell: that VM has nowhere else to run. */
  confinedVm: 60,
  /** A core shared by two VMs, or by a VM and the host. */
  sharedCore: 50,
  /** A vCPU on a CPU that is not isolated, on a host with isolated CPUs; a helper on an isolated core. */
  isolation: 40,
  /** A vCPU on a slower core of a hybrid CPU. */
  efficiencyCore: 35,
  /** Each last-level cache, and each die, beyond the first that a guest cell spans. */
  cache: 30,
  die: 15,
  /** A core of the guest's topology whose sibling threads are on different host cores. */
  splitSiblings: 25,
  /** Each core beyond the minimum that the guest cell needs. */
  core: 20,
  /** For each unit of NUMA distance above 10 (local): between a VM's cells; vCPUs to memory; to a helper. */
  cellDistance: 4,
  memoryDistance: 4,
  helperDistance: 4,
  /** The same, from each PCI device or network card of a VM to the VM's nearest cell. */
  deviceDistance: 4,
  /** The squared vCPU:pCPU ratio on a cell's shared CPUs, averaged over the shared vCPUs. */
  load: 10,
  /** The squared vCPU:pCPU ratio on all shared CPUs of the host: includes CPUs of cells that no VM shares yet. */
  sharedPool: 10,
  /** Memory of VMs that share a cell's CPUs, as the squared fraction of the cell's memory. */
  memory: 5,
  /** Fragmentation: whole free cores used up in a cell, and in a cache. Favors filling small remainders first. */
  cellFragmentation: 10,
  cacheFragmentation: 4,
} as const;

/** What all costs on one host are computed from. */
export interface CostModel {
  /** Threads of the host's widest core. */
  readonly threads: number;
  readonly hasIsolated: boolean;
  /** Cores of the largest cell, and of the largest cache within a cell. */
  readonly widestCell: number;
  readonly widestCache: number;
  /** Cores used by a VM that is confined to less than a cell. */
  readonly confined: ReadonlySet<Core>;
  /** NUMA distance in excess of local: 0 within a cell. */
  readonly away: (from: number, to: number) => number;
}

/** The distance to another cell that Linux assumes when the firmware reports none. */
const REMOTE_DISTANCE = 20;
const LOCAL_DISTANCE = 10;

export function costModel(host: PlacementHost): CostModel {
  const distances = new Map(host.cells.map((cell) => [cell.id, cell.distances]));
  const confined = host.floaters.filter((floater) => floater.narrow);
  return {
    threads: Math.max(1, ...host.cores.map((core) => core.cpus.length)),
    hasIsolated: host.cores.some((core) => core.isolated),
    widestCell: widest(host, (core) => `${core.cell}`),
    widestCache: widest(host, (core) => `${core.cell} ${core.cache}`),
    confined: new Set(
      host.cores.filter((core) => confined.some(({ cpus }) => core.cpus.some((cpu) => cpus.has(cpu)))),
    ),
    away: (from, to) =>
      from === to ? 0 : Math.max(0, (distances.get(from)?.get(to) ?? REMOTE_DISTANCE) - LOCAL_DISTANCE),
  };
}

const widest = (host: PlacementHost, group: (core: Core) => string): number =>
  Math.max(1, ...[...Map.groupBy(host.cores, group).values()].map((cores) => cores.length));

/** No thread of the core is dedicated to a VM or reserved for the host. */
export const isWhole = (host: PlacementHost, core: Core): boolean =>
  core.cpus.length === core.threads && core.cpus.every((cpu) => !host.taken.has(cpu));

/** A cell's shared CPU pool at the start: CPUs not dedicated, not isolated, and not siblings of dedicated vCPUs. */
export function sharedCpus(host: PlacementHost, cell: number): number[] {
  const dedicated = (core: Core): boolean =>
    core.cpus.some((cpu) => host.taken.get(cpu)?.some(({ by }) => by === 'vcpus') ?? false);
  return host.cores
    .filter((core) => core.cell === cell && !dedicated(core))
    .flatMap((core) => core.cpus)
    .filter((cpu) => !host.taken.has(cpu) && !host.isolated.has(cpu));
}

// Terms that depend only on the VM's own place.

/** Where one guest cell is placed. */
export interface CellPlace {
  readonly cell: number;
  readonly memoryCell: number;
  /** Ascending, and the host core of each. */
  readonly vcpus: readonly number[];
  readonly cores: readonly Core[];
}

/** Cost of a VM's place regardless of other VMs. `helpers`: the core of each. */
export function placeCost(
  model: CostModel,
  request: DedicatedRequest,
  places: readonly CellPlace[],
  helpers: readonly Core[],
): number {
  let cost = 0;
  places.forEach((place, index) => {
    cost += coresCost(model, request, place);
    cost += WEIGHTS.memoryDistance * model.away(place.cell, place.memoryCell);
    for (const other of places.slice(0, index))
      cost += WEIGHTS.cellDistance * model.away(place.cell, other.cell);
  });
  for (const core of helpers) cost += helperCost(model, core, places);
  return cost + deviceCost(model, request, places);
}

/** DMA and interrupts of each device cross from its cell to the VM's nearest. */
export function deviceCost(
  model: CostModel,
  { deviceCells = [] }: PlacementRequest,
  places: readonly { readonly cell: number }[],
): number {
  const away = (device: number): number => Math.min(...places.map((place) => model.away(device, place.cell)));
  return places.length === 0
    ? 0
    : deviceCells.reduce((sum, device) => sum + WEIGHTS.deviceDistance * away(device), 0);
}

/** A helper is as far away as the nearest of its VM's cells. */
export function helperCost(
  model: CostModel,
  core: Core,
  places: readonly { readonly cell: number }[],
): number {
  const away = Math.min(...places.map((place) => model.away(place.cell, core.cell)));
  return WEIGHTS.helperDistance * away + (core.isolated ? WEIGHTS.isolation : 0);
}

function coresCost(model: CostModel, request: DedicatedRequest, { vcpus, cores }: CellPlace): number {
  const used = new Set(cores);
  const caches = new Set<string>();
  const dies = new Set<string>();
  for (const core of used) {
    caches.add(core.cache);
    dies.add(core.die);
  }
  const fewest = request.threads === 'isolate' ? cores.length : Math.ceil(cores.length / model.threads);
  let cost = WEIGHTS.cache * (caches.size - 1) + WEIGHTS.die * (dies.size - 1);
  cost += WEIGHTS.core * (used.size - fewest);
  for (const core of cores) cost += vcpuCost(model, core);
  return cost + WEIGHTS.splitSiblings * splitGuestCores(request, vcpus, cores);
}

/** What one vCPU costs on a core. */
export const vcpuCost = (model: CostModel, core: Core): number =>
  (model.hasIsolated && !core.isolated ? WEIGHTS.isolation : 0) +
  (model.confined.has(core) ? WEIGHTS.confinedVm : 0) +
  (core.efficiency === true ? WEIGHTS.efficiencyCore : 0);

/** Guest cores whose sibling threads are on several host cores; 0 with `isolate`, where that is intended. */
function splitGuestCores(
  request: DedicatedRequest,
  vcpus: readonly number[],
  cores: readonly Core[],
): number {
  if (request.guestThreads < 2 || request.threads === 'isolate') return 0;
  const first = new Map<number, Core>();
  const split = new Set<number>();
  vcpus.forEach((vcpu, index) => {
    const core = cores[index] as Core;
    const guestCore = Math.floor(vcpu / request.guestThreads);
    if ((first.get(guestCore) ?? core) !== core) split.add(guestCore);
    else first.set(guestCore, core);
  });
  return split.size;
}

/** Cost of leaving the VM's present place; helpers count only if they have dedicated CPUs. */
export function moveCost(request: PlacementRequest, to: Assignment): number {
  const { current } = request;
  if (current === undefined) return 0;
  if (hasMoved(current, to)) return WEIGHTS.moved;
  if (request.kind === 'node') return 0;
  const keeps =
    (request.emulatorCpus === 0 || current.emulator.equals(to.emulator)) &&
    (request.ioThreadCpus === 0 || current.ioThreads.equals(to.ioThreads));
  return keeps ? 0 : WEIGHTS.helpersMoved;
}

/** A VM with dedicated CPUs moves if any of its vCPUs does; a VM that shares a cell's CPUs, if the cell changes. */
export function hasMoved(from: Assignment, to: Assignment): boolean {
  if (from.kind !== to.kind) return true;
  if (from.kind === 'node') return from.cells[0] !== to.cells[0];
  return (
    from.vcpus.length !== to.vcpus.length ||
    from.vcpus.some(
      (cpus, vcpu) => to.sharedVcpus?.has(vcpu) !== true && !cpus.equals(to.vcpus[vcpu] ?? cpus),
    )
  );
}

// Terms that depend on all VMs of the host together.

/**
 * Fragmentation: cost of using up whole free cores of a cell or cache; higher in one that still has many. `widest`:
 * core count of the host's largest, so that filling a small remainder is cheaper than a large one.
 */
export const fragmentationCost = (
  weight: number,
  freeAtStart: number,
  free: number,
  widest: number,
): number => (weight * (freeAtStart * freeAtStart - free * free)) / (widest * widest);

/**
 * Load of a cell: `vcpus` of the host's `allVcpus` shared vCPUs, on `cpus` shared CPUs. Grows with the square of the
 * ratio: at 1:1 one more vCPU is hardly noticed, at 6:1 every vCPU already waits most of the time.
 */
export const loadCost = (vcpus: number, cpus: number, allVcpus: number): number =>
  vcpus === 0 ? 0 : (WEIGHTS.load * vcpus * (vcpus / Math.max(cpus, 0.5)) ** 2) / allVcpus;

/** All shared vCPUs on the shared CPUs of all cells together. */
export const sharedPoolCost = (allVcpus: number, cpus: number): number =>
  WEIGHTS.sharedPool * (allVcpus / Math.max(cpus, 0.5)) ** 2;

export const memoryCost = (usedKiB: number, ofKiB: number | undefined): number =>
  ofKiB === undefined || ofKiB === 0 ? 0 : WEIGHTS.memory * (usedKiB / ofKiB) ** 2;

// The cost of a finished placement.

/** Returns a function that computes the cost of placements of these VMs on this host. */
export function costing(
  host: PlacementHost,
  requests: readonly PlacementRequest[],
  options: { readonly rebalance: boolean },
): (assignments: readonly Assignment[]) => number {
  const model = costModel(host);
  const coreOf = new Map(host.cores.flatMap((core) => core.cpus.map((cpu) => [cpu, core] as const)));
  const requestOf = new Map(requests.map((request) => [request.guest, request]));
  const start = startOf(host, model);
  return (assignments) => {
    const use: HostUse = { vcpuCores: new Map(), helperCpus: new Set(), helperCores: new Set(), shared: [] };
    let cost = 0;
    for (const assignment of assignments) {
      const request = requestOf.get(assignment.guest);
      if (request === undefined) continue;
      if (!options.rebalance) cost += moveCost(request, assignment);
      cost +=
        request.kind === 'node'
          ? addShared(use, model, request, assignment)
          : addDedicated(use, model, request, assignment, coreOf);
    }
    return cost + usedCoresCost(start, use) + sharedCost(start, use);
  };
}

/** A host before anything is placed. */
interface HostStart {
  readonly whole: ReadonlySet<Core>;
  /** Whole cores by cell and by cache. */
  readonly groups: readonly {
    readonly weight: number;
    readonly widest: number;
    readonly whole: readonly Core[];
  }[];
  readonly cells: readonly { readonly cell: PlacementCell; readonly shared: readonly number[] }[];
  readonly floatingVcpus: number;
}

function startOf(host: PlacementHost, model: CostModel): HostStart {
  const whole = new Set(host.cores.filter((core) => isWhole(host, core)));
  const groups = (weight: number, widest: number, key: (core: Core) => string): HostStart['groups'] =>
    [...Map.groupBy(whole, key).values()].map((cores) => ({ weight, widest, whole: cores }));
  return {
    whole,
    groups: [
      ...groups(WEIGHTS.cellFragmentation, model.widestCell, (core) => `${core.cell}`),
      ...groups(WEIGHTS.cacheFragmentation, model.widestCache, (core) => `${core.cell} ${core.cache}`),
    ],
    cells: host.cells.map((cell) => ({ cell, shared: sharedCpus(host, cell.id) })),
    floatingVcpus: host.cells.reduce((sum, cell) => sum + cell.floatingVcpus, 0),
  };
}

/** Host resources used by all assignments together. */
interface HostUse {
  /** The VMs with vCPUs on each core. */
  readonly vcpuCores: Map<Core, Set<string>>;
  readonly helperCpus: Set<number>;
  readonly helperCores: Set<Core>;
  readonly shared: { request: NodeRequest; cell: number }[];
}

/** Adds a VM that shares a cell's CPUs; returns the cost of its place. */
function addShared(use: HostUse, model: CostModel, request: NodeRequest, { cells }: Assignment): number {
  use.shared.push({ request, cell: cells[0] as number });
  return deviceCost(
    model,
    request,
    cells.map((cell) => ({ cell })),
  );
}

/** Adds a VM with dedicated CPUs; returns the cost of its place. */
function addDedicated(
  use: HostUse,
  model: CostModel,
  request: DedicatedRequest,
  assignment: Assignment,
  coreOf: ReadonlyMap<number, Core>,
): number {
  const places = cellPlaces(request, assignment, coreOf);
  const helperCpus = [
    ...(request.emulatorCpus > 0 ? assignment.emulator : []),
    ...(request.ioThreadCpus > 0 ? assignment.ioThreads : []),
  ];
  const helperCores = helperCpus.map((cpu) => coreOf.get(cpu) as Core);
  for (const core of places.flatMap((place) => place.cores)) {
    use.vcpuCores.set(core, (use.vcpuCores.get(core) ?? new Set()).add(assignment.guest));
  }
  for (const cpu of helperCpus) use.helperCpus.add(cpu);
  for (const core of helperCores) use.helperCores.add(core);
  return placeCost(model, request, places, helperCores);
}

function cellPlaces(
  request: DedicatedRequest,
  assignment: Assignment,
  coreOf: ReadonlyMap<number, Core>,
): CellPlace[] {
  return request.cells.map((cell, index) => {
    const vcpus = [...cell.vcpus];
    return {
      cell: assignment.cells[index] as number,
      memoryCell: assignment.memoryCells[index] as number,
      vcpus,
      cores: vcpus.map((vcpu) => coreOf.get(assignment.vcpus[vcpu]?.first as number) as Core),
    };
  });
}

/** Cores shared between VMs, and fragmentation. */
function usedCoresCost({ whole, groups }: HostStart, { vcpuCores, helperCores }: HostUse): number {
  let cost = 0;
  for (const [core, guests] of vcpuCores) {
    cost += WEIGHTS.sharedCore * (guests.size - (whole.has(core) ? 1 : 0));
  }
  for (const group of groups) {
    const left = group.whole.filter((core) => !vcpuCores.has(core) && !helperCores.has(core));
    cost += fragmentationCost(group.weight, group.whole.length, left.length, group.widest);
  }
  return cost;
}

/** Increase in the load of VMs that share CPUs. */
function sharedCost(
  { cells, floatingVcpus }: HostStart,
  { vcpuCores, helperCpus, shared: vms }: HostUse,
): number {
  const all = vms.reduce((sum, { request }) => sum + request.vcpus, floatingVcpus);
  if (all === 0) return 0;
  const vcpuCpus = new Set([...vcpuCores.keys()].flatMap((core) => core.cpus));
  let cost = 0;
  let [before, after] = [0, 0];
  for (const { cell, shared } of cells) {
    const here = vms.filter((vm) => vm.cell === cell.id).map(({ request }) => request);
    const left = shared.filter((cpu) => !vcpuCpus.has(cpu) && !helperCpus.has(cpu));
    const vcpus = here.reduce((sum, request) => sum + request.vcpus, cell.floatingVcpus);
    const usedKiB = here.reduce((sum, request) => sum + request.memoryKiB, 0);
    cost += loadCost(vcpus, left.length, all) - loadCost(cell.floatingVcpus, shared.length, all);
    cost += memoryCost(usedKiB, cell.freeKiB);
    before += shared.length;
    after += left.length;
  }
  return cost + sharedPoolCost(all, after) - sharedPoolCost(all, before);
}
