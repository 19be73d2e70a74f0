import { CpuSet } from '../../model/cpu-set.ts';
import type { DomainFacts } from '../../model/domain/domain.ts';
import { cellCpus, type HostCell } from '../../model/topology.ts';
import { child, children, type Element } from '../../model/xml.ts';
import { type HostFacts, vmCpusOf, vmMemoryCellsOf } from '../facts/facts.ts';
import { defaultHostCpus } from '../placement/inventory.ts';
import { parseTopology } from '../settings/cpu.ts';
import type { Policy } from './policy.ts';

const GIB_KIB = 1024 ** 2;
const MIB_KIB = 1024;

/** The guest's view of itself: decided before placement, and an input to it. */
export interface Shape {
  readonly vcpus: number;
  /** One cell even if the guest has no NUMA cells. */
  readonly cells: readonly ShapeCell[];
  /** Whether it has NUMA cells. */
  readonly numa: boolean;
  /** Whether its cells differ from the definition. */
  readonly reshaped: boolean;
  /** Threads per core in the guest's own topology. */
  readonly guestThreads: number;
}

export interface ShapeCell {
  readonly vcpus: CpuSet;
  readonly memoryKiB: number;
  /** Size of the huge pages that back its memory. */
  readonly pageKiB: number | undefined;
}

export function shapeOf(policy: Policy, host: HostFacts, root: Element, facts: DomainFacts): Shape {
  const vcpus = facts.cpu.vcpusMaximum ?? 1;
  const memoryKiB = (facts.memory.maximumKiB ?? 0) - memoryDevicesKiB(root, facts);
  const count = cellCount(policy, host, facts, vcpus, memoryKiB);
  const reshaped = count !== facts.cpu.cells.length;
  const bare = reshaped || count === 0 ? split(count, vcpus, memoryKiB, policy) : asDefined(facts);
  const largest = policy.pages === 'largest' ? largestPages(host, bare) : undefined;
  const cells = bare.map((cell, id) => ({ ...cell, pageKiB: largest ?? pagesOf(policy, facts, id) }));
  return { vcpus, cells, numa: count > 0, reshaped, guestThreads: guestThreads(policy, host, facts, cells) };
}

/** Memory devices (DIMMs) in addition to the guest's cells. */
function memoryDevicesKiB(root: Element, facts: DomainFacts): number {
  if (children(child(root, 'devices'), 'memory').length === 0) return 0;
  const inCells = facts.cpu.cells.reduce((sum, cell) => sum + (cell.memoryKiB ?? 0), 0);
  return inCells === 0 ? 0 : Math.max(0, (facts.memory.maximumKiB ?? 0) - inCells);
}

function cellCount(
  policy: Policy,
  host: HostFacts,
  facts: DomainFacts,
  vcpus: number,
  memoryKiB: number,
): number {
  const now = facts.cpu.cells.length;
  switch (policy.guestCells) {
    case undefined:
      return now;
    case 'none':
      return 0;
    case 'auto':
      return now > 0 ? now : cellsNeeded(policy, host, vcpus, memoryKiB);
    default:
      return policy.guestCells;
  }
}

/**
 * 0 if one host cell holds the whole guest; else the fewest cells that each fit into a separate host cell. Counts only
 * what VMs may use: not CPUs that are offline or reserved for the host, nor isolated ones for VMs that share CPUs; not
 * memory in page pools, unless it backs the guest. Prefers a number that divides the vCPUs evenly, since a guest's
 * sockets are all alike.
 */
function cellsNeeded(policy: Policy, host: HostFacts, vcpus: number, memoryKiB: number): number {
  const withMemory = vmMemoryCellsOf(host);
  const rooms = host.topology.cells
    .filter(({ id }) => withMemory.has(id))
    .map((cell) => ({ vcpus: roomForVcpus(policy, host, cell), memoryKiB: usableKiB(policy, host, cell) }))
    .filter((room) => room.vcpus > 0);
  const fits = (count: number): boolean => {
    const [max, share] = [Math.ceil(vcpus / count), memoryKiB / count];
    return rooms.filter((room) => room.vcpus >= max && room.memoryKiB >= share).length >= count;
  };
  const counts = Array.from({ length: rooms.length }, (_, index) => index + 1).filter(fits);
  const count = counts.find((each) => vcpus % each === 0) ?? counts[0] ?? rooms.length;
  return count <= 1 ? 0 : count;
}

