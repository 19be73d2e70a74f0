import { type Column, findColumn, isNumeric, shown } from '../columns/column.ts';
import { diffColumns, diffRows } from '../columns/diff-columns.ts';
import { diskColumns } from '../columns/disk-columns.ts';
import { nicColumns } from '../columns/nic-columns.ts';
import { vmColumnsOfDevices, vmColumnsOfDiff } from '../columns/of-vm.ts';
import { vmColumns } from '../columns/vm-columns.ts';
import { disksOf, nicsOf } from '../model/devices.ts';
import { ExpressionError, parseFilter, type Test } from '../model/filter.ts';
import type { Scene } from '../model/host-view.ts';
import { REASONS } from '../model/reasons.ts';
import { type Sort, sorted } from '../model/sort.ts';
import type { UiState } from '../state/state.ts';
import { LAYOUTS, type LayoutColumn, type TableName } from '../state/views.ts';
import { displayable } from '../text/displayable.ts';
import type { Role } from '../text/line.ts';

export interface TableCell {
  readonly text: string;
  readonly role: Role;
}

export interface TableColumn {
  readonly id: string;
  readonly title: string;
  readonly width: number;
  readonly numeric: boolean;
}

/** A table with any kind of rows: values are read cell by cell, so that rows off screen cost nothing. */
export interface Table {
  readonly name: TableName;
  /** All columns that it can show, in order. */
  readonly columns: readonly (TableColumn & { readonly rank: number })[];
  readonly rows: readonly TableRow[];
  /** Before the filter. */
  readonly total: number;
  readonly sort: Sort;
  /** What is wrong with the filter, if something is. */
  readonly filterError: string | undefined;
}

export interface TableRow {
  readonly key: string;
  /** Key of the VM that the row belongs to. */
  readonly vmKey: string;
  readonly cell: (columnId: string) => TableCell;
  /** Why the row has no value in a column; undefined when it has one. */
  readonly why: (columnId: string) => string | undefined;
}

interface Source<Row> {
  readonly columns: readonly Column<Row>[];
  /** Columns of the row's VM, which a filter can use too. */
  readonly vmColumns?: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly vmKeyOf: (row: Row) => string;
  readonly nameOf: (row: Row) => string;
}

/** A table's rows, filtered and sorted. */
export function tableFor(name: TableName, scene: Scene, state: UiState): Table {
  switch (name) {
    case 'vms':
      return build(name, scene, state, {
        columns: vmColumns,
        rows: scene.vms,
        keyOf: (vm) => vm.key,
        vmKeyOf: (vm) => vm.key,
        nameOf: (vm) => vm.name,
      });
    case 'disks':
      return build(name, scene, state, {
        columns: diskColumns,
        vmColumns: vmColumnsOfDevices,
        rows: scene.vms.flatMap(disksOf),
        keyOf: (row) => row.key,
        vmKeyOf: (row) => row.vm.key,
        nameOf: (row) => `${row.vm.name} ${row.target}`,
      });
    case 'nics':
      return build(name, scene, state, {
        columns: nicColumns,
        vmColumns: vmColumnsOfDevices,
        rows: scene.vms.flatMap(nicsOf),
        keyOf: (row) => row.key,
        vmKeyOf: (row) => row.vm.key,
        nameOf: (row) => `${row.vm.name} ${row.target}`,
      });
    case 'diff':
      return build(name, scene, state, {
        columns: diffColumns,
        vmColumns: vmColumnsOfDiff,
        rows: diffRows(state.mark?.scene.vms ?? [], scene.vms),
        keyOf: (row) => row.key,
        vmKeyOf: (row) => row.key,
        nameOf: (row) => row.name,
      });
  }
}

