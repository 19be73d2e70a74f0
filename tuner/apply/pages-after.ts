import { pageDemandsOf } from '../../model/page-demand.ts';
import { TunerError } from '../errors.ts';
import { type DomainState, type HostFacts, memoryCellsOn } from '../facts/facts.ts';
import { type DomainPages, type PageInventory, pageInventory } from '../hugepages/page-inventory.ts';
import { type PoolOfCell, poolOf, withPool } from '../hugepages/pools.ts';
import { markOf } from '../plan/plan.ts';
import { quoted } from '../steps/domain-run.ts';
import type { StepOf } from '../steps/step.ts';
import type { HostState } from './host-state.ts';

/** Huge pages of these domains only; each takes them from cells that its control group allows. */
function inventoryOf(host: HostFacts, states: readonly DomainState[]): PageInventory {
  return pageInventory(host.cells, states, host.local?.defaultPageKiB, memoryCellsOn(host));
}

/** How many pages the next boots of those domains would lack. */
export function missingPages(host: HostFacts, states: readonly DomainState[]): number {
  const { pools, shared } = inventoryOf(host, states);
  return [...pools, ...shared].reduce((sum, { missing }) => sum + missing, 0);
}

/** Pages of a pool held by domains that are bound to its cell. */
export function heldIn(
  host: HostFacts,
  states: readonly DomainState[],
  cell: number,
  sizeKiB: number,
): number {
  const { pools } = inventoryOf(host, states);
  return pools.find((pool) => pool.cell === cell && pool.sizeKiB === sizeKiB)?.held ?? 0;
}

const takesPages = ({ live, inactive }: DomainState): boolean =>
  [live, inactive].some((view) => view !== undefined && pageDemandsOf(view.facts).length > 0);

/**
 * The host as if some domains did not run. The pages of a domain that is bound to one cell are known to be there. A
 * domain that only prefers a cell, or is not bound, is assumed to have pages in use that no bound domain accounts for,
 * in preferred cells first.
 */
function withoutRuns(
  host: HostFacts,
  states: readonly DomainState[],
  stops: (state: DomainState) => boolean,
): HostFacts {
  const { cells } = host;
  const own = states.filter(stops);
  const isBound = ({ cells: bound }: DomainPages): boolean => bound?.size === 1;
  const { domains } = inventoryOf(host, states);
  const known = (cell: number, sizeKiB: number): number =>
    domains
      .filter((each) => isBound(each) && each.sizeKiB === sizeKiB && each.cells?.has(cell) === true)
      .reduce((sum, { held }) => sum + held, 0);
  const back = new Map<string, number>();
  const key = (cell: number, sizeKiB: number): string => `${cell} ${sizeKiB}`;
  const give = (cell: number, { sizeKiB }: DomainPages, max: number): number => {
    const given = back.get(key(cell, sizeKiB)) ?? 0;
    const pages = Math.max(0, Math.min(max, usedIn(host, { cell, sizeKiB }) - given));
    back.set(key(cell, sizeKiB), given + pages);
    return pages;
  };
  const held = inventoryOf(host, own).domains;
  for (const each of held.filter(isBound)) for (const cell of each.cells ?? []) give(cell, each, each.held);
  const guessed = new Map<string, number>();
  for (const each of held.filter((other) => !isBound(other))) {
    const live = own.find(({ domain }) => domain.name === each.domain)?.live;
    const isPreferred = (cell: number): boolean => live?.facts.memory.numaNodeset?.has(cell) ?? false;
    const choice = cells
      .map(({ id }) => id)
      .filter((id) => each.cells?.has(id) ?? true)
      .toSorted((a, b) => Number(isPreferred(b)) - Number(isPreferred(a)));
    let rest = each.held;
    for (const cell of choice) {
      const { sizeKiB } = each;
      const at = key(cell, sizeKiB);
      const unknown = usedIn(host, { cell, sizeKiB }) - known(cell, sizeKiB) - (guessed.get(at) ?? 0);
      const pages = give(cell, each, Math.min(rest, unknown));
      guessed.set(at, (guessed.get(at) ?? 0) + pages);
      rest -= pages;
    }
    for (const cell of choice) rest -= give(cell, each, rest);
  }
  const after = cells.map((cell) => ({
    ...cell,
    pages: cell.pages.map((pool) => ({
      ...pool,
      free: pool.free + (back.get(key(cell.id, pool.sizeKiB)) ?? 0),
    })),
  }));
  return { ...host, cells: after };
}

