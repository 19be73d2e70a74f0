import type { Vm } from '../model/vm.ts';
import type { Column } from './column.ts';
import type { DiffRow } from './diff-columns.ts';
import { vmColumns } from './vm-columns.ts';

/** The columns of a VM, read of what belongs to it. */
function vmColumnsOf<Row>(vmOf: (row: Row) => Vm | undefined): readonly Column<Row>[] {
  return vmColumns.map(({ id, aliases, title, unit, width, help, metrics, read }) => ({
    ...{ id, aliases, title, unit, width, help, metrics },
    read: (row) => {
      const vm = vmOf(row);
      return vm === undefined ? undefined : read(vm);
    },
  }));
}

/** Of disks and NICs. */
export const vmColumnsOfDevices = vmColumnsOf(({ vm }: { readonly vm: Vm }) => vm);
/** Of a VM at two instants: as it is now, or as it was if it is gone. */
export const vmColumnsOfDiff = vmColumnsOf(({ now, before }: DiffRow) => now ?? before);
