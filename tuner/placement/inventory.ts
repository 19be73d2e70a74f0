import { CpuSet } from '../../model/cpu-set.ts';
import { type CpuClaims, type CpuRange, claimsOf } from '../../model/dedicated.ts';
import type { DomainFacts } from '../../model/domain/domain.ts';
import { isHuge } from '../../model/huge-pools.ts';
import {
  cellCpus,
  type HostCell,
  type HostCpu,
  type HostTopology,
  onlineCpus,
} from '../../model/topology.ts';
import { TunerError } from '../errors.ts';
import type { CellMemory } from '../facts/facts.ts';
import type { Claim, Core, Floater, PlacementHost, ThreadPolicy } from './types.ts';

/*
 * The host's inventory: which CPUs, memory and huge pages are available to VMs, and which of these other VMs hold.
 * Built once per placement, from the host's topology and the definitions of all its domains.
 */

/** A domain of the host, whether it is being placed or not. */
export interface HostDomain {
  readonly name: string;
  /** Facts of its running XML (what it has now) and of its inactive XML (what it will have after its next boot). */
  readonly live: DomainFacts | undefined;
  readonly inactive: DomainFacts | undefined;
  /** CPUs and memory cells that its control group allows; absent: the same as for all VMs. */
  readonly cpus?: CpuSet | undefined;
  readonly memoryCells?: CpuSet | undefined;
  /** From the profile that placed it: with `isolate` and `require` it also reserves the sibling threads of its CPUs. */
  readonly threads?: ThreadPolicy | undefined;
}

export interface HostOptions {
  /** Absent: all CPUs that the capabilities assign to a cell. */
  readonly online?: CpuSet | undefined;
  /** CPUs that the kernel allows for VMs (the cpuset of their cgroup); absent: all. */
  readonly vmCpus?: CpuSet | undefined;
  readonly isolated?: CpuSet | undefined;
  /** Slower cores of a hybrid CPU. */
  readonly efficiencyCpus?: CpuSet | undefined;
  /** Reserved for the host; absent: `defaultHostCpus`. Empty: none. */
  readonly hostCpus?: CpuSet | undefined;
  /** Free memory and huge pages, by cell. */
  readonly memory: readonly CellMemory[];
  /** Page size for VMs whose XML names none; absent: the host's smallest huge page. */
  readonly defaultPageKiB?: number | undefined;
  readonly domains: readonly HostDomain[];
  /** Names of the domains being placed: their present resources count as free. */
  readonly placing: ReadonlySet<string>;
}

/** From this many cores on, a cell reserves one for the host by default. */
const CELL_CORES_TO_SHARE = 4;

/**
 * The part of a host that placement may use.
 * @throws TunerError (TUNE_PLACEMENT) if CPUs to be reserved for the host are not online.
 */
export function placementHost(topology: HostTopology, options: HostOptions): PlacementHost {
  const online = options.online ?? onlineCpus(topology);
  const usable = options.vmCpus === undefined ? online : online.intersection(options.vmCpus);
  const isolated = (options.isolated ?? CpuSet.empty).intersection(usable);
  const hostCpus = options.hostCpus ?? defaultHostCpus(topology, usable, isolated);
  const missing = hostCpus.difference(online);
  if (missing.size > 0) {
    throw new TunerError(
      'TUNE_PLACEMENT',
      `CPUs ${missing} cannot be reserved for the host: they are not online (online: ${online.size === 0 ? 'none' : online})`,
    );
  }
  // CPUs that VMs may not use belong to the host anyway.
  const housekeeping = hostCpus.intersection(usable);
  const others = options.domains.filter(({ name }) => !options.placing.has(name));
  const memory = memoryInventory(topology, options);
  return {
    cores: coresOf(topology, usable, housekeeping, isolated, options.efficiencyCpus ?? CpuSet.empty),
    cells: topology.cells
      .map((cell) => ({
        id: cell.id,
        distances: cell.distances,
        housekeeping: cellCpus(cell).intersection(housekeeping),
        freeKiB: memory.freeKiB.get(cell.id),
        freePages: memory.freePages.get(cell.id) ?? new Map<number, number>(),
        floatingVcpus: floatingVcpus(others, topology, cell.id),
      }))
      .sort((a, b) => a.id - b.id),
    isolated,
    taken: takenCpus(others, topology),
    floaters: floatersOf(others, topology, usable),
    floatingPages: memory.floatingPages,
  };
}

