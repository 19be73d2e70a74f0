import type { PageDemand } from '../model/page-demand.ts';

const DEFAULT_HUGE_KIB = 2_048;

/** Pages of a cell's pool held by a running VM. */
export interface HeldPages {
  readonly cell: number;
  readonly sizeKiB: number;
  readonly count: number;
}

interface Pool {
  total: number;
  used: number;
  /** Pages in use above the requested pool size: freed as soon as they are returned. */
  surplus: number;
}

/** The host's hugepage pools by cell and size, and the pages that running VMs hold. */
export class PagePools {
  readonly #cells: readonly Map<number, Pool>[];

  constructor(cells: number, totals: ReadonlyMap<number, number>) {
    this.#cells = Array.from(
      { length: cells },
      () => new Map([...totals].map(([sizeKiB, total]) => [sizeKiB, { total, used: 0, surplus: 0 }])),
    );
  }

  get sizes(): number[] {
    return [...(this.#cells[0]?.keys() ?? [])];
  }

  has(sizeKiB: number): boolean {
    return this.#cells[0]?.has(sizeKiB) === true;
  }

  total(cell: number, sizeKiB: number): number {
    return this.#cells[cell]?.get(sizeKiB)?.total ?? 0;
  }

  free(cell: number, sizeKiB: number): number {
    const pool = this.#cells[cell]?.get(sizeKiB);
    return pool === undefined ? 0 : pool.total - pool.used;
  }

  /** Memory in pools, used or free. */
  pooledKiB(cell: number): number {
    return [...(this.#cells[cell] ?? [])].reduce((sum, [sizeKiB, { total }]) => sum + sizeKiB * total, 0);
  }

  /**
   * Resizes a pool within the available memory. Pages in use remain until they are returned, as in the kernel
   * (hugetlbpage.rst, surplus pages). Returns the resulting size.
   */
  resize(cell: number, sizeKiB: number, wanted: number, roomKiB: number): number {
    const pool = this.#cells[cell]?.get(sizeKiB);
    if (pool === undefined) return 0;
    const most = pool.total + Math.floor(Math.max(0, roomKiB) / sizeKiB);
    pool.total = Math.min(Math.max(wanted, pool.used), most);
    pool.surplus = Math.max(0, pool.total - wanted);
    return pool.total;
  }

  /**
   * Takes the pages that a start needs, all or none; undefined when there are too few. A demand that is not bound to a
   * cell takes from each in turn, from `preferred` ones first (set_mempolicy(2), MPOL_PREFERRED).
   */
  take(demands: readonly PageDemand[], preferred: Iterable<number> = []): HeldPages[] | undefined {
    const taken: HeldPages[] = [];
    for (const { sizeKiB: size, pages, cells } of demands) {
      const sizeKiB = size === 'default' ? DEFAULT_HUGE_KIB : size;
      let rest = pages;
      for (const cell of cells ?? new Set([...preferred, ...this.#cells.keys()])) {
        const count = Math.min(rest, this.free(cell, sizeKiB));
        if (count === 0) continue;
        const pool = this.#cells[cell]?.get(sizeKiB);
        if (pool !== undefined) pool.used += count;
        taken.push({ cell, sizeKiB, count });
        rest -= count;
      }
      if (rest > 0) {
        this.giveBack(taken);
        return undefined;
      }
    }
    return taken;
  }

  giveBack(pages: readonly HeldPages[]): void {
    for (const { cell, sizeKiB, count } of pages) {
      const pool = this.#cells[cell]?.get(sizeKiB);
      if (pool === undefined) continue;
      const gone = Math.min(count, pool.surplus);
      pool.used -= count;
      pool.surplus -= gone;
      pool.total -= gone;
    }
  }
}
