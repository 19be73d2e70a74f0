import { parseDomain } from '../../model/domain/domain.ts';
import { parseXml } from '../../model/xml.ts';
import { type CellMemory, type DomainState, memoryCellsOn } from '../facts/facts.ts';
import { type PoolRow, pageInventory, type SharedRow, whoLacks } from '../hugepages/page-inventory.ts';
import type { Refusal } from '../placement/types.ts';
import { sizeText } from '../settings/values.ts';
import type { Step } from '../steps/step.ts';
import { keepBack } from './page-needs.ts';
import type { DomainPlan } from './plan.ts';
import type { PlanInput } from './plan-input.ts';

/**
 * Huge pages are a matter of placement for VMs that are placed. One that is not (`cpu.pinning: none`, or no word of it)
 * takes its pages from wherever there are some: it is refused where too few are left, as it would not start.
 * `hostSteps`: what the plan does to the pools first.
 */
export function refuseMissingPages(
  { host, domains, reservedPages = [] }: PlanInput,
  plans: readonly DomainPlan[],
  isPlaced: (plan: DomainPlan) => boolean,
  hostSteps: readonly Step[],
): Refusal[] {
  const changed = plans.filter(({ definition }) => definition !== undefined);
  const unplaced = changed.filter((plan) => !isPlaced(plan));
  if (unplaced.length === 0) return [];
  const after = domains.map((state) => {
    const plan = changed.find((each) => each.state.domain.uuid === state.domain.uuid);
    return plan?.definition === undefined ? state : redefined(state, plan.definition.after);
  });
  const ledgerOf = (cells: readonly CellMemory[], states: readonly DomainState[]) =>
    pageInventory(keepBack(cells, reservedPages), states, host.local?.defaultPageKiB, memoryCellsOn(host));
  const [now, then] = [ledgerOf(host.cells, domains), ledgerOf(resized(host.cells, hostSteps), after)];
  const rows = [...then.pools, ...then.shared].filter((row) => row.missing > missingIn(now, row));
  return unplaced.flatMap(({ state: { domain } }) => {
    const row = rows.find((each) => whoLacks(then, each).some((who) => who.domain === domain.name));
    return row === undefined ? [] : [refusal(domain.name, row)];
  });
}

function redefined(state: DomainState, xml: string): DomainState {
  const what = 'the definition';
  return { ...state, inactive: { xml, root: parseXml(what, xml, 'domain'), facts: parseDomain(xml, what) } };
}

function resized(cells: readonly CellMemory[], steps: readonly Step[]): CellMemory[] {
  return cells.map((cell) => ({
    ...cell,
    pages: cell.pages.map((pool) => {
      const step = steps.find(
        (each) => each.kind === 'hostPages' && each.cell === cell.id && each.sizeKiB === pool.sizeKiB,
      );
      if (step?.kind !== 'hostPages') return pool;
      return { ...pool, total: step.to, free: Math.max(0, pool.free + step.to - pool.total) };
    }),
  }));
}

const placeOf = (row: PoolRow | SharedRow): string =>
  `${'cell' in row ? row.cell : (row.cells ?? '')} ${row.sizeKiB}`;

const missingIn = (ledger: ReturnType<typeof pageInventory>, row: PoolRow | SharedRow): number =>
  [...ledger.pools, ...ledger.shared].find((each) => placeOf(each) === placeOf(row))?.missing ?? 0;

function refusal(guest: string, row: PoolRow | SharedRow): Refusal {
  const where =
    'cell' in row ? ` in cell ${row.cell}` : row.cells === undefined ? '' : ` in cells ${row.cells}`;
  const pages = row.missing === 1 ? 'page' : 'pages';
  return {
    guest,
    code: 'NO_PAGES',
    text: `${row.missing.toLocaleString('en')} ${pages} of ${sizeText(row.sizeKiB)} are missing${where} for ${guest} to start`,
    next: `allocate them first (virsh allocpages), or place the VM (cpu.pinning: cell) with a profile whose host knob hugepages is as-needed`,
  };
}