/** A page pool, and the size that it returns to. */
export interface PoolShrink {
  readonly step: StepOf<'hostPages'>;
  readonly to: number;
}

/** What a rollback will do to huge pages. */
export interface PagesRollback {
  /** Of the transaction, for messages. */
  readonly id: string;
  readonly restarts: boolean;
  /** All domains of the host after the rollback. */
  readonly after: readonly DomainState[];
  /** UUIDs of domains whose definition is restored. They free their pages before they boot. */
  readonly redefined: ReadonlySet<string>;
  readonly shrinks: readonly PoolShrink[];
}

/**
 * Counts the pages that every domain's next boot will need from the pools after a rollback.
 *
 * @throws TunerError TUNE_CHANGED when a boot would lack pages, or a pool cannot shrink because its pages are in use:
 * by other VMs, or, without restarts, by VMs of the transaction.
 */
export function checkPagesForBoots({ host, domains }: HostState, rollback: PagesRollback): void {
  const { after, redefined, shrinks } = rollback;
  if (![...domains, ...after].some(takesPages)) return;
  const isOwn = ({ domain }: DomainState): boolean => redefined.has(domain.uuid);
  const stopped = (state: DomainState): DomainState => (isOwn(state) ? { ...state, live: undefined } : state);
  const free = withoutRuns(host, domains, isOwn);
  for (const { step, to } of shrinks) {
    const used = usedIn(free, step);
    if (used <= to) continue;
    throw new TunerError(
      'TUNE_CHANGED',
      `${poolText(step, to)}: other VMs use ${used} of them now; roll back the changes to these VMs first, or use --force to roll back this transaction anyway`,
    );
  }
  if (!rollback.restarts) checkInUse({ host, domains: domains.filter(isOwn) }, rollback);
  const cells = shrinks.reduce((all, { step, to }) => withPool(all, { ...step, to }), free.cells);
  const smaller = { ...free, cells };
  // A domain that was not tuned with virtune lacked its pages before the transaction as well.
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

/**
 * `domains`: those of the transaction. They keep running, and hold their pages until they stop.
 * @throws TunerError TUNE_CHANGED when a pool cannot shrink before that.
 */
function checkInUse({ host, domains }: HostState, { id, shrinks }: PagesRollback): void {
  for (const { step, to } of shrinks) {
    const used = usedIn(host, step);
    if (used <= to) continue;
    const users = inventoryOf(host, domains).domains.filter(
      ({ held, sizeKiB, cells }) => held > 0 && sizeKiB === step.sizeKiB && cells?.has(step.cell) !== false,
    );
    const names = users.map(({ domain }) => JSON.stringify(domain)).join(' and ');
    throw new TunerError(
      'TUNE_CHANGED',
      `transaction ${id} cannot be rolled back now, and nothing was changed: ${poolText(step, to)}: ${used} of them are in use until the next boot of ${names}; restart now (virtune tune rollback ${id} --restart), or use --force to restore all but the pool, and virtune tune recover after the boot`,
    );
  }
}

function usedIn(host: HostFacts, of: PoolOfCell): number {
  const pool = poolOf(host.cells, of);
  return pool === undefined ? 0 : pool.total - pool.free;
}

const poolText = ({ cell, sizeKiB }: StepOf<'hostPages'>, to: number): string =>
  `cell ${cell} cannot return to ${to} pages of ${sizeKiB} KiB`;
