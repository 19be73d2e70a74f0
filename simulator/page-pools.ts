import type { PageDemand } from '../model/page-demand.ts';

const DEFAULT_HUGE_KIB = 2_048;

/** Pages of a cell's pool that a running VM holds. */
export interface HeldPages {
  readonly cell: number;
  readonly sizeKiB: number;
  readonly count: number;
}

interface Pool {
  total: number;
  used: number;
  /** Of those in use: they leave the pool as soon as they are given back. */
  surplus: number;
}

/** The host's pools of hugepages, by cell and size, and what running VMs hold of them. */
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

  /** Memory that is in pools, used or not. */
  pooledKiB(cell: number): number {
    return [...(this.#cells[cell] ?? [])].reduce((sum, [sizeKiB, { total }]) => sum + sizeKiB * total, 0);
  }

  /**
   * Pages in use stay until they are given back, as the kernel keeps them (hugetlbpage.rst, surplus pages), and there is
   * only so much room. What it became is given back.
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
   * Takes the pages that a start needs; undefined, and nothing taken, when some are not there. A demand that is
   * bound to no cell takes from each in turn, from `preferred` ones first (set_mempolicy(2), MPOL_PREFERRED).
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
