import { shellLine } from '../../model/shell-command.ts';
import type { Scene } from '../model/host-view.ts';
import { type Action, actionOf } from './bindings.ts';
import { DELAY_MAX_S, DELAY_MIN_S, type UpdateResult, withDelay } from './commands.ts';
import type { Effect } from './effects.ts';
import { inHelp, inMenu, menuStart, prompted } from './modes.ts';
import { followed, moved, scrolled, selectedIndex, taggedOf } from './rows.ts';
import type { Seen } from './seen.ts';
import { sortedBy, sortStepped } from './sorting.ts';
import type { UiState } from './state.ts';
import { tableOf, VIEW_NAMES, type ViewName } from './views.ts';

const same = (state: UiState, ...effects: Effect[]): UpdateResult => ({ state, effects });

/** The state after a key. Pure: side effects are returned as an effect. */
export function update(state: UiState, key: string, char: string | undefined, seen: Seen): UpdateResult {
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

/** The state after an action, whether from a key, the mouse or a command. */
export function act(state: UiState, action: Action, seen: Seen): UpdateResult {
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
    case 'copy':
      return copied(state, seen);
    case 'menu':
      return same(
        action.menu !== 'theme' && tableOf(state.view) === undefined
          ? { ...state, message: { text: 'columns of this view cannot be changed', role: 'info' } }
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
          ? { ...state, message: { text: 'no tagged VMs; Space tags one', role: 'info' } }
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
          ? { ...state, message: { text: 'no mark yet; m sets one', role: 'info' } }
          : viewed(state, 'diff'),
      );
  }
}

function copied(state: UiState, { commands }: Seen): UpdateResult {
  if (commands.length === 0)
    return same({ ...state, message: { text: 'no finding with a command here', role: 'info' } });
  const text = commands.map(shellLine).join('\n');
  const what = commands.length === 1 ? 'the command' : `${commands.length} commands`;
  return same(
    { ...state, message: { text: `copied ${what}, if the terminal supports it (OSC 52)`, role: 'info' } },
    { kind: 'copy', text },
  );
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

/** Marks the displayed scene. */
export function marked(state: UiState, scene: Scene): UiState {
  return {
    ...state,
    mark: { atMs: scene.atMs, scene },
    message: { text: 'marked; x shows changes since then', role: 'info' },
  };
}
