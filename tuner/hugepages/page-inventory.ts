import { CpuSet } from '../../model/cpu-set.ts';
import type { DomainFacts } from '../../model/domain/domain.ts';
import { isHuge } from '../../model/huge-pools.ts';
import { type PageDemand, pageDemandsOf } from '../../model/page-demand.ts';
import type { CellMemory, DomainState, DomainView } from '../facts/facts.ts';
import { poolOf } from './pools.ts';
import { spread } from './spread.ts';

/** Pages of one size in one cell. */
export interface PoolRow {
  readonly cell: number;
  readonly sizeKiB: number;
  readonly total: number;
  readonly free: number;
  /** Held by running domains that are bound to this cell alone. */
  readonly held: number;
  /** What domains bound to this cell alone will take at their next boot beyond what they hold. */
  readonly needed: number;
  readonly missing: number;
}

/** Likewise for domains whose pages may come from several cells; `cells` absent: from any. */
export interface SharedRow {
  readonly cells: CpuSet | undefined;
  readonly sizeKiB: number;
  readonly held: number;
  readonly needed: number;
  readonly missing: number;
}

/** Pages of one size that one domain holds and will take, from one choice of cells. */
export interface DomainPages {
  readonly domain: string;
  readonly sizeKiB: number;
  readonly cells: CpuSet | undefined;
  readonly held: number;
  /** Total at its next boot. */
  readonly wanted: number;
}

/** The host's hugepages: the pools, their users, and the demand of all domains' next boots. */
export interface PageInventory {
  readonly pools: readonly PoolRow[];
  readonly shared: readonly SharedRow[];
  readonly domains: readonly DomainPages[];
}

/**
 * Pure. A boot frees what the domain holds before it takes pages, so only the excess is needed; a domain whose binding
 * changes counts in full at its new place, since it is unknown where its pages are now. `allowedCells`: those whose
 * memory a domain's control group allows; absent: all.
 */
export function pageInventory(
  cells: readonly CellMemory[],
  states: readonly DomainState[],
  defaultPageKiB?: number,
  allowedCells: (facts: DomainFacts) => CpuSet | undefined = () => undefined,
): PageInventory {
  const sizes = [
    ...new Set(cells.flatMap(({ pages }) => pages.map(({ sizeKiB }) => sizeKiB).filter(isHuge))),
  ].sort((a, b) => a - b);
  const usualKiB = defaultPageKiB ?? sizes[0];
  const domains = states.flatMap((state) => pagesOf(state, usualKiB, allowedCells));
  const sums = sumUp(domains);
  const all = cells.map(({ id }) => id);
  const missing = new Map<Sum, number>();
  for (const sizeKiB of new Set([...sizes, ...sums.map((sum) => sum.sizeKiB)])) {
    const free = new Map(
      cells.map((cell) => [cell.id, poolOf(cells, { cell: cell.id, sizeKiB })?.free ?? 0]),
    );
    const own = sums.filter((sum) => sum.sizeKiB === sizeKiB);
    const given = spread(
      own.map(({ needed, cells: bound }) => ({
        pages: needed,
        cells: bound === undefined ? all : [...bound],
      })),
      free,
    );
    own.forEach((sum, index) => {
      missing.set(sum, sum.needed - (given[index] ?? 0));
    });
  }
  const alone = (cell: number, sizeKiB: number): Sum | undefined =>
    sums.find((sum) => sum.sizeKiB === sizeKiB && sum.cells?.size === 1 && sum.cells.first === cell);
  const pools = cells.flatMap((cell) =>
    sizes.flatMap((sizeKiB): PoolRow[] => {
      const pool = poolOf(cells, { cell: cell.id, sizeKiB });
      const sum = alone(cell.id, sizeKiB);
      if (pool === undefined && sum === undefined) return [];
      const { total, free } = pool ?? { total: 0, free: 0 };
      const { held, needed } = sum ?? { held: 0, needed: 0 };
      return [
        { cell: cell.id, sizeKiB, total, free, held, needed, missing: sum ? (missing.get(sum) ?? 0) : 0 },
      ];
    }),
  );
  // Demand for a cell or size that this host lacks is listed beside the pools, since it has no pool.
  const shown = new Set(pools.map(({ cell, sizeKiB }) => alone(cell, sizeKiB)));
  const shared = sums
    .filter((sum) => !shown.has(sum))
    .map((sum): SharedRow => ({ ...sum, missing: missing.get(sum) ?? 0 }));
  return { pools, shared, domains };
}

function pagesOf(
  { domain, live, inactive }: DomainState,
  usualKiB: number | undefined,
  allowedCells: (facts: DomainFacts) => CpuSet | undefined,
): DomainPages[] {
  const found = new Map<string, DomainPages>();
  const note = (view: DomainView | undefined, what: 'held' | 'wanted'): void => {
    for (const { sizeKiB: size, pages, cells: bound } of demandsOf(view, usualKiB)) {
      const cells = bound ?? (view && allowedCells(view.facts));
      const sizeKiB = size === 'default' ? usualKiB : size;
      if (sizeKiB === undefined) continue;
      const key = `${sizeKiB} ${cells}`;
      const known = found.get(key) ?? { domain: domain.name, sizeKiB, cells, held: 0, wanted: 0 };
      found.set(key, { ...known, [what]: known[what] + pages });
    }
  };
  note(live, 'held');
  note(inactive, 'wanted');
  return [...found.values()];
}

function demandsOf(view: DomainView | undefined, usualKiB: number | undefined): PageDemand[] {
  return view === undefined ? [] : pageDemandsOf(view.facts, usualKiB);
}

interface Sum {
  readonly sizeKiB: number;
  readonly cells: CpuSet | undefined;
  readonly held: number;
  readonly needed: number;
}

/** Sums over all domains, by size and binding; sorted by size, then by cells, unbound ones last. */
function sumUp(domains: readonly DomainPages[]): Sum[] {
  const sums = new Map<string, Sum>();
  for (const { sizeKiB, cells, held, wanted } of domains) {
    const key = `${sizeKiB} ${cells}`;
    const sum = sums.get(key) ?? { sizeKiB, cells, held: 0, needed: 0 };
    sums.set(key, { ...sum, held: sum.held + held, needed: sum.needed + Math.max(0, wanted - held) });
  }
  const rank = ({ cells }: Sum): number => cells?.first ?? Number.POSITIVE_INFINITY;
  return [...sums.values()].sort(
    (a, b) =>
      a.sizeKiB - b.sizeKiB || (a.cells?.size ?? 99) - (b.cells?.size ?? 99) || compare(rank(a), rank(b)),
  );
}

const compare = (a: number, b: number): number => (a === b ? 0 : a < b ? -1 : 1);

/** Domains of this row that need more pages than they hold. */
export function whoLacks({ domains }: PageInventory, row: PoolRow | SharedRow): DomainPages[] {
  const cells = 'cell' in row ? CpuSet.of([row.cell]) : row.cells;
  return domains.filter(
    (each) => each.sizeKiB === row.sizeKiB && `${each.cells}` === `${cells}` && each.wanted > each.held,
  );
}
