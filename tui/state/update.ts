import type { Scene } from '../model/host-view.ts';
import { naturalSort } from '../model/sort.ts';
import { themes } from '../text/theme.ts';
import { type Action, actionOf } from './bindings.ts';
import { completed, DELAY_MAX_S, DELAY_MIN_S, type Outcome, runCommand, withDelay } from './commands.ts';
import type { Effect } from './effects.ts';
import type { UiState } from './state.ts';
import { columnsOf, tableOf, VIEW_NAMES, type ViewName } from './views.ts';

/** What stands on the screen that keys are about: from the frame that was drawn last. */
export interface Seen {
  /** Keys of the view's rows in their order; empty where the view has no rows to choose from. */
  readonly rows: readonly string[];
  /** The VM of each row. */
  readonly vmKeys: readonly string[];
  /** Rows that fit. */
  readonly page: number;
  /** How far a text can be scrolled down. */
  readonly textMax: number;
  /** Columns of the table in their order. */
  readonly columns: readonly string[];
  readonly charts: number;
}

const same = (state: UiState, ...effects: Effect[]): Outcome => ({ state, effects });

/** The state after a key. Pure: what else is to happen is an effect. */
export function update(state: UiState, key: string, char: string | undefined, seen: Seen): Outcome {
  if (key === 'C-c') return same(state, { kind: 'quit' });
  if (key === 'C-z') return same(state, { kind: 'suspend' });
  if (key === 'C-l') return same(state, { kind: 'refresh' });
  const quiet = state.message === undefined ? state : { ...state, message: undefined };
  switch (quiet.mode.kind) {
    case 'prompt':
      return prompted(quiet, quiet.mode, key, char);
    case 'menu':
      return inMenu(quiet, quiet.mode, key);
    case 'help':
      return inHelp(quiet, quiet.mode, key, char, seen);
    case 'browse': {
      const action = actionOf(key) ?? (char === undefined ? undefined : actionOf(char));
      return action === undefined ? same(quiet) : act(quiet, action, seen);
    }
  }
}

/** The state after an action, whether a key, the mouse or a command asked for it. */
export function act(state: UiState, action: Action, seen: Seen): Outcome {
  switch (action.kind) {
    case 'quit':
    case 'suspend':
    case 'save':
    case 'refresh':
    case 'mark':
    case 'play':
      return same(state, { kind: action.kind });
    case 'seek':
      return same(state, action);
    case 'help':
      return same({ ...state, mode: { kind: 'help', query: '', typing: false, top: 0 } });
    case 'back':
      return same(back(state));
    case 'move':
      return same(
        state.detail === undefined ? moved(state, action.by, seen) : scrolled(state, action.by, seen),
      );
    case 'shift':
      return same({ ...state, left: Math.min(40, Math.max(0, state.left + action.by)) });
    case 'view':
      return same(viewed(state, action.view));
    case 'next-view': {
      const at = VIEW_NAMES.indexOf(state.view) + action.by;
      return same(viewed(state, VIEW_NAMES[(at + VIEW_NAMES.length) % VIEW_NAMES.length] as ViewName));
    }
    case 'sort-by':
      return same(sortedBy(state, action.column));
    case 'sort-step':
      return same(sortStepped(state, action.by, seen));
    case 'invert': {
      const table = tableOf(state.view);
      if (table === undefined) return same(state);
      const sort = state.sorts[table];
      return same({
        ...state,
        sorts: { ...state.sorts, [table]: { ...sort, descending: !sort.descending } },
      });
    }
    case 'open':
      return same(opened(state, 'all', seen));
    case 'neighbours':
      return same(opened(state, 'neighbours', seen));
    case 'menu':
      return same(
        action.menu !== 'theme' && tableOf(state.view) === undefined
          ? { ...state, message: { text: 'this view has no columns to choose', role: 'info' } }
          : { ...state, mode: { kind: 'menu', menu: action.menu, index: menuStart(state, action.menu) } },
      );
    case 'prompt': {
      const text = action.purpose === 'filter' ? state.filter : '';
      return same({
        ...state,
        mode: { kind: 'prompt', purpose: action.purpose, text, before: state.filter },
      });
    }
    case 'clear-filter':
      return same({ ...state, filter: '' });
    case 'follow':
      return same(followed(state, seen));
    case 'tag':
      return same(taggedOf(state, seen));
    case 'only-tagged':
      return same(
        state.tagged.size === 0 && !state.onlyTagged
          ? { ...state, message: { text: 'no VM is tagged; Space tags one', role: 'info' } }
          : { ...state, onlyTagged: !state.onlyTagged },
      );
    case 'untag':
      return same({ ...state, tagged: new Set(), onlyTagged: false });
    case 'freeze':
      return same({ ...state, frozen: !state.frozen });
    case 'zoom':
      return same(zoomed(state, seen));
    case 'units':
      return same({ ...state, units: state.units === 'bytes' ? 'requests' : 'bytes' });
    case 'faster': {
      const seconds = state.delayMs / 1_000 / action.factor;
      return withDelay(state, String(Math.min(DELAY_MAX_S, Math.max(DELAY_MIN_S, seconds))));
    }
    case 'diff':
      return same(
        state.mark === undefined
          ? { ...state, message: { text: 'no instant is marked yet; m marks one', role: 'info' } }
          : viewed(state, 'diff'),
      );
  }
}

