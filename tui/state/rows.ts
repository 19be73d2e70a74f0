import type { Action } from './bindings.ts';
import type { Seen } from './seen.ts';
import type { UiState } from './state.ts';

/** The row under the cursor; the first when none is selected, or the selected one no longer exists. */
export function selectedIndex(state: UiState, rows: readonly string[]): number {
  const selected = state.selected[state.view];
  return Math.max(0, selected === undefined ? -1 : rows.indexOf(selected));
}

export type By = Extract<Action, { kind: 'move' }>['by'];

/** The destination of a move, limited to the last row. */
export function target(from: number, by: By, page: number, last: number): number {
  const wanted =
    by === 'first'
      ? 0
      : by === 'last'
        ? last
        : by === 'page'
          ? from + page
          : by === '-page'
            ? from - page
            : from + by;
  return Math.max(0, Math.min(last, wanted));
}

/** Moves the cursor; scrolls the text if there are no rows. */
export function moved(state: UiState, by: By, seen: Seen): UiState {
  const { view } = state;
  if (seen.rows.length === 0) {
    const top = target(state.top[view] ?? 0, by, seen.page, seen.textMax);
    return { ...state, top: { ...state.top, [view]: top } };
  }
  const index = target(selectedIndex(state, seen.rows), by, Math.max(1, seen.page - 1), seen.rows.length - 1);
  const selected = { ...state.selected, [view]: seen.rows[index] as string };
  return inSight({ ...state, selected }, index, seen);
}

/** Scrolls just as far as it takes to have the row on the screen. */
function inSight(state: UiState, index: number, seen: Seen): UiState {
  const top = state.top[state.view] ?? 0;
  const lowest = Math.max(0, index - seen.page + 1);
  const next = Math.min(index, Math.max(top, lowest));
  return next === top ? state : { ...state, top: { ...state.top, [state.view]: next } };
}

/** Scrolls the details of a VM. */
export function scrolled(state: UiState, by: By, seen: Seen): UiState {
  if (state.detail === undefined) return state;
  const top = target(state.detail.top, by, Math.max(1, seen.page - 1), seen.textMax);
  return { ...state, detail: { ...state.detail, top } };
}

/** After a new sample, keeps a followed row in view. */
export function afterSample(state: UiState, seen: Seen): UiState {
  if (!state.follow || state.detail !== undefined) return state;
  const selected = state.selected[state.view];
  const index = selected === undefined ? -1 : seen.rows.indexOf(selected);
  return index < 0 ? state : inSight(state, index, seen);
}

/** Toggles following the row under the cursor. */
export function followed(state: UiState, seen: Seen): UiState {
  const index = selectedIndex(state, seen.rows);
  const key = seen.rows[index];
  if (state.follow || key === undefined) return { ...state, follow: false };
  return inSight({ ...state, follow: true, selected: { ...state.selected, [state.view]: key } }, index, seen);
}

/** Toggles the tag of the VM under the cursor. */
export function taggedOf(state: UiState, seen: Seen): UiState {
  const key = state.detail?.key ?? seen.vmKeys[selectedIndex(state, seen.rows)];
  if (key === undefined) return state;
  const tagged = new Set(state.tagged);
  if (!tagged.delete(key)) tagged.add(key);
  // As in htop, tagging moves down, so that a run of rows can be tagged with one key.
  const next = { ...state, tagged };
  return state.detail === undefined ? moved(next, 1, seen) : next;
}
