import type { CpuSet } from '../../model/cpu-set.ts';
import type { DomainFacts } from '../../model/domain/domain.ts';
import type { HostTopology } from '../../model/topology.ts';
import type { HostOptions } from './host.ts';

export interface MemoryLedger {
  /** By cell: memory in pages of the usual size that is promised to no VM bound there. */
  readonly freeKiB: ReadonlyMap<number, number>;
  /** By cell and page size in KiB. */
  readonly freePages: ReadonlyMap<number, ReadonlyMap<number, number>>;
  /** By page size: what VMs bound to no one cell will boot with. */
  readonly floatingPages: ReadonlyMap<number, number>;
}

/** A part of a VM's memory. */
interface Part {
  /** The one host cell that it is bound to. */
  readonly cell: number | undefined;
  readonly sizeKiB: number;
  readonly pageKiB: number | undefined;
}

/**
 * What is left of each cell's memory.
 *
 * Hugepages: those that are free now, with what the VMs that are placed hold given back, and less what the next
 * boot of any other takes beyond what it holds.
 * Other memory is promised, not taken: the cell's, less its page pools, less what VMs bound to it may grow to. What
 * is free at this moment says little, since the kernel fills it with cache. VMs that float are not counted.
 */
export function ledgerOf(topology: HostTopology, options: HostOptions): MemoryLedger {
  const { memory, domains, placing } = options;
  const smallest = Math.min(
    ...memory.flatMap(({ pages }) => pages.map((pool) => pool.sizeKiB).filter(isHuge)),
  );
  const defaultPageKiB = options.defaultPageKiB ?? (Number.isFinite(smallest) ? smallest : undefined);
  const parts = (facts: DomainFacts | undefined): Part[] =>
    facts === undefined ? [] : partsOf(facts, defaultPageKiB);

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
  for (const { name, live, inactive } of domains) {
    const held = pagesOf(parts(live));
    if (placing.has(name)) {
      for (const pages of held) book(freePages, floatingPages, pages, -pages.count);
      continue;
    }
    for (const pages of pagesOf(parts(inactive))) {
      const has =
        held.find(({ cell, pageKiB }) => cell === pages.cell && pageKiB === pages.pageKiB)?.count ?? 0;
      book(freePages, floatingPages, pages, Math.max(0, pages.count - has));
    }
    promise(freeKiB, larger(parts(live), parts(inactive)));
  }
  return { freeKiB, freePages, floatingPages };
}

/** Pages larger than those that all memory is made of: 4 KiB, or 64 KiB on some Arm and POWER hosts. */
const isHuge = (sizeKiB: number): boolean => sizeKiB > 64;

/** Modes under which memory comes from the cells that are named, and from no other. */
const BINDING: ReadonlySet<string | undefined> = new Set(['strict', 'restrictive']);

/** A VM's memory, guest cell by guest cell where these are bound to cells of their own. */
function partsOf({ cpu, memory }: DomainFacts, defaultPageKiB: number | undefined): Part[] {
  const page = memory.hugepages?.[0];
  const pageKiB = page === 'default' ? defaultPageKiB : page;
  const strict = BINDING.has(memory.numaMode) ? memory.numaNodeset : undefined;
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

interface Pages {
  readonly cell: number | undefined;
  readonly pageKiB: number;
  readonly count: number;
}

function pagesOf(parts: readonly Part[]): Pages[] {
  const found = new Map<string, Pages>();
  for (const { cell, sizeKiB, pageKiB } of parts) {
    if (pageKiB === undefined || pageKiB <= 0) continue;
    const key = `${cell} ${pageKiB}`;
    const count = (found.get(key)?.count ?? 0) + Math.ceil(sizeKiB / pageKiB);
    found.set(key, { cell, pageKiB, count });
  }
  return [...found.values()];
}

/** Takes pages from the cell that they are bound to, or notes that they will be taken somewhere. */
function book(
  free: ReadonlyMap<number, Map<number, number>>,
  floating: Map<number, number>,
  { cell, pageKiB }: Pages,
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

function promise(free: Map<number, number>, parts: readonly Part[]): void {
  for (const { cell, sizeKiB, pageKiB } of parts) {
    const had = cell === undefined ? undefined : free.get(cell);
    if (cell !== undefined && had !== undefined && pageKiB === undefined) {
      free.set(cell, Math.max(0, had - sizeKiB));
    }
  }
}

/** Of what runs and what boots next, the one that wants more: a VM is promised one or the other. */
function larger(live: readonly Part[], inactive: readonly Part[]): readonly Part[] {
  const sum = (parts: readonly Part[]): number => parts.reduce((total, part) => total + part.sizeKiB, 0);
  return sum(inactive) > sum(live) ? inactive : live;
}
