import type { Column } from '../columns/column.ts';
import { vmColumns } from '../columns/vm-columns.ts';
import { type Comparison, parseFilter, type Test } from '../model/filter.ts';
import { HostAdvice } from '../model/host-advice.ts';
import { type HostView, type Scene, sceneOf } from '../model/host-view.ts';
import { type Sort, sorted } from '../model/sort.ts';
import type { Vm } from '../model/vm.ts';

export interface BatchOptions {
  readonly format: 'text' | 'json' | 'csv';
  readonly filter: string;
  readonly sort: Sort;
  readonly thresholds: readonly Comparison<Vm>[];
}

/** The VMs that pass the filter, sorted. */
export function chosen(scene: Scene, { filter, sort }: Pick<BatchOptions, 'filter' | 'sort'>): readonly Vm[] {
  const passes: Test<Vm> = parseFilter(filter, vmColumns, (vm) => vm.name);
  const column = vmColumns.find(({ id }) => id === sort.column);
  return sorted(
    scene.vms.filter(passes),
    column,
    sort.descending,
    (vm) => vm.key,
    (vm) => vm.name,
  );
}

/** A VM that exceeds a threshold. */
export interface Crossing {
  readonly vm: Vm;
  readonly threshold: Comparison<Vm>;
  readonly value: number | string;
}

export function crossings(vms: readonly Vm[], thresholds: readonly Comparison<Vm>[]): Crossing[] {
  return thresholds.flatMap((threshold) =>
    vms.flatMap((vm) => {
      const value = threshold.column.read(vm);
      return value !== undefined && threshold.test(vm) ? [{ vm, threshold, value }] : [];
    }),
  );
}

/**
 * What is known at the time of the scene. On a screen, a host that is down keeps its last figures, shown with their
 * age; printed with a new timestamp those figures would be wrong.
 */
export function knownNow(scene: Scene): Scene {
  const hosts = scene.hosts.map((host) => (host.down === undefined ? host : withoutFigures(host)));
  return sceneOf(hosts, scene.atMs);
}

function withoutFigures(host: HostView): HostView {
  return { ...host, sample: undefined, rates: undefined, vms: [], advice: new HostAdvice(undefined) };
}

/** The value for JSON and CSV: rounded to four decimal places. */
export function rounded<Row>(column: Column<Row>, row: Row): number | string | undefined {
  const value = column.read(row);
  return typeof value === 'number' ? Math.round(value * 1e4) / 1e4 : value;
}