/**
 * The CPUs reserved for the host by default: the first core of each cell with all its threads, so that emulator threads
 * and interrupts find a CPU near their memory. A cell of fewer than four cores reserves none, since one core is too
 * large a part of it. If no cell reserves any, the host still gets one core; otherwise its kernel, the emulator threads
 * and the iothreads would run on CPUs dedicated to vCPUs. Isolated CPUs are skipped: an admin who isolates CPUs leaves
 * the others to the host.
 */
export function defaultHostCpus(topology: HostTopology, online: CpuSet, isolated: CpuSet): CpuSet {
  const cores = topology.cells.map((cell) =>
    coreGroups(cell, online).map((core) => CpuSet.of(core.map((cpu) => cpu.id))),
  );
  const firsts = cores.map((own) => ({
    count: own.length,
    core: own.find((core) => core.intersection(isolated).size === 0),
  }));
  const kept = firsts
    .filter(({ count }) => count >= CELL_CORES_TO_SHARE)
    .reduce((all, { core = CpuSet.empty }) => all.union(core), CpuSet.empty);
  const total = cores.flat().length;
  if (kept.size > 0 || total < 2) return kept;
  return firsts.find(({ core }) => core !== undefined)?.core ?? CpuSet.empty;
}

function coresOf(
  topology: HostTopology,
  online: CpuSet,
  housekeeping: CpuSet,
  isolated: CpuSet,
  efficiency: CpuSet,
): Core[] {
  const caches = lastLevelCaches(topology);
  return [...topology.cells]
    .sort((a, b) => a.id - b.id)
    .flatMap((cell) =>
      coreGroups(cell, online).map((group): Core => {
        const cpus = group.map((cpu) => cpu.id).filter((cpu) => !housekeeping.has(cpu));
        const [first] = group as [HostCpu, ...HostCpu[]];
        return {
          cell: cell.id,
          die: `${first.socketId ?? 0}/${first.dieId ?? 0}`,
          cache: caches.get(first.id) ?? `cell ${cell.id}`,
          cpus,
          threads: group.length,
          isolated: cpus.every((cpu) => isolated.has(cpu)),
          ...(group.some((cpu) => efficiency.has(cpu.id)) ? { efficiency: true } : {}),
        };
      }),
    )
    .filter((core) => core.cpus.length > 0);
}

/** A cell's online CPUs, grouped by core. */
function coreGroups(cell: HostCell, online: CpuSet): HostCpu[][] {
  const groups = new Map<string, HostCpu[]>();
  const usable = cellCpus(cell).intersection(online);
  for (const cpu of [...cell.cpus].sort((a, b) => a.id - b.id)) {
    if (!usable.has(cpu.id)) continue;
    const key = cpu.siblings.intersection(usable).toString();
    groups.set(key, [...(groups.get(key) ?? []), cpu]);
  }
  return [...groups.values()];
}

/** Key of the last-level cache, by CPU. A cache that spans cells counts once per cell: VMs are placed cell by cell. */
function lastLevelCaches(topology: HostTopology): Map<number, string> {
  const last = Math.max(...topology.caches.map((bank) => bank.level));
  const found = new Map<number, string>();
  topology.caches.forEach((bank, index) => {
    if (bank.level !== last) return;
    for (const cpu of bank.cpus) found.set(cpu, `L${last} ${index}`);
  });
  return found;
}

/** The VMs to which each CPU is dedicated, now or after their next boot, and for what. */
function takenCpus(others: readonly HostDomain[], topology: HostTopology): Map<number, Claim[]> {
  const taken = new Map<number, Claim[]>();
  const take = (cpus: CpuSet, claim: Claim): void => {
    for (const cpu of cpus) taken.set(cpu, [...(taken.get(cpu) ?? []), claim]);
  };
  for (const domain of others) {
    const claims = liveAndInactiveClaims(domain, topology);
    const vcpus = CpuSet.of(claims.flatMap((each) => [...each.vcpus]));
    const owned =
      domain.threads === 'isolate' || domain.threads === 'require' ? wholeCores(vcpus, topology) : vcpus;
    take(owned, { guest: domain.name, by: 'vcpus' });
    const helpers = CpuSet.of(claims.flatMap((each) => [...each.helpers])).difference(owned);
    take(helpers, { guest: domain.name, by: 'helpers' });
  }
  return taken;
}

