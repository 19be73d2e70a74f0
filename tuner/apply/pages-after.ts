import { TunerError } from '../errors.ts';
import type { CellMemory, DomainState } from '../facts/facts.ts';
import { type DomainPages, pageInventory } from '../hugepages/page-inventory.ts';
import { markOf } from '../plan/plan.ts';
import { quoted } from '../steps/domain-run.ts';
import type { StepOf } from '../steps/step.ts';
import type { HostState } from './host-state.ts';

/** How many pages the next boots of those domains will not find. */
export function missingPages(cells: readonly CellMemory[], states: readonly DomainState[]): number {
  const { pools, shared } = pageInventory(cells, states);
  return [...pools, ...shared].reduce((sum, { missing }) => sum + missing, 0);
}

/** Pages of a pool that domains hold which are bound to its cell. */
export function heldIn(
  cells: readonly CellMemory[],
  states: readonly DomainState[],
  cell: number,
  sizeKiB: number,
): number {
  const { pools } = pageInventory(cells, states);
  return pools.find((pool) => pool.cell === cell && pool.sizeKiB === sizeKiB)?.held ?? 0;
}

const takesPages = ({ live, inactive }: DomainState): boolean =>
  [live, inactive].some((view) => view?.facts.memory.hugepages !== undefined);

export function poolOf(
  cells: readonly CellMemory[],
  { cell, sizeKiB }: { readonly cell: number; readonly sizeKiB: number },
): CellMemory['pages'][number] | undefined {
  return cells.find(({ id }) => id === cell)?.pages.find((pool) => pool.sizeKiB === sizeKiB);
}

/**
 * The cells as if some domains did not run. Where the pages of one that is bound to a cell are is known; one that only
 * prefers a cell, or is bound to none, has its pages where no bound domain accounts for those in use, in cells that it
 * prefers first.
 */
function withoutRuns(
  cells: readonly CellMemory[],
  states: readonly DomainState[],
  stops: (state: DomainState) => boolean,
): CellMemory[] {
  const own = states.filter(stops);
  const isBound = ({ cells: bound }: DomainPages): boolean => bound?.size === 1;
  const { domains } = pageInventory(cells, states);
  const known = (cell: number, sizeKiB: number): number =>
    domains
      .filter((each) => isBound(each) && each.sizeKiB === sizeKiB && each.cells?.has(cell) === true)
      .reduce((sum, { held }) => sum + held, 0);
  const back = new Map<string, number>();
  const key = (cell: number, sizeKiB: number): string => `${cell} ${sizeKiB}`;
  const give = (cell: number, { sizeKiB }: DomainPages, most: number): number => {
    const pool = poolOf(cells, { cell, sizeKiB });
    const given = back.get(key(cell, sizeKiB)) ?? 0;
    const pages = pool === undefined ? 0 : Math.max(0, Math.min(most, pool.total - pool.free - given));
    back.set(key(cell, sizeKiB), given + pages);
    return pages;
  };
  const held = pageInventory(cells, own).domains;
  for (const each of held.filter(isBound)) for (const cell of each.cells ?? []) give(cell, each, each.held);
  const guessed = new Map<string, number>();
  for (const each of held.filter((other) => !isBound(other))) {
    const live = own.find(({ domain }) => domain.name === each.domain)?.live;
    const prefers = (cell: number): number => (live?.facts.memory.numaNodeset?.has(cell) === true ? 0 : 1);
    const choice = cells
      .map(({ id }) => id)
      .filter((id) => each.cells?.has(id) !== false)
      .toSorted((a, b) => prefers(a) - prefers(b) || a - b);
    let rest = each.held;
    for (const cell of choice) {
      const pool = poolOf(cells, { cell, sizeKiB: each.sizeKiB });
      const at = key(cell, each.sizeKiB);
      const used = (pool?.total ?? 0) - (pool?.free ?? 0);
      const unknown = used - known(cell, each.sizeKiB) - (guessed.get(at) ?? 0);
      const pages = give(cell, each, Math.max(0, Math.min(rest, unknown)));
      guessed.set(at, (guessed.get(at) ?? 0) + pages);
      rest -= pages;
    }
    for (const cell of choice) rest -= give(cell, each, rest);
  }
  return cells.map((cell) => ({
    ...cell,
    pages: cell.pages.map((pool) => ({
      ...pool,
      free: pool.free + (back.get(key(cell.id, pool.sizeKiB)) ?? 0),
    })),
  }));
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

/** A pool of pages, and the size that it is to go back to. */
export interface PoolShrink {
  readonly step: StepOf<'hostPages'>;
  readonly to: number;
}

/**
 * Counts what every domain's next boot will want of the pools once a rollback is done.
 *
 * `redefined`: UUIDs of domains whose definition goes back. They give back what they hold before they boot.
 * @throws TunerError TUNE_CHANGED when a boot would lack pages, or a pool cannot shrink because others use its pages.
 */
export function checkBoots(
  { host: { cells }, domains }: HostState,
  {
    after,
    redefined,
    shrinks,
  }: {
    readonly after: readonly DomainState[];
    readonly redefined: ReadonlySet<string>;
    readonly shrinks: readonly PoolShrink[];
  },
): void {
  if (![...domains, ...after].some(takesPages)) return;
  const isOwn = ({ domain }: DomainState): boolean => redefined.has(domain.uuid);
  const stopped = (state: DomainState): DomainState => (isOwn(state) ? { ...state, live: undefined } : state);
  const free = withoutRuns(cells, domains, isOwn);
  for (const { step, to } of shrinks) {
    const pool = poolOf(free, step);
    if (pool === undefined || pool.total - pool.free <= to) continue;
    throw new TunerError(
      'TUNE_CHANGED',
      `cell ${step.cell} cannot return to ${to} pages of ${step.sizeKiB} KiB: other VMs use ${pool.total - pool.free} of them now; roll back the changes to these VMs first, or use --force to roll back this transaction anyway`,
    );
  }
  const smaller = shrinks.reduce<readonly CellMemory[]>(
    (all, { step, to }) => withPool(all, { ...step, to, returned: 0 }),
    free,
  );
  // What nobody has tuned with virtune lacked its pages before the transaction as well.
  const isTuned = (state: DomainState): boolean => isOwn(state) || markOf(state) !== undefined;
  const then = after.map(stopped).filter(isTuned);
  const lacking = missingPages(smaller, then);
  if (lacking <= missingPages(free, domains.map(stopped).filter(isTuned))) return;
  const names = then.filter(takesPages).map(({ domain }) => quoted(domain));
  throw new TunerError(
    'TUNE_CHANGED',
    `${lacking} huge pages would be missing at the next boot of ${names.join(' or ')}: later changes use them; roll those back first, or use --force to roll back this transaction anyway`,
  );
}
