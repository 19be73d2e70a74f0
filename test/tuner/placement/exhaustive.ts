import { CpuSet } from '../../../model/cpu-set.ts';
import { costing } from '../../../tuner/placement/cost.ts';
import { combinations } from '../../../tuner/placement/search.ts';
import type {
  Assignment,
  Core,
  DedicatedRequest,
  NodeRequest,
  PlacementHost,
  PlacementRequest,
} from '../../../tuner/placement/types.ts';

/**
 * The lowest cost of any placement of all requests, by trying all of them; undefined if there is none. Written
 * independently of the search: they share only the cost of a finished placement. Only two things are skipped:
 * interchangeable free threads of a core are taken from the lowest on, and partial placements that already cost more
 * are abandoned.
 */
export function exhaustive(
  host: PlacementHost,
  requests: readonly PlacementRequest[],
  { rebalance = false } = {},
): { cost: number; assignments: readonly Assignment[] } | undefined {
  let best: { cost: number; assignments: readonly Assignment[] } | undefined;
  const costOf = costing(host, requests, { rebalance });
  const ordered = [...requests].sort((a, b) => (a.kind < b.kind ? -1 : Number(a.kind > b.kind)));
  /** Costs only grow, except those of floating VMs: they are an average, which may fall. */
  const grows = host.cells.every((cell) => cell.floatingVcpus === 0);
  /** Threads of a core are not interchangeable if a VM already has a place or some threads are isolated. */
  const mixed = host.cores.some((core) => !core.isolated && core.cpus.some((cpu) => host.isolated.has(cpu)));
  const apart = mixed || requests.some(({ current }) => current !== undefined);
  const next = (at: number, chosen: readonly Assignment[], cost: number): void => {
    const request = ordered[at];
    if (request === undefined) {
      if (cost < (best?.cost ?? Number.POSITIVE_INFINITY)) best = { cost, assignments: chosen };
      return;
    }
    const used = new Used(host, ordered.slice(0, at), chosen, apart);
    const ways = request.kind === 'node' ? nodeWays(used, request) : dedicatedWays(used, request);
    const costs = [...ways].map((way) => ({
      way,
      cost: costOf([...chosen, way]),
    }));
    for (const each of costs.sort((a, b) => a.cost - b.cost)) {
      if (grows && each.way.kind === 'dedicated' && best !== undefined && each.cost >= best.cost) return;
      next(at + 1, [...chosen, each.way], each.cost);
    }
  };
  next(0, [], 0);
  return best;
}

/** What is in use on a host, recomputed from assignments. */
class Used {
  readonly host: PlacementHost;
  readonly #vcpus = new Map<number, string>();
  readonly #helpers = new Set<number>();
  readonly #closed = new Set<Core>();
  readonly #kib = new Map<number, number>();
  readonly #pages = new Map<string, number>();
  readonly #pagesOfAll = new Map<number, number>();

  readonly #apart: boolean;

  constructor(
    host: PlacementHost,
    requests: readonly PlacementRequest[],
    chosen: readonly Assignment[],
    apart: boolean,
  ) {
    this.host = host;
    this.#apart = apart;
    chosen.forEach((assignment, index) => {
      const request = requests[index] as PlacementRequest;
      if (request.kind === 'dedicated') this.#useCpus(request, assignment);
      const parts =
        request.kind === 'node' ? [request.memoryKiB] : request.cells.map((cell) => cell.memoryKiB);
      parts.forEach((kib, part) => {
        this.useMemory(request, assignment.memoryCells[part] as number, kib);
      });
    });
  }