function build<Row>(name: TableName, scene: Scene, state: UiState, source: Source<Row>): Table {
  const { columns, rows, keyOf, vmKeyOf, nameOf } = source;
  const { test, error } = filterOf(state.filter, [...columns, ...(source.vmColumns ?? [])], nameOf);
  const sort = state.sorts[name];
  const kept = rows.filter((row) => test(row) && (!state.onlyTagged || state.tagged.has(vmKeyOf(row))));
  const order = findColumn(columns, sort.column);
  const byId = new Map(columns.map((column) => [column.id, column]));
  const cellOf = (row: Row, id: string): TableCell => {
    const column = byId.get(id);
    if (column === undefined) return { text: '', role: 'text' };
    const value = column.read(row);
    if (value !== undefined) {
      return { text: shown(column, value, row, state.ascii), role: column.role?.(value, row) ?? 'text' };
    }
    return { text: REASONS[column.why?.(row) ?? 'not_reported'].short, role: 'missing' };
  };
  return {
    name,
    columns: tableColumns(LAYOUTS[name], columns, scene, state, name),
    rows: sorted(kept, order, sort.descending, keyOf, nameOf).map((row) => ({
      key: keyOf(row),
      vmKey: vmKeyOf(row),
      cell: (id) => cellOf(row, id),
      why: (id) => {
        const column = byId.get(id);
        return column === undefined || column.read(row) !== undefined
          ? undefined
          : REASONS[column.why?.(row) ?? 'not_reported'].text;
      },
    })),
    total: rows.length,
    sort,
    filterError: error,
  };
}

/** The rows' filter; accepts all rows while the expression is invalid. */
export function filterOf<Row>(
  filter: string,
  columns: readonly Column<Row>[],
  nameOf: (row: Row) => string,
): { test: Test<Row>; error: string | undefined } {
  try {
    return { test: parseFilter(filter, columns, nameOf), error: undefined };
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    // Half-typed: hide nothing yet.
    return { test: () => true, error: displayable(error.message) };
  }
}

function tableColumns<Row>(
  layout: readonly LayoutColumn[],
  columns: readonly Column<Row>[],
  scene: Scene,
  state: UiState,
  name: TableName,
): (TableColumn & { readonly rank: number })[] {
  const hidden = state.hidden[name] ?? [];
  return layout.flatMap(({ id, rank, only }) => {
    const column = columns.find((each) => each.id === id);
    if (column === undefined || hidden.includes(id)) return [];
    if (only !== undefined && only !== state.units) return [];
    if (id === 'host' && scene.hosts.length < 2) return [];
    return [{ id, title: column.title, width: column.width, numeric: isNumeric(column), rank }];
  });
}

/** Minimum width of a name: a sixth of the screen within these bounds. */
const NAME_MIN = 12;
const NAME_MIN_MAX = 24;
const NAME_MAX = 48;

/**
 * The columns that fit, in order. When the screen is narrow, those of the highest rank are dropped first, and the name
 * gets the remaining width. When `left` columns after the name are scrolled out, those that follow are shown in
 * sequence.
 */
export function columnsThatFit(table: Table, width: number, left: number): readonly TableColumn[] {
  const name = table.columns.find(({ id }) => id === 'name');
  const others = table.columns.filter(({ id }) => id !== 'name');
  const nameMin = name === undefined ? 0 : Math.max(NAME_MIN, Math.min(NAME_MIN_MAX, Math.floor(width / 6)));
  const candidates = left > 0 ? others.slice(left) : [...others].sort((a, b) => a.rank - b.rank);
  let used = nameMin + 1;
  const chosen = new Set<string>();
  for (const column of candidates) {
    if (used + column.width + 1 > width) {
      if (left > 0) break;
      continue;
    }
    used += column.width + 1;
    chosen.add(column.id);
  }
  const nameWidth = Math.min(NAME_MAX, nameMin + Math.max(0, width - used));
  return table.columns.flatMap((column) => {
    if (column.id === 'name') return [{ ...column, width: nameWidth }];
    return chosen.has(column.id) ? [column] : [];
  });
}