/** The VMs whose vCPUs share CPUs with other VMs, and where they may run. */
function floatersOf(others: readonly HostDomain[], topology: HostTopology, online: CpuSet): Floater[] {
  return others.flatMap((domain) => {
    const ranges = liveAndInactiveClaims(domain, topology).flatMap((claims) => claims.ranges);
    if (ranges.length === 0) return [];
    const cpus = ranges.reduce((all, range) => all.union(range.cpus ?? domain.cpus ?? online), CpuSet.empty);
    return [
      { guest: domain.name, cpus: cpus.intersection(online), narrow: ranges.every(({ narrow }) => narrow) },
    ];
  });
}

/** vCPUs of running VMs that float in this cell; a vCPU that floats over several cells counts proportionally. */
function floatingVcpus(others: readonly HostDomain[], topology: HostTopology, id: number): number {
  const cells = topology.cells.map((cell) => ({ id: cell.id, cpus: cellCpus(cell) }));
  const all = CpuSet.of(cells.flatMap(({ cpus }) => [...cpus]));
  const here = cells.find((cell) => cell.id === id)?.cpus ?? CpuSet.empty;
  const share = ({ cpus = all, vcpus }: CpuRange): number =>
    cpus.size === 0 ? 0 : (vcpus * cpus.intersection(here).size) / cpus.size;
  return others
    .flatMap(({ live }) => (live === undefined ? [] : claimsOf(live.cpu, topology).ranges))
    .reduce((sum, range) => sum + share(range), 0);
}

function liveAndInactiveClaims({ live, inactive }: HostDomain, topology: HostTopology): CpuClaims[] {
  return [live, inactive].flatMap((facts) => (facts === undefined ? [] : [claimsOf(facts.cpu, topology)]));
}

function wholeCores(cpus: CpuSet, topology: HostTopology): CpuSet {
  return topology.cells
    .flatMap((cell) => cell.cpus)
    .filter((cpu) => cpus.has(cpu.id))
    .reduce((all, cpu) => all.union(cpu.siblings), cpus);
}

interface MemoryInventory {
  /** By cell, KiB: memory in base pages that is not reserved by VMs bound there. */
  readonly freeKiB: ReadonlyMap<number, number>;
  /** Free huge pages by cell and page size in KiB. */
  readonly freePages: ReadonlyMap<number, ReadonlyMap<number, number>>;
  /** By page size in KiB: huge pages that VMs bound to no single cell will take at their next boot. */
  readonly floatingPages: ReadonlyMap<number, number>;
}

/** One part of a VM's memory: a guest cell, or the whole. */
interface MemoryPart {
  /** The single host cell that it is bound to. */
  readonly cell: number | undefined;
  readonly sizeKiB: number;
  readonly pageKiB: number | undefined;
}

/**
 * Memory left in each cell.
 *
 * Huge pages: free now, plus those held by the VMs being placed, minus what the next boot of any other VM takes beyond
 * what it holds.
 * Other memory is counted by reservation: the cell's memory, minus its huge page pools, minus the maximum memory of VMs
 * bound to it. Momentarily free memory is not a useful figure, since the kernel fills it with page cache. VMs not bound
 * to a single cell are not counted.
 */
