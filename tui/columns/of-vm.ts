import type { Vm } from '../model/vm.ts';
import type { Column } from './column.ts';
import type { DiffRow } from './diff-columns.ts';
import { vmColumns } from './vm-columns.ts';

/** The columns of a VM, for rows that belong to one. */
function vmColumnsOf<Row>(vmOf: (row: Row) => Vm | undefined): readonly Column<Row>[] {
  return vmColumns.map(({ id, aliases, title, unit, width, help, metrics, read }) => ({
    ...{ id, aliases, title, unit, width, help, metrics },
    read: (row) => {
      const vm = vmOf(row);
      return vm === undefined ? undefined : read(vm);
    },
  }));
}

/** For disks and NICs. */
export const vmColumnsOfDevices = vmColumnsOf(({ vm }: { readonly vm: Vm }) => vm);
/** For a VM at two instants: its current state, or the previous one if it no longer exists. */
export const vmColumnsOfDiff = vmColumnsOf(({ now, before }: DiffRow) => now ?? before);