  #useCpus(request: DedicatedRequest, assignment: Assignment): void {
    for (const cpu of assignment.vcpus.map((set) => set.first as number)) {
      this.#vcpus.set(cpu, request.guest);
      const core = this.host.cores.find((each) => each.cpus.includes(cpu)) as Core;
      if (request.threads !== 'prefer') this.#closed.add(core);
    }
    for (const cpu of helperCpus(request, assignment)) this.#helpers.add(cpu);
  }

  useMemory({ pageKiB, bound }: PlacementRequest, cell: number, kib: number): void {
    if (pageKiB === undefined) {
      if (bound) this.#kib.set(cell, (this.#kib.get(cell) ?? 0) + kib);
      return;
    }
    const pages = Math.ceil(kib / pageKiB);
    this.#pages.set(`${cell} ${pageKiB}`, (this.#pages.get(`${cell} ${pageKiB}`) ?? 0) + pages);
    this.#pagesOfAll.set(pageKiB, (this.#pagesOfAll.get(pageKiB) ?? 0) + pages);
  }

  memoryHolds(): boolean {
    const { cells, floatingPages } = this.host;
    const cellsHold = cells.every(({ id, freeKiB, freePages }) => {
      if ((freeKiB ?? Number.POSITIVE_INFINITY) < (this.#kib.get(id) ?? 0)) return false;
      return [...this.#pages].every(([key, pages]) => {
        const [cell, size] = key.split(' ').map(Number) as [number, number];
        return cell !== id || pages <= (freePages.get(size) ?? 0);
      });
    });
    return (
      cellsHold &&
      [...this.#pagesOfAll].every(([size, pages]) => {
        const free = cells.reduce((sum, cell) => sum + (cell.freePages.get(size) ?? 0), 0);
        return pages <= free - (floatingPages.get(size) ?? 0);
      })
    );
  }

  free(core: Core): number[] {
    if (this.#closed.has(core)) return [];
    return core.cpus.filter(
      (cpu) => !this.host.taken.has(cpu) && !this.#vcpus.has(cpu) && !this.#helpers.has(cpu),
    );
  }

  /** Ways to take so many of a core's free threads. */
  waysToTake(core: Core, count: number): number[][] {
    const free = this.free(core);
    return this.#apart ? [...combinations(free, count)].map((cpus) => [...cpus]) : [free.slice(0, count)];
  }

  hasVcpus(core: Core): boolean {
    return core.cpus.some(
      (cpu) => this.#vcpus.has(cpu) || this.host.taken.get(cpu)?.some(({ by }) => by === 'vcpus') === true,
    );
  }

  hasHelpers(core: Core): boolean {
    const taken = core.cpus.some(
      (cpu) => this.host.taken.get(cpu)?.some(({ by }) => by === 'helpers') === true,
    );
    return (taken && !this.hasVcpus(core)) || core.cpus.some((cpu) => this.#helpers.has(cpu));
  }

  untouched(core: Core): boolean {
    return core.cpus.length === core.threads && this.free(core).length === core.cpus.length;
  }

  shared(cell: number): number[] {
    return this.host.cores
      .filter((core) => core.cell === cell && !this.hasVcpus(core))
      .flatMap((core) => this.free(core))
      .filter((cpu) => !this.host.isolated.has(cpu));
  }
}

const helperCpus = (request: DedicatedRequest, { emulator, ioThreads }: Assignment): number[] => [
  ...(request.emulatorCpus > 0 ? emulator : []),
  ...(request.ioThreadCpus > 0 ? ioThreads : []),
];

function* nodeWays(used: Used, request: NodeRequest): Generator<Assignment> {
  for (const { id } of used.host.cells) {
    const shared = used.shared(id);
    if (shared.length < request.vcpus || shared.length === 0) continue;
    const cpus = CpuSet.of(shared);
    const way: Assignment = {
      guest: request.guest,
      kind: 'node',
      cells: [id],
      memoryCells: [id],
      vcpus: Array.from({ length: request.vcpus }, () => cpus),
      emulator: cpus,
      ioThreads: cpus,
    };
    if (holds(used, request, [id], [request.memoryKiB])) yield way;
  }
}

function holds(
  used: Used,
  request: PlacementRequest,
  cells: readonly number[],
  kib: readonly number[],
): boolean {
  cells.forEach((cell, index) => {
    used.useMemory(request, cell, kib[index] as number);
  });
  const held = used.memoryHolds();
  cells.forEach((cell, index) => {
    giveBack(used, request, cell, kib[index] as number);
  });
  return held;
}

function giveBack(used: Used, request: PlacementRequest, cell: number, kib: number): void {
  const { pageKiB } = request;
  used.useMemory(request, cell, pageKiB === undefined ? -kib : -Math.ceil(kib / pageKiB) * pageKiB);
}

function* dedicatedWays(used: Used, request: DedicatedRequest): Generator<Assignment> {
  const seen = new Set<string>();
  for (const cells of mappings(used.host, request)) {
    const memoryCells = request.cells.map(({ memoryCell }, index) => memoryCell ?? (cells[index] as number));
    const kib = request.cells.map((cell) => cell.memoryKiB);
    const there = memoryCells.every((id) => used.host.cells.some((cell) => cell.id === id));
    if (!there || !holds(used, request, memoryCells, kib)) continue;
    for (const vcpus of vcpuWays(used, request, cells)) {
      for (const helpers of helperWays(used, request, vcpus)) {
        const key = `${cells} ${vcpus} ${helpers}`;
        if (seen.has(key)) continue;
        seen.add(key);
        yield assigned(used.host, request, { cells, memoryCells, vcpus, helpers });
      }
    }
  }
}

interface Way {
  readonly cells: readonly number[];
  readonly memoryCells: readonly number[];
  readonly vcpus: readonly number[];
  readonly helpers: readonly number[];
}

function assigned(host: PlacementHost, request: DedicatedRequest, way: Way): Assignment {
  const kept = (cells: typeof host.cells): CpuSet =>
    CpuSet.of(cells.flatMap((cell) => [...cell.housekeeping]));
  const near = kept(host.cells.filter(({ id }) => way.cells.includes(id)));
  const any = kept(host.cells);
  const common = near.size > 0 ? near : any.size > 0 ? any : CpuSet.of(way.vcpus);
  const emulator = request.emulatorCpus > 0 ? CpuSet.of(way.helpers.slice(0, request.emulatorCpus)) : common;
  return {
    guest: request.guest,
    kind: 'dedicated',
    cells: way.cells,
    memoryCells: way.memoryCells,
    vcpus: way.vcpus.map((cpu) => CpuSet.of([cpu])),
    emulator,
    ioThreads: request.ioThreadCpus > 0 ? CpuSet.of(way.helpers.slice(request.emulatorCpus)) : emulator,
  };
}

/** Mappings of the guest cells to distinct host cells. */
function* mappings(
  host: PlacementHost,
  request: DedicatedRequest,
  chosen: readonly number[] = [],
): Generator<number[]> {
  if (chosen.length === request.cells.length) yield [...chosen];
  else {
    const kept = request.keepCells?.[chosen.length];
    for (const { id } of host.cells) {
      if (kept !== undefined && kept !== id) continue;
      if (!chosen.includes(id) && host.cores.some((core) => core.cell === id)) {
        yield* mappings(host, request, [...chosen, id]);
      }
    }
  }
}

/** CPUs for vCPUs 0 to n-1. */
function* vcpuWays(used: Used, request: DedicatedRequest, cells: readonly number[]): Generator<number[]> {
  const current = request.current?.vcpus.map((set) => set.first as number);
  const [first, ...rest] = request.cells.map(({ vcpus }, index) => {
    const cores = used.host.cores.filter((core) => core.cell === cells[index]);
    const ids = [...vcpus];
    const ways = coreWays(used, request, cores, vcpus.size);
    const today = ids.map((vcpu) => current?.[vcpu] ?? -1);
    if (mayHave(used, request, cores, today)) ways.push(today);
    return ways.map((cpus) => ids.map((vcpu, at) => [vcpu, cpus[at] as number] as const));
  });
  let product = first ?? [];
  for (const ways of rest) product = product.flatMap((way) => ways.map((other) => [...way, ...other]));
  for (const way of product) yield way.toSorted(([a], [b]) => a - b).map(([, cpu]) => cpu);
}

/** Whether a policy lets a VM use these CPUs of a cell. */
function mayHave(
  used: Used,
  request: DedicatedRequest,
  cores: readonly Core[],
  cpus: readonly number[],
): boolean {
  const counts = cores.map((core) => cpus.filter((cpu) => used.free(core).includes(cpu)).length);
  const all = counts.reduce((sum, count) => sum + count, 0);
  return all === cpus.length && new Set(cpus).size === all && allowed(used, request, cores, counts);
}

function allowed(
  used: Used,
  request: DedicatedRequest,
  cores: readonly Core[],
  counts: readonly number[],
): boolean {
  const chosen = cores.flatMap((core, index) =>
    (counts[index] as number) > 0 ? [{ core, count: counts[index] as number }] : [],
  );
  if (request.threads === 'prefer') return chosen.every(({ core }) => !used.hasHelpers(core));
  if (!chosen.every(({ core }) => used.untouched(core))) return false;
  if (request.threads === 'isolate') return chosen.every(({ count }) => count === 1);
  return (
    chosen.every(({ core }) => core.threads > 1) &&
    chosen.filter(({ core, count }) => count < core.threads).length <= 1
  );
}

/** All ways to take so many CPUs of these cores: fuller cores first, so that neighbouring vCPUs share one. */
function coreWays(used: Used, request: DedicatedRequest, cores: readonly Core[], wanted: number): number[][] {
  const found: number[][] = [];
  const next = (at: number, taken: readonly (readonly number[])[], left: number): void => {
    const core = cores[at];
    if (core === undefined) {
      const counts = taken.map((cpus) => cpus.length);
      if (left > 0 || !allowed(used, request, cores, counts)) return;
      found.push(taken.toSorted((a, b) => b.length - a.length).flat());
      return;
    }
    for (let count = 0; count <= Math.min(left, used.free(core).length); count++) {
      for (const cpus of used.waysToTake(core, count)) next(at + 1, [...taken, cpus], left - count);
    }
  };
  next(0, [], wanted);
  return found;
}

/** CPUs for emulator and iothreads, given those of the vCPUs. */
function* helperWays(used: Used, request: DedicatedRequest, vcpus: readonly number[]): Generator<number[]> {
  const wanted = request.emulatorCpus + request.ioThreadCpus;
  const { current } = request;
  const cores = used.host.cores.filter(
    (core) => !used.hasVcpus(core) && !core.cpus.some((cpu) => vcpus.includes(cpu)),
  );
  const today = current === undefined ? [] : helperCpus(request, current);
  const free = new Set(cores.flatMap((core) => used.free(core)));
  if (wanted > 0 && today.length === wanted && today.every((cpu) => free.has(cpu))) yield today;
  const ways: number[][] = [];
  const next = (at: number, chosen: readonly number[]): void => {
    const core = cores[at];
    if (chosen.length === wanted) ways.push([...chosen]);
    else if (core !== undefined) {
      const most = Math.min(used.free(core).length, wanted - chosen.length);
      for (let count = 0; count <= most; count++) {
        for (const cpus of used.waysToTake(core, count)) next(at + 1, [...chosen, ...cpus]);
      }
    }
  };
  next(0, []);
  yield* ways;
}
