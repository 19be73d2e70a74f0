import { findColumn } from '../columns/column.ts';
import { isThemeName, themes } from '../text/theme.ts';
import type { Effect } from './effects.ts';
import type { UiState } from './state.ts';
import { columnsOf, tableOf, VIEW_NAMES, type ViewName } from './views.ts';

export interface UpdateResult {
  readonly state: UiState;
  readonly effects: readonly Effect[];
}

/** A command of the palette. */
export interface PaletteCommand {
  readonly name: string;
  readonly usage: string;
  readonly help: string;
  /** Candidates for its argument. */
  readonly complete?: (state: UiState) => readonly string[];
  readonly run: (argument: string, state: UiState) => UpdateResult;
}

const done = (state: UiState, ...effects: Effect[]): UpdateResult => ({ state, effects });
const wrong = (state: UiState, text: string): UpdateResult =>
  done({ ...state, message: { text, role: 'bad' } });

/** Bounds of the delay between samples, seconds. */
export const DELAY_MIN_S = 0.1;
export const DELAY_MAX_S = 3_600;

export function withDelay(state: UiState, text: string): UpdateResult {
  const seconds = Number(text.trim());
  if (!(seconds >= DELAY_MIN_S && seconds <= DELAY_MAX_S)) {
    return wrong(
      state,
      `"${text}" is not an interval: expected seconds from ${DELAY_MIN_S} to ${DELAY_MAX_S}`,
    );
  }
  return done({ ...state, delayMs: Math.round(seconds * 1_000) }, { kind: 'delay' });
}

function sortBy(argument: string, state: UiState): UpdateResult {
  const table = tableOf(state.view);
  if (table === undefined) return wrong(state, 'this view cannot be sorted');
  const [name = '', way] = argument.split(/\s+/);
  const column = findColumn(columnsOf(table), name);
  if (column === undefined) return wrong(state, `no column "${name}"; Tab lists them`);
  const descending = way === undefined ? column.unit !== 'text' : way !== 'asc';
  return done({ ...state, sorts: { ...state.sorts, [table]: { column: column.id, descending } } });
}

function columns(argument: string, state: UiState): UpdateResult {
  const table = tableOf(state.view);
  if (table === undefined) return wrong(state, 'columns of this view cannot be changed');
  let hidden = [...(state.hidden[table] ?? [])];
  for (const word of argument.split(/[\s,]+/).filter((each) => each !== '')) {
    const column = findColumn(columnsOf(table), word.replace(/^[+-]/, ''));
    if (column === undefined) return wrong(state, `no column "${word}"; write +COLUMN or -COLUMN`);
    hidden = hidden.filter((id) => id !== column.id);
    if (word.startsWith('-') && column.id !== 'name') hidden.push(column.id);
  }
  return done({ ...state, hidden: { ...state.hidden, [table]: hidden } });
}

