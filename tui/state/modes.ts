import { themes } from '../text/theme.ts';
import { actionOf } from './bindings.ts';
import { completed, runCommand, type UpdateResult, withDelay } from './commands.ts';
import { target } from './rows.ts';
import type { Seen } from './seen.ts';
import { sortedBy } from './sorting.ts';
import type { UiState } from './state.ts';
import { columnsOf, tableOf } from './views.ts';

const same = (state: UiState): UpdateResult => ({ state, effects: [] });

/** Handles a key in a prompt. */
export function prompted(
  state: UiState,
  mode: Extract<UiState['mode'], { kind: 'prompt' }>,
  key: string,
  char: string | undefined,
): UpdateResult {
  const browse = { ...state, mode: { kind: 'browse' } } as const;
  const typed = (text: string): UpdateResult => {
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

/** The entries of a menu, in order. */
export function menuItems(state: UiState, menu: 'sort' | 'columns' | 'theme'): readonly string[] {
  if (menu === 'theme') return Object.keys(themes);
  return columnsOf(tableOf(state.view) ?? 'vms')
    .map(({ id }) => id)
    .filter((id) => menu === 'sort' || id !== 'name');
}

/** The initially selected entry of a menu. */
export function menuStart(state: UiState, menu: 'sort' | 'columns' | 'theme'): number {
  const now = menu === 'theme' ? state.theme : state.sorts[tableOf(state.view) ?? 'vms'].column;
  return menu === 'columns' ? 0 : Math.max(0, menuItems(state, menu).indexOf(now));
}

/** Handles a key in a menu. */
export function inMenu(
  state: UiState,
  mode: Extract<UiState['mode'], { kind: 'menu' }>,
  key: string,
): UpdateResult {
  const items = menuItems(state, mode.menu);
  const at = (index: number): UpdateResult =>
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

/** Handles a key in the help. */
export function inHelp(
  state: UiState,
  mode: Extract<UiState['mode'], { kind: 'help' }>,
  key: string,
  char: string | undefined,
  seen: Seen,
): UpdateResult {
  const next = (change: Partial<typeof mode>): UpdateResult =>
    same({ ...state, mode: { ...mode, ...change } });
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
