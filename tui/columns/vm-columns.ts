import type { Vm } from '../model/vm.ts';
import type { Column } from './column.ts';
import { cpuColumns, cpuTimeColumn } from './vm/cpu.ts';
import { diskFigureColumns } from './vm/disk.ts';
import { identityColumns } from './vm/identity.ts';
import { memoryColumns } from './vm/memory.ts';
import { netColumns } from './vm/net.ts';
import { tuningColumns } from './vm/tuning.ts';

/** In the order of the screen, of CSV and of JSON. */
export const vmColumns: readonly Column<Vm>[] = [
  ...identityColumns,
  ...cpuColumns,
  ...memoryColumns,
  ...diskFigureColumns,
  ...netColumns,
  ...tuningColumns,
  cpuTimeColumn,
];
