import type { CellMemory, DomainState } from '../facts/facts.ts';
import { pageLedger } from '../hugepages/ledger.ts';

/** How many pages the next boots of those domains will not find. */
export function missingPages(cells: readonly CellMemory[], states: readonly DomainState[]): number {
  const { pools, shared } = pageLedger(cells, states);
  return [...pools, ...shared].reduce((sum, { missing }) => sum + missing, 0);
}

/** Pages of a pool that domains hold which are bound to its cell. */
export function heldIn(
  cells: readonly CellMemory[],
  states: readonly DomainState[],
  cell: number,
  sizeKiB: number,
): number {
  const { pools } = pageLedger(cells, states);
  return pools.find((pool) => pool.cell === cell && pool.sizeKiB === sizeKiB)?.held ?? 0;
}

export const takesPages = ({ live, inactive }: DomainState): boolean =>
  [live, inactive].some((view) => view?.facts.memory.hugepages !== undefined);

export function poolOf(
  cells: readonly CellMemory[],
  { cell, sizeKiB }: { readonly cell: number; readonly sizeKiB: number },
): CellMemory['pages'][number] | undefined {
  return cells.find(({ id }) => id === cell)?.pages.find((pool) => pool.sizeKiB === sizeKiB);
}

/** The cells as if these domains did not run; what one bound to no cell holds is taken to be where pages are in use. */
export function withoutRuns(cells: readonly CellMemory[], states: readonly DomainState[]): CellMemory[] {
  // Those that are bound first: where their pages are is known.
  const { domains } = pageLedger(cells, states);
  const inOrder = domains.toSorted((a, b) => (a.cells?.size ?? 99) - (b.cells?.size ?? 99));
  return inOrder.reduce<CellMemory[]>(
    (all, { sizeKiB, cells: bound, held }) => {
      let rest = held;
      return all.map((each) => ({
        ...each,
        pages: each.pages.map((pool) => {
          if (pool.sizeKiB !== sizeKiB || bound?.has(each.id) === false) return pool;
          const back = Math.min(rest, pool.total - pool.free);
          rest -= back;
          return { ...pool, free: pool.free + back };
        }),
      }));
    },
    [...cells],
  );
}

/** The cells once one of their pools has another size, and `returned` of its pages are given back. */
export function withPool(
  cells: readonly CellMemory[],
  of: { readonly cell: number; readonly sizeKiB: number; readonly to: number; readonly returned: number },
): CellMemory[] {
  return cells.map((each) => ({
    ...each,
    pages: each.pages.map((pool) =>
      each.id === of.cell && pool.sizeKiB === of.sizeKiB
        ? { ...pool, total: of.to, free: Math.max(0, pool.free + of.returned + of.to - pool.total) }
        : pool,
    ),
  }));
}
