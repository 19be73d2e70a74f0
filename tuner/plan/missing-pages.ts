import { domainView } from '../facts/domain-view.ts';
import { type CellMemory, type DomainState, memoryCellsOn } from '../facts/facts.ts';
import { type PoolRow, pageInventory, type SharedRow, whoLacks } from '../hugepages/page-inventory.ts';
import { withPool } from '../hugepages/pools.ts';
import type { Refusal } from '../placement/types.ts';
import { sizeText } from '../settings/values.ts';
import type { Step } from '../steps/step.ts';
import { keepBack } from './page-needs.ts';
import type { DomainPlan } from './plan.ts';
import type { PlanInput } from './plan-input.ts';

/**
 * For placed VMs, placement takes care of huge pages. A VM without placement (`cpu.pinning` is `none` or not set) takes
 * its pages from any cell that has some: it is refused if too few are left, since it would not start. `hostSteps`:
 * changes that the plan first makes to the pools.
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
    if (plan?.definition === undefined) return state;
    return { ...state, inactive: domainView(plan.definition.after, 'the definition') };
  });
  const cellsThen = hostSteps.reduce(
    (cells, step) => (step.kind === 'hostPages' ? withPool(cells, step) : cells),
    host.cells,
  );
  const inventoryOf = (cells: readonly CellMemory[], states: readonly DomainState[]) =>
    pageInventory(keepBack(cells, reservedPages), states, host.local?.defaultPageKiB, memoryCellsOn(host));
  const [now, then] = [inventoryOf(host.cells, domains), inventoryOf(cellsThen, after)];
  const rows = [...then.pools, ...then.shared].filter((row) => row.missing > missingIn(now, row));
  return unplaced.flatMap(({ state: { domain } }) => {
    const row = rows.find((each) => whoLacks(then, each).some((who) => who.domain === domain.name));
    return row === undefined ? [] : [refusal(domain.name, row)];
  });
}

const placeOf = (row: PoolRow | SharedRow): string =>
  `${'cell' in row ? row.cell : (row.cells ?? '')} ${row.sizeKiB}`;

const missingIn = (inventory: ReturnType<typeof pageInventory>, row: PoolRow | SharedRow): number =>
  [...inventory.pools, ...inventory.shared].find((each) => placeOf(each) === placeOf(row))?.missing ?? 0;

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
