import {
  type CellSite,
  type CostView,
  costView,
  holeCost,
  isWhole,
  loadCost,
  memoryCost,
  sharedCpus,
  siteCost,
  WEIGHTS,
} from './objective.ts';
import type {
  Assignment,
  Core,
  DedicatedRequest,
  NodeRequest,
  PlacementHost,
  PlacementRequest,
} from './types.ts';

/**
 * What a placement costs by the objective, reckoned from nothing but its outcome: 0 at best. The search keeps the
 * same sum step by step.
 */
export function placementCost(
  host: PlacementHost,
  requests: readonly PlacementRequest[],
  assignments: readonly Assignment[],
  options: { readonly rebalance: boolean },
): number {
  const view = costView(host);
  const coreOf = new Map(host.cores.flatMap((core) => core.cpus.map((cpu) => [cpu, core] as const)));
  const requestOf = new Map(requests.map((request) => [request.guest, request]));
  const use: Use = { vcpuCores: new Map(), helperCpus: new Set(), helperCores: new Set(), nodes: [] };
  let cost = 0;
  for (const assignment of assignments) {
    const request = requestOf.get(assignment.guest);
    if (request === undefined) continue;
    if (!options.rebalance) cost += moveCost(request, assignment);
    if (request.kind === 'node') {
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
  return cost + coresCost(host, view, use) + sharedCost(host, use);
}

/** What all assignments together use of a host. */
interface Use {
  /** Whose vCPUs are on a core. */
  readonly vcpuCores: Map<Core, Set<string>>;
  readonly helperCpus: Set<number>;
  readonly helperCores: Set<Core>;
  readonly nodes: { request: NodeRequest; cell: number }[];
}

/** What leaving its place costs a VM that has one. */
export function moveCost(request: PlacementRequest, to: Assignment): number {
  const { current } = request;
  if (current === undefined) return 0;
  if (hasMoved(current, to)) return WEIGHTS.moved;
  const keeps = current.emulator.equals(to.emulator) && current.ioThreads.equals(to.ioThreads);
  return request.kind === 'node' || keeps ? 0 : WEIGHTS.helpersMoved;
}

/** A VM with CPUs of its own moves when a vCPU does; one that shares a cell's moves when the cell is another. */
export function hasMoved(from: Assignment, to: Assignment): boolean {
  if (from.kind !== to.kind) return true;
  if (from.kind === 'node') return from.cells[0] !== to.cells[0];
  return (
    from.vcpus.length !== to.vcpus.length ||
    from.vcpus.some((cpus, vcpu) => !cpus.equals(to.vcpus[vcpu] ?? cpus))
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
function coresCost(host: PlacementHost, view: CostView, { vcpuCores, helperCores }: Use): number {
  let cost = 0;
  for (const [core, guests] of vcpuCores) {
    cost += WEIGHTS.sharedCore * (guests.size - (isWhole(host, core) ? 1 : 0));
  }
  for (const [weight, widest, key] of [
    [WEIGHTS.cellHole, view.widestCell, (core: Core) => `${core.cell}`],
    [WEIGHTS.cacheHole, view.widestCache, (core: Core) => `${core.cell} ${core.cache}`],
  ] as const) {
    for (const cores of Map.groupBy(host.cores, key).values()) {
      const whole = cores.filter((core) => isWhole(host, core));
      const left = whole.filter((core) => !vcpuCores.has(core) && !helperCores.has(core));
      cost += holeCost(weight, whole.length, left.length, widest);
    }
  }
  return cost;
}

/** What those feel that share CPUs: beyond what they felt before. */
function sharedCost(host: PlacementHost, { vcpuCores, helperCpus, nodes }: Use): number {
  const all =
    host.cells.reduce((sum, cell) => sum + cell.floatingVcpus, 0) +
    nodes.reduce((sum, { request }) => sum + request.vcpus, 0);
  let cost = 0;
  for (const { id, freeKiB, floatingVcpus } of host.cells) {
    const here = nodes.filter(({ cell }) => cell === id);
    const floating = here.reduce((sum, { request }) => sum + request.vcpus, floatingVcpus);
    const before = sharedCpus(host, id);
    const vcpuCpus = new Set([...vcpuCores.keys()].flatMap((core) => core.cpus));
    const after = before.filter((cpu) => !vcpuCpus.has(cpu) && !helperCpus.has(cpu));
    cost += loadCost(floating, after.length, all) - loadCost(floatingVcpus, before.length, all);
    cost += memoryCost(
      here.reduce((sum, { request }) => sum + request.memoryKiB, 0),
      freeKiB,
    );
  }
  return cost;
}
