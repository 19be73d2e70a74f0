import type { Column } from '../columns/column.ts';
import { diffColumns } from '../columns/diff-columns.ts';
import { diskColumns } from '../columns/disk-columns.ts';
import { nicColumns } from '../columns/nic-columns.ts';
import { vmColumns } from '../columns/vm-columns.ts';
import type { Sort } from '../model/sort.ts';

export const VIEW_NAMES = ['vms', 'cpus', 'nics', 'disks', 'numa', 'host', 'findings', 'diff'] as const;
export type ViewName = (typeof VIEW_NAMES)[number];
export type TableName = 'vms' | 'nics' | 'disks' | 'diff';

interface ViewInfo {
  readonly title: string;
  readonly help: string;
  readonly key: string;
}

/** In the order of their keys; 0 to 3 as in virt-top. */
export const VIEWS: Readonly<Record<ViewName, ViewInfo>> = {
  vms: { key: '0', title: 'VMs', help: 'all VMs' },
  cpus: {
    key: '1',
    title: 'CPUs',
    help: 'host CPUs: utilization, pinned and running vCPUs',
  },
  nics: { key: '2', title: 'NICs', help: 'all NICs' },
  disks: { key: '3', title: 'Disks', help: 'all disks' },
  numa: {
    key: '4',
    title: 'NUMA',
    help: 'NUMA cells: memory, huge pages, free capacity',
  },
  host: {
    key: '5',
    title: 'Host',
    help: 'CPU, memory, pressure, KSM, overcommit and storage pools of each host',
  },
  findings: {
    key: '6',
    title: 'Findings',
    help: 'all findings by harm, one per cause, with commands to fix them',
  },
  diff: { key: '7', title: 'Diff', help: 'changes since the mark set with m' },
};

/** A table's columns in order; those of the lowest rank are the last to be dropped on a narrow screen. */
export interface LayoutColumn {
  readonly id: string;
  readonly rank: number;
  /** Shown only while the units are bytes, or requests. */
  readonly only?: 'bytes' | 'requests';
}

const column = (id: string, rank: number, only?: 'bytes' | 'requests'): LayoutColumn =>
  only === undefined ? { id, rank } : { id, rank, only };

export const LAYOUTS: Readonly<Record<TableName, readonly LayoutColumn[]>> = {
  vms: [
    column('host', 2),
    column('name', 0),
    column('state', 1),
    column('findings', 4),
    column('vcpus', 7),
    column('cpu_percent', 1),
    column('steal_percent', 2),
    column('contention_percent', 21),
    column('wait_percent', 14),
    column('memory_used_bytes', 5),
    column('memory_used_percent', 15),
    column('memory_balloon_bytes', 8),
    column('memory_maximum_bytes', 9),
    column('memory_rss_bytes', 12),
    column('swap_bytes_per_second', 18),
    column('disk_read_bytes_per_second', 6, 'bytes'),
    column('disk_write_bytes_per_second', 6, 'bytes'),
    column('disk_read_requests_per_second', 6, 'requests'),
    column('disk_write_requests_per_second', 6, 'requests'),
    column('disk_latency_milliseconds', 7),
    column('net_receive_bytes_per_second', 8, 'bytes'),
    column('net_transmit_bytes_per_second', 8, 'bytes'),
    column('net_receive_packets_per_second', 8, 'requests'),
    column('net_transmit_packets_per_second', 8, 'requests'),
    column('net_drops_per_second', 19),
    column('iothreads', 16),
    column('pinned_vcpus', 10),
    column('numa_cells', 10),
    column('remote_memory_percent', 20),
    column('profile', 11),
    column('cpu_time_seconds', 17),
  ],
  disks: diskColumns.map(({ id }, index) => ({ id, rank: index })),
  nics: nicColumns.map(({ id }, index) => ({ id, rank: index })),
  diff: diffColumns.map(({ id }, index) => ({ id, rank: index })),
};

export const DEFAULT_SORTS: Readonly<Record<TableName, Sort>> = {
  vms: { column: 'cpu_percent', descending: true },
  disks: { column: 'write_bytes_per_second', descending: true },
  nics: { column: 'transmit_bytes_per_second', descending: true },
  diff: { column: 'cpu_percent_change', descending: true },
};

/** The properties of a column that do not depend on a row. */
export type AnyColumn = Pick<
  Column<never>,
  'id' | 'aliases' | 'title' | 'unit' | 'width' | 'help' | 'metrics'
>;

export function columnsOf(table: TableName): readonly AnyColumn[] {
  switch (table) {
    case 'vms':
      return vmColumns;
    case 'disks':
      return diskColumns;
    case 'nics':
      return nicColumns;
    case 'diff':
      return diffColumns;
  }
}

/** The table of a view, if it has one. */
export function tableOf(view: ViewName): TableName | undefined {
  return view === 'vms' || view === 'disks' || view === 'nics' || view === 'diff' ? view : undefined;
}