/** vCPUs that an otherwise empty host cell has CPUs for. */
function roomForVcpus({ pinning, threads }: Policy, host: HostFacts, cell: HostCell): number {
  const isolated = host.local?.isolatedCpus ?? CpuSet.empty;
  const usable = vmCpusOf(host);
  const hostCpus = host.hostCpus ?? defaultHostCpus(host.topology, usable, isolated);
  const cpus = cellCpus(cell).intersection(usable).difference(hostCpus);
  if (pinning !== 'dedicated') return cpus.difference(isolated).size;
  if (threads === 'prefer') return cpus.size;
  const wholeCores = new Set(
    cell.cpus
      .map(({ siblings }) => siblings.intersection(usable))
      .filter((core) => core.size > 0 && core.isSubsetOf(cpus))
      .map(String),
  );
  if (threads === 'isolate') return wholeCores.size;
  const cores = [...wholeCores].map((core) => CpuSet.parse(core).size).filter((size) => size > 1);
  return cores.reduce((sum, size) => sum + size, 0);
}

function usableKiB({ pages }: Policy, { cells }: HostFacts, { id, memoryKiB }: HostCell): number {
  if (memoryKiB === undefined) return Number.POSITIVE_INFINITY;
  if (pages !== undefined && pages !== 'default') return memoryKiB;
  const pools = cells.find((each) => each.id === id)?.pages ?? [];
  const pooledKiB = pools
    .filter(({ sizeKiB }) => sizeKiB > 64)
    .reduce((sum, { sizeKiB, total }) => sum + sizeKiB * total, 0);
  return memoryKiB - pooledKiB;
}

type BareCell = Omit<ShapeCell, 'pageKiB'>;

const asDefined = (facts: DomainFacts): BareCell[] =>
  facts.cpu.cells.map(({ cpus, memoryKiB }) => ({ vcpus: cpus, memoryKiB: memoryKiB ?? 0 }));

/** Consecutive vCPUs, divided as evenly as possible; memory in whole pages, one more in the first cells. */
function split(count: number, vcpus: number, memoryKiB: number, policy: Policy): BareCell[] {
  const cells = Math.max(1, count);
  const unit = splitUnit(policy, memoryKiB, cells);
  const units = Math.floor(memoryKiB / unit);
  const share = (total: number, index: number): number =>
    Math.floor(total / cells) + (index < total % cells ? 1 : 0);
  let next = 0;
  return Array.from({ length: cells }, (_, index) => {
    const first = next;
    next += share(vcpus, index);
    const rest = index === cells - 1 ? memoryKiB - units * unit : 0;
    return {
      vcpus: CpuSet.of(Array.from({ length: next - first }, (__, offset) => first + offset)),
      memoryKiB: share(units, index) * unit + rest,
    };
  });
}

function splitUnit({ pages }: Policy, memoryKiB: number, cells: number): number {
  const page = Array.isArray(pages) ? Math.max(...pages) : GIB_KIB;
  if (memoryKiB % page === 0 && memoryKiB / page >= cells) return page;
  return memoryKiB % MIB_KIB === 0 ? MIB_KIB : 1;
}

function pagesOf({ pages }: Policy, facts: DomainFacts, cell: number): number | undefined {
  if (pages === undefined) {
    const [first] = facts.memory.hugepages ?? [];
    return first === 'default' ? undefined : first;
  }
  return typeof pages === 'string' ? undefined : (pages[cell] ?? pages.at(-1));
}

/**
 * 1 GiB if it divides the guest's memory evenly and some cell has a pool large enough for each part: such pages can
 * hardly be allocated on a host that has been up for a while. Otherwise 2 MiB, or another size that the host has.
 */
function largestPages(host: HostFacts, cells: readonly BareCell[]): number | undefined {
  const withMemory = vmMemoryCellsOf(host);
  const sizes = new Set(host.topology.cells.flatMap((cell) => cell.pages.map(({ sizeKiB }) => sizeKiB)));
  const huge = [...sizes].filter((size) => size > 64).sort((a, b) => b - a);
  const fits = (size: number): boolean =>
    cells.every(
      ({ memoryKiB }) =>
        memoryKiB % size === 0 &&
        host.cells.some(
          ({ id, pages }) =>
            withMemory.has(id) &&
            pages.some((pool) => pool.sizeKiB === size && pool.total * size >= memoryKiB),
        ),
    );
  return huge.find(fits) ?? huge.at(-1) ?? 2 * MIB_KIB;
}

/** As many as the host's cores have, if they divide the guest's vCPUs evenly; 1 if each vCPU gets a whole core. */
function guestThreads(
  policy: Policy,
  host: HostFacts,
  facts: DomainFacts,
  cells: readonly BareCell[],
): number {
  if (policy.topology === undefined) return facts.cpu.topology?.threads ?? 1;
  if (policy.topology !== 'auto') return parseTopology(policy.topology)?.threads ?? 1;
  if (policy.pinning !== 'dedicated' || policy.threads === 'isolate') return 1;
  const siblings = host.topology.cells.flatMap((cell) => cell.cpus.map((cpu) => cpu.siblings.size));
  const threads = Math.max(1, ...siblings);
  return cells.every(({ vcpus }) => vcpus.size % threads === 0) ? threads : 1;
}
