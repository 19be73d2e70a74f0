import { terminalText } from '../../model/terminal-text.ts';
import type { Problem } from '../errors.ts';
import { sizeText } from '../settings/values.ts';
import { textTable } from '../text-table.ts';
import type { Growth } from './growth.ts';
import { type PageInventory, type PoolRow, type SharedRow, whoLacks } from './page-inventory.ts';
import type { Permanence } from './permanent.ts';

const HEAD = ['cell', 'size', 'total', 'free', 'held by VMs', 'needed at next boots', 'missing'];

/** The inventory as a table, followed by the domains that will lack pages. */
export function reportPages(inventory: PageInventory): string[] {
  if (inventory.pools.length === 0 && inventory.shared.length === 0)
    return ['this host reports no huge page pools'];
  const rows = [
    ...inventory.pools.map((row) => [
      String(row.cell),
      sizeText(row.sizeKiB),
      String(row.total),
      String(row.free),
      ...counts(row),
    ]),
    ...inventory.shared.map((row) => [placesOf(row), sizeText(row.sizeKiB), '', '', ...counts(row)]),
  ];
  const short = [...inventory.pools, ...inventory.shared].filter(({ missing }) => missing > 0);
  return [
    ...textTable(HEAD, rows),
    ...(short.length === 0 ? ['every defined domain gets its huge pages at its next boot'] : []),
    ...short.map((row) => terminalText(lacks(inventory, row))),
  ];
}

const counts = ({ held, needed, missing }: PoolRow | SharedRow): string[] => [
  String(held),
  String(needed),
  missing === 0 ? '-' : String(missing),
];

const placesOf = ({ cells }: SharedRow): string => (cells === undefined ? 'any' : cells.toString());

function lacks(inventory: PageInventory, row: PoolRow | SharedRow): string {
  const where =
    'cell' in row ? `cell ${row.cell}` : row.cells === undefined ? 'the host' : `cells ${row.cells}`;
  const who = whoLacks(inventory, row).map(
    ({ domain, held, wanted }) => `${JSON.stringify(domain)} (${wanted - held})`,
  );
  return `${where} lacks ${row.missing} pages of ${sizeText(row.sizeKiB)}, needed by ${who.join(', ')}`;
}

/** The pools that would grow, and those that cannot. */
export function reportGrowth({ steps, problems }: Growth, { pools }: PageInventory): string[] {
  return [
    ...steps.map(({ cell, sizeKiB, to }) => {
      const total = pools.find((pool) => pool.cell === cell && pool.sizeKiB === sizeKiB)?.total ?? 0;
      return `cell ${cell}: ${sizeText(sizeKiB)} pages, from ${total} to ${to}`;
    }),
    ...problems.map(problemText),
  ];
}

export const problemText = ({ code, text, next }: Problem): string =>
  terminalText(`${text} (${code})${next === undefined ? '' : `; ${next}`}`);

/** The inventory as JSON. The format is stable: fields are added, never changed. */
export function pageInventoryJson(
  hostname: string,
  inventory: PageInventory,
  growth: Growth,
  permanent: Permanence | undefined,
): object {
  return {
    format: 1,
    host: hostname,
    pools: inventory.pools,
    shared: inventory.shared.map((row) => ({
      ...row,
      cells: row.cells === undefined ? null : [...row.cells],
    })),
    domains: inventory.domains.map((each) => ({
      ...each,
      cells: each.cells === undefined ? null : [...each.cells],
    })),
    growth: {
      pools: growth.steps.map(({ cell, sizeKiB, to }) => ({ cell, sizeKiB, to })),
      problems: growth.problems.map(({ code, text, next }) => ({ code, text, next: next ?? null })),
    },
    permanent: permanent === undefined ? null : { ...permanent, sysctl: permanent.sysctl ?? null },
  };
}
