import type { DomainFacts } from '../../model/domain/domain.ts';
import { isHuge } from '../../model/huge-pools.ts';
import { pageDemandsOf } from '../../model/page-demand.ts';
import type { CellMemory } from '../facts/facts.ts';
import type { Assignment, PlacementRequest } from '../placement/types.ts';
import type { ReservedPages } from '../profile/reservations.ts';

/** A pool that is too small for what domains will boot with. */
export interface PageNeed {
  readonly cell: number;
  readonly sizeKiB: number;
  readonly total: number;
  readonly free: number;
  /** What the pool would have to be. */
  readonly wanted: number;
}

/** A domain that is placed, where, and what it runs on. */
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
 * What placed domains will boot with, beyond what is free for them and what they hold there themselves. `unpromised`: the
 * cells with only those pages free that nobody else will take. `defaultPageKiB`: the host's size of huge pages that name
 * none; absent: its smallest.
 */
export function pageNeeds(
  cells: readonly CellMemory[],
  unpromised: readonly CellMemory[],
  placed: readonly Placed[],
  defaultPageKiB?: number,
): PageNeed[] {
  const usualKiB = defaultPageKiB ?? smallestOf(cells);
  return sumUp(placed.flatMap((each) => beyondHeld(each, usualKiB))).flatMap(({ cell, sizeKiB, pages }) => {
    const { total, free } = poolIn(cells, cell, sizeKiB);
    const available = poolIn(unpromised, cell, sizeKiB).free;
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
 * What one domain wants beyond what it holds: a boot gives its pages back before it takes any. Only pages that it holds
 * in that cell alone count, since nobody can say where those of a domain that is bound to several cells lie.
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
 * Without the pages of memory devices, which a request does not count either. Those of a domain that prefers a cell count
 * where they lie elsewhere at worst: it starts with pages of any cell, unless it becomes bound.
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

/** By cell and size. */
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

/** Pools as large as they could be made, where a profile lets them grow: from memory that is free now. */
export function grown(cells: readonly CellMemory[]): CellMemory[] {
  return cells.map((cell) => ({
    ...cell,
    pages: cell.pages.map((pool) => ({
      ...pool,
      free: pool.free + Math.floor((cell.freeKiB ?? 0) / pool.sizeKiB),
    })),
  }));
}

/** Pools without what is kept for the host; what is kept anywhere is kept where most is free. */
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
