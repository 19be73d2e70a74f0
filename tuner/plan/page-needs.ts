import type { DomainFacts } from '../../model/domain/domain.ts';
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
 * cells with only those pages free that nobody else will take.
 */
export function pageNeeds(
  cells: readonly CellMemory[],
  unpromised: readonly CellMemory[],
  placed: readonly Placed[],
): PageNeed[] {
  const demands = new Map<string, Demand>();
  for (const demand of placed.flatMap(demandsOf)) {
    const key = `${demand.cell} ${demand.sizeKiB}`;
    demands.set(key, { ...demand, pages: demand.pages + (demands.get(key)?.pages ?? 0) });
  }
  return [...demands.values()].flatMap(({ cell, sizeKiB, pages }) => {
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

function demandsOf({ request, assignment, live }: Placed): Demand[] {
  const sizeKiB = request.pageKiB;
  if (sizeKiB === undefined) return [];
  const memoryKiB =
    request.kind === 'node' ? [request.memoryKiB] : request.cells.map((cell) => cell.memoryKiB);
  return memoryKiB.flatMap((kib, id) => {
    const cell = assignment.memoryCells[id];
    if (cell === undefined || holds(live, cell, sizeKiB)) return [];
    return [{ cell, sizeKiB, pages: Math.ceil(kib / sizeKiB) }];
  });
}

/** Whether it runs on such pages of that cell: a boot gives them back before it takes them. */
function holds(live: DomainFacts | undefined, cell: number, sizeKiB: number): boolean {
  const memory = live?.memory;
  return memory?.hugepages?.includes(sizeKiB) === true && memory.numaNodeset?.has(cell) === true;
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