export const COMMANDS: readonly PaletteCommand[] = [
  {
    name: 'sort',
    usage: 'sort COLUMN [asc|desc]',
    help: 'sort the rows',
    complete: (state) => columnsOf(tableOf(state.view) ?? 'vms').map(({ id }) => id),
    run: sortBy,
  },
  {
    name: 'filter',
    usage: 'filter TEXT',
    help: 'show only matching rows; no TEXT shows all',
    run: (argument, state) => done({ ...state, filter: argument }),
  },
  {
    name: 'view',
    usage: 'view NAME',
    help: 'switch the view',
    complete: () => VIEW_NAMES,
    run: (argument, state) => {
      const view = VIEW_NAMES.find((name) => name === argument.trim());
      return view === undefined
        ? wrong(state, `no view "${argument}"; there are ${VIEW_NAMES.join(', ')}`)
        : done({ ...state, view, detail: undefined });
    },
  },
  {
    name: 'columns',
    usage: 'columns +COLUMN -COLUMN ...',
    help: 'show and hide columns',
    complete: (state) => columnsOf(tableOf(state.view) ?? 'vms').flatMap(({ id }) => [`+${id}`, `-${id}`]),
    run: columns,
  },
  {
    name: 'delay',
    usage: 'delay SECONDS',
    help: 'interval between samples',
    run: (argument, state) => withDelay(state, argument),
  },
  {
    name: 'theme',
    usage: 'theme NAME',
    help: `colours: ${Object.keys(themes).join(', ')}`,
    complete: () => Object.keys(themes),
    run: (argument, state) =>
      isThemeName(argument.trim())
        ? done({ ...state, theme: argument.trim() as UiState['theme'] })
        : wrong(state, `no theme "${argument}"; there are ${Object.keys(themes).join(', ')}`),
  },
  {
    name: 'ascii',
    usage: 'ascii',
    help: 'toggle ASCII only',
    run: (_, state) => done({ ...state, ascii: !state.ascii }),
  },
  {
    name: 'record',
    usage: 'record FILE',
    help: 'record samples, for --replay',
    run: (argument, state) =>
      argument.trim() === ''
        ? wrong(state, 'record needs a file name')
        : done(state, { kind: 'record', file: argument.trim() }),
  },
  {
    name: 'stop',
    usage: 'stop',
    help: 'stop recording',
    run: (_, state) => done(state, { kind: 'stop-recording' }),
  },
  {
    name: 'mark',
    usage: 'mark',
    help: 'mark this sample, for diff',
    run: (_, state) => done(state, { kind: 'mark' }),
  },
  {
    name: 'diff',
    usage: 'diff',
    help: 'changes since the mark',
    run: (_, state) => done({ ...state, view: 'diff' as ViewName, detail: undefined }),
  },
  {
    name: 'goto',
    usage: 'goto N',
    help: 'replay: go to sample N',
    run: (argument, state) => {
      const place = Number(argument.trim());
      return Number.isInteger(place) && place > 0
        ? done(state, { kind: 'seek-to', index: place - 1 })
        : wrong(state, `"${argument}" is not a sample number: expected 1 or more`);
    },
  },
  {
    name: 'save',
    usage: 'save',
    help: 'save the settings',
    run: (_, state) => done(state, { kind: 'save' }),
  },
  {
    name: 'help',
    usage: 'help',
    help: 'keys, columns and commands',
    run: (_, state) => done({ ...state, mode: { kind: 'help', query: '', typing: false, top: 0 } }),
  },
  { name: 'quit', usage: 'quit', help: 'leave', run: (_, state) => done(state, { kind: 'quit' }) },
];

export function runCommand(line: string, state: UiState): UpdateResult {
  const [, name = '', argument = ''] = /^\s*(\S*)\s*(.*?)\s*$/.exec(line) ?? [];
  if (name === '') return done(state);
  const exact = COMMANDS.find((command) => command.name === name);
  const starting = COMMANDS.filter((command) => command.name.startsWith(name));
  const command = exact ?? (starting.length === 1 ? starting[0] : undefined);
  if (command !== undefined) return command.run(argument, state);
  const like = starting.length > 1 ? `; did you mean ${starting.map((each) => each.name).join(', ')}?` : '';
  return wrong(state, `no command "${name}"${like}`);
}

/** Whole lines that complete this one: commands, or arguments of one. */
export function completions(line: string, state: UiState): readonly string[] {
  const match = /^\s*(\S+)\s+(.*)$/.exec(line);
  if (match === null) {
    return COMMANDS.map((command) => command.name).filter((name) => name.startsWith(line.trimStart()));
  }
  const [, name = '', rest = ''] = match;
  const words = COMMANDS.find((command) => command.name === name)?.complete?.(state) ?? [];
  const head = rest.slice(0, rest.lastIndexOf(' ') + 1);
  const last = rest.slice(head.length);
  return words.filter((word) => word.startsWith(last)).map((word) => `${name} ${head}${word}`);
}

/** The longest common prefix of all completions. */
export function completed(line: string, state: UiState): string {
  const found = completions(line, state);
  const [first = line, ...others] = found;
  if (others.length === 0) return found.length === 1 ? `${first} ` : line;
  let length = first.length;
  for (const other of others) while (!other.startsWith(first.slice(0, length))) length--;
  return first.slice(0, Math.max(length, line.length));
}
