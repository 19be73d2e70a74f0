import {
  type CellSite,
  type CostView,
  costView,
  deviceCost,
  holeCost,
  isWhole,
  loadCost,
  memoryCost,
  sharedCpus,
  sharedPoolCost,
  siteCost,
  WEIGHTS,
} from './objective.ts';
import type {
  Assignment,
  Core,
  DedicatedRequest,
  NodeRequest,
  PlacementCell,
  PlacementHost,
  PlacementRequest,
} from './types.ts';

/**
 * What placements of these VMs on this host cost by the objective, reckoned from nothing but their outcome: 0 at
 * best. The search keeps the same sum step by step.
 */
export function costing(
  host: PlacementHost,
  requests: readonly PlacementRequest[],
  options: { readonly rebalance: boolean },
): (assignments: readonly Assignment[]) => number {
  const view = costView(host);
  const coreOf = new Map(host.cores.flatMap((core) => core.cpus.map((cpu) => [cpu, core] as const)));
  const requestOf = new Map(requests.map((request) => [request.guest, request]));
  const start = startOf(host, view);
  return (assignments) => {
    const use: Use = { vcpuCores: new Map(), helperCpus: new Set(), helperCores: new Set(), nodes: [] };
    let cost = 0;
    for (const assignment of assignments) {
      const request = requestOf.get(assignment.guest);
      if (request === undefined) continue;
      if (!options.rebalance) cost += moveCost(request, assignment);
      if (request.kind === 'node') {
        cost += deviceCost(
          view,
          request,
          assignment.cells.map((cell) => ({ cell })),
        );
        use.nodes.push({ request, cell: assignment.cells[0] as number });
        continue;
      }
      const sites = sitesOf(request, assignment, coreOf);
      const helperCpus = helperCpusOf(request, assignment);
      const helperCores = helperCpus.map((cpu) => coreOf.get(cpu) as Core);
      cost += siteCost(view, request, sites, helperCores);
      for (const core of sites.flatMap((site) => site.cores)) {
        use.vcpuCores.set(core, (use.vcpuCores.get(core) ?? new Set()).add(assignment.guest));
      }
      for (const cpu of helperCpus) use.helperCpus.add(cpu);
      for (const core of helperCores) use.helperCores.add(core);
    }
    return cost + coresCost(start, use) + sharedCost(start, use);
  };
}

/** A host before anything is placed. */
interface Start {
  readonly whole: ReadonlySet<Core>;
  /** Cells and caches. */
  readonly holes: readonly {
    readonly weight: number;
    readonly widest: number;
    readonly whole: readonly Core[];
  }[];
  readonly cells: readonly { readonly cell: PlacementCell; readonly shared: readonly number[] }[];
  readonly floating: number;
}

function startOf(host: PlacementHost, view: CostView): Start {
  const whole = new Set(host.cores.filter((core) => isWhole(host, core)));
  const holes = (weight: number, widest: number, key: (core: Core) => string): Start['holes'] =>
    [...Map.groupBy(whole, key).values()].map((cores) => ({ weight, widest, whole: cores }));
  return {
    whole,
    holes: [
      ...holes(WEIGHTS.cellHole, view.widestCell, (core) => `${core.cell}`),
      ...holes(WEIGHTS.cacheHole, view.widestCache, (core) => `${core.cell} ${core.cache}`),
    ],
    cells: host.cells.map((cell) => ({ cell, shared: sharedCpus(host, cell.id) })),
    floating: host.cells.reduce((sum, cell) => sum + cell.floatingVcpus, 0),
  };
}

/** What all assignments together use of a host. */
interface Use {
  /** Whose vCPUs are on a core. */
  readonly vcpuCores: Map<Core, Set<string>>;
  readonly helperCpus: Set<number>;
  readonly helperCores: Set<Core>;
  readonly nodes: { request: NodeRequest; cell: number }[];
}

/** What leaving its place costs a VM that has one; of its helpers' place, as far as it is their own. */
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

/** A VM with CPUs of its own moves when a vCPU does; one that shares a cell's moves when the cell is another. */
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

function sitesOf(
  request: DedicatedRequest,
  assignment: Assignment,
  coreOf: ReadonlyMap<number, Core>,
): CellSite[] {
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

function helperCpusOf(request: DedicatedRequest, assignment: Assignment): number[] {
  return [
    ...(request.emulatorCpus > 0 ? assignment.emulator : []),
    ...(request.ioThreadCpus > 0 ? assignment.ioThreads : []),
  ];
}

/** Cores that VMs share, and holes that are used up. */
function coresCost({ whole, holes }: Start, { vcpuCores, helperCores }: Use): number {
  let cost = 0;
  for (const [core, guests] of vcpuCores) {
    cost += WEIGHTS.sharedCore * (guests.size - (whole.has(core) ? 1 : 0));
  }
  for (const hole of holes) {
    const left = hole.whole.filter((core) => !vcpuCores.has(core) && !helperCores.has(core));
    cost += holeCost(hole.weight, hole.whole.length, left.length, hole.widest);
  }
  return cost;
}

/** What those feel that share CPUs: beyond what they felt before. */
function sharedCost({ cells, floating }: Start, { vcpuCores, helperCpus, nodes }: Use): number {
  const all = nodes.reduce((sum, { request }) => sum + request.vcpus, floating);
  if (all === 0) return 0;
  const vcpuCpus = new Set([...vcpuCores.keys()].flatMap((core) => core.cpus));
  let cost = 0;
  let [before, after] = [0, 0];
  for (const { cell, shared } of cells) {
    const here = nodes.filter((node) => node.cell === cell.id).map(({ request }) => request);
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