function viewed(state: UiState, view: ViewName): UiState {
  return { ...state, view, detail: undefined, left: view === state.view ? state.left : 0 };
}

function back(state: UiState): UiState {
  if (state.detail?.chart !== undefined) {
    return { ...state, detail: { ...state.detail, chart: undefined } };
  }
  if (state.detail !== undefined) return { ...state, detail: undefined };
  if (state.zoomed) return { ...state, zoomed: false };
  if (state.filter !== '') return { ...state, filter: '' };
  if (state.onlyTagged) return { ...state, onlyTagged: false };
  return state.follow ? { ...state, follow: false } : state;
}

/** The row under the cursor; the first when there is none yet, or it is gone. */
export function selectedIndex(state: UiState, rows: readonly string[]): number {
  const selected = state.selected[state.view];
  return Math.max(0, selected === undefined ? -1 : rows.indexOf(selected));
}

type By = Extract<Action, { kind: 'move' }>['by'];

function target(from: number, by: By, page: number, last: number): number {
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

function moved(state: UiState, by: By, seen: Seen): UiState {
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

function scrolled(state: UiState, by: By, seen: Seen): UiState {
  if (state.detail === undefined) return state;
  const top = target(state.detail.top, by, Math.max(1, seen.page - 1), seen.textMax);
  return { ...state, detail: { ...state.detail, top } };
}

/** After a new sample: a row that is followed stays in sight. */
export function afterSample(state: UiState, seen: Seen): UiState {
  if (!state.follow || state.detail !== undefined) return state;
  const selected = state.selected[state.view];
  const index = selected === undefined ? -1 : seen.rows.indexOf(selected);
  return index < 0 ? state : inSight(state, index, seen);
}

function sortedBy(state: UiState, id: string): UiState {
  const table = tableOf(state.view) ?? 'vms';
  const column = columnsOf(table).find((each) => each.id === id);
  if (column === undefined) {
    return { ...state, message: { text: 'this view has no such column', role: 'info' } };
  }
  const now = state.sorts[table];
  const sort = now.column === id ? { column: id, descending: !now.descending } : naturalSort(column);
  return { ...state, sorts: { ...state.sorts, [table]: sort } };
}

function sortStepped(state: UiState, by: number, seen: Seen): UiState {
  const table = tableOf(state.view);
  if (table === undefined || seen.columns.length === 0) return state;
  const at = seen.columns.indexOf(state.sorts[table].column);
  const id = seen.columns[Math.max(0, Math.min(seen.columns.length - 1, at + by))] as string;
  const column = columnsOf(table).find((each) => each.id === id);
  return column === undefined ? state : { ...state, sorts: { ...state.sorts, [table]: naturalSort(column) } };
}

function opened(state: UiState, part: 'all' | 'neighbours', seen: Seen): UiState {
  if (state.detail !== undefined) {
    const other = state.detail.part === part ? 'all' : part;
    return { ...state, detail: { ...state.detail, part: other, top: 0, chart: undefined } };
  }
  const key = seen.vmKeys[selectedIndex(state, seen.rows)];
  if (key === undefined) return state;
  return { ...state, detail: { key, part, top: 0, chart: undefined } };
}

function zoomed(state: UiState, seen: Seen): UiState {
  if (state.detail === undefined) return { ...state, zoomed: !state.zoomed };
  const next = state.detail.chart === undefined ? 0 : state.detail.chart + 1;
  return { ...state, detail: { ...state.detail, chart: next < seen.charts ? next : undefined, top: 0 } };
}

function followed(state: UiState, seen: Seen): UiState {
  const index = selectedIndex(state, seen.rows);
  const key = seen.rows[index];
  if (state.follow || key === undefined) return { ...state, follow: false };
  return inSight({ ...state, follow: true, selected: { ...state.selected, [state.view]: key } }, index, seen);
}

function taggedOf(state: UiState, seen: Seen): UiState {
  const key = state.detail?.key ?? seen.vmKeys[selectedIndex(state, seen.rows)];
  if (key === undefined) return state;
  const tagged = new Set(state.tagged);
  if (!tagged.delete(key)) tagged.add(key);
  // As htop does: tagging a run of rows is one key.
  const next = { ...state, tagged };
  return state.detail === undefined ? moved(next, 1, seen) : next;
}

function prompted(
  state: UiState,
  mode: Extract<UiState['mode'], { kind: 'prompt' }>,
  key: string,
  char: string | undefined,
): Outcome {
  const browse = { ...state, mode: { kind: 'browse' } } as const;
  const typed = (text: string): Outcome => {
    const next = { ...state, mode: { ...mode, text } };
    return same(mode.purpose === 'filter' ? { ...next, filter: text } : next);
  };
  switch (key) {
    case 'escape':
      return same(mode.purpose === 'filter' ? { ...browse, filter: mode.before } : browse);
    case 'enter':
    case 'linefeed':
      if (mode.purpose === 'command') return runCommand(mode.text, browse);
      return mode.purpose === 'delay' ? withDelay(browse, mode.text) : same(browse);
    case 'backspace':
      return typed([...mode.text].slice(0, -1).join(''));
    case 'C-u':
      return typed('');
    case 'C-w':
      return typed(mode.text.replace(/\S*\s*$/, ''));
    case 'tab':
      return mode.purpose === 'command' ? typed(completed(mode.text, state)) : same(state);
    default:
      return char !== undefined && /^[^\p{Cc}]+$/u.test(char) ? typed(mode.text + char) : same(state);
  }
}

/** What a menu offers, in its order. */
export function menuItems(state: UiState, menu: 'sort' | 'columns' | 'theme'): readonly string[] {
  if (menu === 'theme') return Object.keys(themes);
  return columnsOf(tableOf(state.view) ?? 'vms')
    .map(({ id }) => id)
    .filter((id) => menu === 'sort' || id !== 'name');
}

function menuStart(state: UiState, menu: 'sort' | 'columns' | 'theme'): number {
  const now = menu === 'theme' ? state.theme : state.sorts[tableOf(state.view) ?? 'vms'].column;
  return menu === 'columns' ? 0 : Math.max(0, menuItems(state, menu).indexOf(now));
}

function inMenu(state: UiState, mode: Extract<UiState['mode'], { kind: 'menu' }>, key: string): Outcome {
  const items = menuItems(state, mode.menu);
  const at = (index: number): Outcome =>
    same({ ...state, mode: { ...mode, index: Math.max(0, Math.min(items.length - 1, index)) } });
  const chosen = items[mode.index];
  switch (key) {
    case 'down':
    case 'j':
      return at(mode.index + 1);
    case 'up':
    case 'k':
      return at(mode.index - 1);
    case 'pagedown':
      return at(mode.index + 10);
    case 'pageup':
      return at(mode.index - 10);
    case 'home':
    case 'g':
      return at(0);
    case 'end':
    case 'S-g':
      return at(items.length - 1);
    case 'escape':
    case 'q':
      return same({ ...state, mode: { kind: 'browse' } });
    case 'space':
    case 'enter':
    case 'linefeed':
      return same(chosen === undefined ? state : choose(state, mode.menu, chosen));
    default:
      return same(state);
  }
}

function choose(state: UiState, menu: 'sort' | 'columns' | 'theme', chosen: string): UiState {
  const table = tableOf(state.view) ?? 'vms';
  switch (menu) {
    case 'sort':
      return { ...sortedBy(state, chosen), mode: { kind: 'browse' } };
    case 'theme':
      return { ...state, theme: chosen as UiState['theme'], mode: { kind: 'browse' } };
    case 'columns': {
      const hidden = state.hidden[table] ?? [];
      const next = hidden.includes(chosen) ? hidden.filter((id) => id !== chosen) : [...hidden, chosen];
      return { ...state, hidden: { ...state.hidden, [table]: next } };
    }
  }
}

function inHelp(
  state: UiState,
  mode: Extract<UiState['mode'], { kind: 'help' }>,
  key: string,
  char: string | undefined,
  seen: Seen,
): Outcome {
  const next = (change: Partial<typeof mode>): Outcome => same({ ...state, mode: { ...mode, ...change } });
  if (mode.typing) {
    if (key === 'enter' || key === 'linefeed') return next({ typing: false });
    if (key === 'escape') return next({ typing: false, query: '' });
    if (key === 'backspace') return next({ query: [...mode.query].slice(0, -1).join(''), top: 0 });
    return char !== undefined && /^[^\p{Cc}]+$/u.test(char)
      ? next({ query: mode.query + char, top: 0 })
      : same(state);
  }
  if (key === '/') return next({ typing: true, query: '' });
  const action = actionOf(key);
  if (action?.kind === 'move') return next({ top: target(mode.top, action.by, seen.page, seen.textMax) });
  const leaves = action?.kind === 'back' || action?.kind === 'help' || action?.kind === 'quit';
  return leaves ? same({ ...state, mode: { kind: 'browse' } }) : same(state);
}

/** A marked instant is the scene that is shown. */
export function marked(state: UiState, scene: Scene): UiState {
  return {
    ...state,
    mark: { atMs: scene.atMs, scene },
    message: { text: 'marked; x shows what has changed since', role: 'info' },
  };
}
