import { naturalSort } from '../model/sort.ts';
import type { Seen } from './seen.ts';
import type { UiState } from './state.ts';
import { columnsOf, tableOf } from './views.ts';

/** Sorts by a column in its natural order; the same column again reverses it. */
export function sortedBy(state: UiState, id: string): UiState {
  const table = tableOf(state.view) ?? 'vms';
  const column = columnsOf(table).find((each) => each.id === id);
  if (column === undefined) {
    return { ...state, message: { text: 'this view has no such column', role: 'info' } };
  }
  const now = state.sorts[table];
  const sort = now.column === id ? { column: id, descending: !now.descending } : naturalSort(column);
  return { ...state, sorts: { ...state.sorts, [table]: sort } };
}

/** Sorts by the column next to the current sort column. */
export function sortStepped(state: UiState, by: number, seen: Seen): UiState {
  const table = tableOf(state.view);
  if (table === undefined || seen.columns.length === 0) return state;
  const at = seen.columns.indexOf(state.sorts[table].column);
  const id = seen.columns[Math.max(0, Math.min(seen.columns.length - 1, at + by))] as string;
  const column = columnsOf(table).find((each) => each.id === id);
  return column === undefined ? state : { ...state, sorts: { ...state.sorts, [table]: naturalSort(column) } };
}
