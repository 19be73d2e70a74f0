import { findColumn } from '../columns/column.ts';
import { isThemeName } from '../text/theme.ts';
import type { UiState } from './state.ts';
import { columnsOf, type TableName, VIEW_NAMES } from './views.ts';

/** Version of the settings that W saves. */
const SETTINGS_VERSION = 1;
const TABLES: readonly TableName[] = ['vms', 'disks', 'nics', 'diff'];

export function settingsOf(state: UiState): string {
  const { view, sorts, units, delayMs, theme, ascii, hidden } = state;
  return `${JSON.stringify({ version: SETTINGS_VERSION, view, sorts, units, delayMs, theme, ascii, hidden }, null, 2)}\n`;
}

/**
 * Applies saved settings to a state. Invalid settings (of another version, or edited by hand) are skipped and returned
 * in `ignored`, since a typo in the file must not prevent a start.
 */
export function withSettings(
  state: UiState,
  text: string,
): { readonly state: UiState; readonly ignored: readonly string[] } {
  const ignored: string[] = [];
  let kept: Record<string, unknown>;
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json !== 'object' || json === null || Array.isArray(json))
      return { state, ignored: ['all of it'] };
    kept = json as Record<string, unknown>;
  } catch {
    return { state, ignored: ['all of it'] };
  }
  const take = <T>(name: string, valid: (value: unknown) => T | undefined, otherwise: T): T => {
    if (kept[name] === undefined) return otherwise;
    const value = valid(kept[name]);
    if (value === undefined) ignored.push(name);
    return value ?? otherwise;
  };
  const next: UiState = {
    ...state,
    view: take('view', (value) => VIEW_NAMES.find((name) => name === value && name !== 'diff'), state.view),
    units: take(
      'units',
      (value) => (value === 'bytes' || value === 'requests' ? value : undefined),
      state.units,
    ),
    delayMs: take(
      'delayMs',
      (value) => (typeof value === 'number' && value >= 100 && value <= 3_600_000 ? value : undefined),
      state.delayMs,
    ),
    theme: take(
      'theme',
      (value) => (typeof value === 'string' && isThemeName(value) ? value : undefined),
      state.theme,
    ),
    ascii: take('ascii', (value) => (typeof value === 'boolean' ? value : undefined), state.ascii),
    sorts: take('sorts', (value) => sortsOf(value, state.sorts), state.sorts),
    hidden: take('hidden', hiddenOf, state.hidden),
  };
  return { state: next, ignored };
}

function sortsOf(value: unknown, before: UiState['sorts']): UiState['sorts'] | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const sorts = { ...before };
  for (const table of TABLES) {
    const sort = (value as Record<string, unknown>)[table] as
      | { column?: unknown; descending?: unknown }
      | undefined;
    if (sort === undefined) continue;
    if (typeof sort?.column !== 'string' || typeof sort.descending !== 'boolean') return undefined;
    const column = findColumn(columnsOf(table), sort.column);
    if (column === undefined) return undefined;
    sorts[table] = { column: column.id, descending: sort.descending };
  }
  return sorts;
}

function hiddenOf(value: unknown): UiState['hidden'] | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const hidden: Partial<Record<TableName, readonly string[]>> = {};
  for (const table of TABLES) {
    const ids = (value as Record<string, unknown>)[table];
    if (ids === undefined) continue;
    if (!Array.isArray(ids)) return undefined;
    hidden[table] = ids.filter((id): id is string => typeof id === 'string');
  }
  return hidden;
}
