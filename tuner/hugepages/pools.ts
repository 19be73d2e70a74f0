import type { CellMemory } from '../facts/facts.ts';

type Pool = CellMemory['pages'][number];

/** Identifies a pool of huge pages. */
export interface PoolOfCell {
  readonly cell: number;
  readonly sizeKiB: number;
}

/** Undefined for a cell or a page size that the host does not have. */
export function poolOf(cells: readonly CellMemory[], { cell, sizeKiB }: PoolOfCell): Pool | undefined {
  return cells.find(({ id }) => id === cell)?.pages.find((pool) => pool.sizeKiB === sizeKiB);
}

/** The cells after one of their pools is resized to `to` pages and `returned` of its used pages become free. */
export function withPool(
  cells: readonly CellMemory[],
  { cell, sizeKiB, to, returned = 0 }: PoolOfCell & { readonly to: number; readonly returned?: number },
): readonly CellMemory[] {
  return cells.map((each) => ({
    ...each,
    pages: each.pages.map((pool) =>
      each.id === cell && pool.sizeKiB === sizeKiB
        ? { ...pool, total: to, free: Math.max(0, pool.free + returned + to - pool.total) }
        : pool,
    ),
  }));
}