function memoryInventory(topology: HostTopology, options: HostOptions): MemoryInventory {
  const { memory, domains, placing } = options;
  const smallest = Math.min(
    ...memory.flatMap(({ pages }) => pages.map((pool) => pool.sizeKiB).filter(isHuge)),
  );
  const defaultPageKiB = options.defaultPageKiB ?? (Number.isFinite(smallest) ? smallest : undefined);
  const parts = (facts: DomainFacts | undefined, cells: CpuSet | undefined): MemoryPart[] =>
    facts === undefined ? [] : memoryPartsOf(facts, defaultPageKiB, cells);

  const freePages = new Map(
    memory.map(({ id, pages }) => [id, new Map(pages.map((pool) => [pool.sizeKiB, pool.free]))] as const),
  );
  const floatingPages = new Map<number, number>();
  const freeKiB = new Map<number, number>();
  for (const { id, memoryKiB, pages } of topology.cells) {
    const pools = memory.find((cell) => cell.id === id)?.pages ?? pages;
    const pooledKiB = pools
      .filter(({ sizeKiB }) => isHuge(sizeKiB))
      .reduce((sum, { sizeKiB, total }) => sum + sizeKiB * total, 0);
    if (memoryKiB !== undefined) freeKiB.set(id, Math.max(0, memoryKiB - pooledKiB));
  }
  for (const { name, live, inactive, memoryCells } of domains) {
    const held = boundPages(parts(live, memoryCells));
    if (placing.has(name)) {
      for (const pages of held) takePages(freePages, floatingPages, pages, -pages.count);
      continue;
    }
    for (const pages of boundPages(parts(inactive, memoryCells))) {
      const has =
        held.find(({ cell, pageKiB }) => cell === pages.cell && pageKiB === pages.pageKiB)?.count ?? 0;
      takePages(freePages, floatingPages, pages, Math.max(0, pages.count - has));
    }
    reserveMemory(freeKiB, larger(parts(live, memoryCells), parts(inactive, memoryCells)));
  }
  return { freeKiB, freePages, floatingPages };
}

/** numatune modes that take memory only from the cells named. */
const BINDING: ReadonlySet<string | undefined> = new Set(['strict', 'restrictive']);

/**
 * A VM's memory: by guest cell if the guest cells are bound separately, else as one part. `allowed`: the cells that its
 * control group confines it to, with or without a binding in its XML.
 */
function memoryPartsOf(
  { cpu, memory }: DomainFacts,
  defaultPageKiB: number | undefined,
  allowed: CpuSet | undefined,
): MemoryPart[] {
  const page = memory.hugepages?.[0];
  const pageKiB = page === 'default' ? defaultPageKiB : page;
  const strict = BINDING.has(memory.numaMode) ? memory.numaNodeset : allowed;
  if (memory.memNodes.size === 0 || cpu.cells.length === 0) {
    return [{ cell: onlyCell(strict), sizeKiB: memory.maximumKiB ?? 0, pageKiB }];
  }
  return cpu.cells.map((cell) => ({
    cell: onlyCell(memory.memNodes.get(cell.id) ?? strict),
    sizeKiB: cell.memoryKiB ?? 0,
    pageKiB,
  }));
}

const onlyCell = (nodeset: CpuSet | undefined): number | undefined =>
  nodeset?.size === 1 ? nodeset.first : undefined;

interface BoundPages {
  readonly cell: number | undefined;
  readonly pageKiB: number;
  readonly count: number;
}

function boundPages(parts: readonly MemoryPart[]): BoundPages[] {
  const found = new Map<string, BoundPages>();
  for (const { cell, sizeKiB, pageKiB } of parts) {
    if (pageKiB === undefined || pageKiB <= 0) continue;
    const key = `${cell} ${pageKiB}`;
    const count = (found.get(key)?.count ?? 0) + Math.ceil(sizeKiB / pageKiB);
    found.set(key, { cell, pageKiB, count });
  }
  return [...found.values()];
}

/** Takes pages from the cell that they are bound to, or counts them as floating. A negative count returns them. */
function takePages(
  free: ReadonlyMap<number, Map<number, number>>,
  floating: Map<number, number>,
  { cell, pageKiB }: BoundPages,
  count: number,
): void {
  if (cell === undefined) {
    floating.set(pageKiB, (floating.get(pageKiB) ?? 0) + count);
    return;
  }
  const pools = free.get(cell);
  const had = pools?.get(pageKiB);
  if (had !== undefined) pools?.set(pageKiB, Math.max(0, had - count));
}

function reserveMemory(free: Map<number, number>, parts: readonly MemoryPart[]): void {
  for (const { cell, sizeKiB, pageKiB } of parts) {
    const had = cell === undefined ? undefined : free.get(cell);
    if (cell !== undefined && had !== undefined && pageKiB === undefined) {
      free.set(cell, Math.max(0, had - sizeKiB));
    }
  }
}

/** The running or the next definition, whichever has more memory: a VM never has both at once. */
function larger(live: readonly MemoryPart[], inactive: readonly MemoryPart[]): readonly MemoryPart[] {
  const sum = (parts: readonly MemoryPart[]): number =>
    parts.reduce((total, part) => total + part.sizeKiB, 0);
  return sum(inactive) > sum(live) ? inactive : live;
}
