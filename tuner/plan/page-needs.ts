import type { DomainFacts } from '../../model/domain/domain.ts';
import { isHuge } from '../../model/huge-pools.ts';
import { pageDemandsOf } from '../../model/page-demand.ts';
import type { CellMemory } from '../facts/facts.ts';
import type { Assignment, PlacementRequest } from '../placement/types.ts';
import type { ReservedPages } from '../profile/reservations.ts';

/** A pool that is too small for the next boot of domains. */
export interface PageNeed {
  readonly cell: number;
  readonly sizeKiB: number;
  readonly total: number;
  readonly free: number;
  /** Required size of the pool. */
  readonly wanted: number;
}

/** A placed domain, its place, and its running definition. */
export interface Placed {
  readonly request: PlacementRequest;
  readonly assignment: Assignment;
  readonly live: DomainFacts | undefined;
}

interface Demand {
  readonly cell: number;
  readonly sizeKiB: number;
  readonly pages: number;
}

/**
 * Pages that placed domains need at boot beyond those free for them and those that they hold in the same cell.
 * `uncommitted`: the cells with only the pages counted as free that no other VM will take. `defaultPageKiB`: the host's
 * default huge page size; absent: its smallest.
 */
export function pageNeeds(
  cells: readonly CellMemory[],
  uncommitted: readonly CellMemory[],
  placed: readonly Placed[],
  defaultPageKiB?: number,
): PageNeed[] {
  const usualKiB = defaultPageKiB ?? smallestOf(cells);
  return sumUp(placed.flatMap((each) => beyondHeld(each, usualKiB))).flatMap(({ cell, sizeKiB, pages }) => {
    const { total, free } = poolIn(cells, cell, sizeKiB);
    const available = poolIn(uncommitted, cell, sizeKiB).free;
    return pages <= available ? [] : [{ cell, sizeKiB, total, free, wanted: total + pages - available }];
  });
}

function poolIn(
  cells: readonly CellMemory[],
  cell: number,
  sizeKiB: number,
): { total: number; free: number } {
  const pools = cells.find(({ id }) => id === cell)?.pages;
  return pools?.find((each) => each.sizeKiB === sizeKiB) ?? { total: 0, free: 0 };
}

/**
 * A domain's demand beyond what it holds, since a boot frees its pages before it takes any. Only pages held in that one
 * cell count: for a domain bound to several cells it is unknown where its pages are.
 */
function beyondHeld(placed: Placed, usualKiB: number | undefined): Demand[] {
  const held = heldBy(placed, usualKiB);
  return sumUp(demandsOf(placed)).map(({ cell, sizeKiB, pages }) => {
    const own = held.find((each) => each.cell === cell && each.sizeKiB === sizeKiB)?.pages ?? 0;
    return { cell, sizeKiB, pages: Math.max(0, pages - own) };
  });
}

function demandsOf({ request, assignment }: Placed): Demand[] {
  const sizeKiB = request.pageKiB;
  if (sizeKiB === undefined) return [];
  const memoryKiB =
    request.kind === 'node' ? [request.memoryKiB] : request.cells.map((cell) => cell.memoryKiB);
  return memoryKiB.flatMap((kib, id) => {
    const cell = assignment.memoryCells[id];
    return cell === undefined ? [] : [{ cell, sizeKiB, pages: Math.ceil(kib / sizeKiB) }];
  });
}

/**
 * Excludes pages of memory devices, which requests do not count either. Pages of a domain that only prefers a cell
 * count as held there; at worst they are elsewhere, but it then boots with pages of any cell, unless it becomes bound.
 */
function heldBy({ live, request }: Placed, usualKiB: number | undefined): Demand[] {
  if (live === undefined) return [];
  const { cpu, memory } = live;
  const prefers = !request.bound && memory.numaMode === 'preferred';
  const numaMode = prefers ? 'strict' : memory.numaMode;
  const demands = pageDemandsOf({ cpu, memory: { ...memory, numaMode, devices: [] } }, usualKiB);
  return sumUp(
    demands.flatMap(({ sizeKiB: size, pages, cells }) => {
      const [cell, sizeKiB] = [
        cells?.size === 1 ? cells.first : undefined,
        size === 'default' ? usualKiB : size,
      ];
      return cell === undefined || sizeKiB === undefined ? [] : [{ cell, sizeKiB, pages }];
    }),
  );
}

/** Merges demands by cell and size. */
function sumUp(demands: readonly Demand[]): Demand[] {
  const sums = new Map<string, Demand>();
  for (const demand of demands) {
    const key = `${demand.cell} ${demand.sizeKiB}`;
    sums.set(key, { ...demand, pages: demand.pages + (sums.get(key)?.pages ?? 0) });
  }
  return [...sums.values()];
}

function smallestOf(cells: readonly CellMemory[]): number | undefined {
  const sizes = cells.flatMap(({ pages }) => pages.map(({ sizeKiB }) => sizeKiB).filter(isHuge));
  return sizes.length === 0 ? undefined : Math.min(...sizes);
}

/** Pools as large as they could grow from memory that is free now, for profiles that allow it. */
export function grown(cells: readonly CellMemory[]): CellMemory[] {
  return cells.map((cell) => ({
    ...cell,
    pages: cell.pages.map((pool) => ({
      ...pool,
      free: pool.free + Math.floor((cell.freeKiB ?? 0) / pool.sizeKiB),
    })),
  }));
}

/** Pools minus the reserved pages; pages reserved without a cell come from where most are free. */
export function keepBack(cells: readonly CellMemory[], reserved: readonly ReservedPages[]): CellMemory[] {
  return reserved.reduce<CellMemory[]>(
    (left, { sizeKiB, cell, count }) => {
      const free = (each: CellMemory): number =>
        each.pages.find((pool) => pool.sizeKiB === sizeKiB)?.free ?? 0;
      let rest = count;
      const order = left
        .filter(({ id }) => cell === undefined || id === cell)
        .toSorted((a, b) => free(b) - free(a) || a.id - b.id);
      const kept = new Map<number, number>();
      for (const each of order) {
        const here = Math.min(rest, free(each));
        kept.set(each.id, here);
        rest -= here;
      }
      return left.map((each) => ({
        ...each,
        pages: each.pages.map((pool) =>
          pool.sizeKiB === sizeKiB ? { ...pool, free: pool.free - (kept.get(each.id) ?? 0) } : pool,
        ),
      }));
    },
    [...cells],
  );
}
