import { VIEW_NAMES, VIEWS } from './views.ts';

/** What a key asks for. */
export type Action =
  | { readonly kind: 'quit' }
  | { readonly kind: 'suspend' }
  | { readonly kind: 'help' }
  | { readonly kind: 'back' }
  | { readonly kind: 'move'; readonly by: number | 'page' | '-page' | 'first' | 'last' }
  | { readonly kind: 'shift'; readonly by: number }
  | { readonly kind: 'view'; readonly view: (typeof VIEW_NAMES)[number] }
  | { readonly kind: 'next-view'; readonly by: number }
  | { readonly kind: 'sort-by'; readonly column: string }
  | { readonly kind: 'sort-step'; readonly by: number }
  | { readonly kind: 'invert' }
  | { readonly kind: 'open' }
  | { readonly kind: 'neighbours' }
  | { readonly kind: 'copy' }
  | { readonly kind: 'menu'; readonly menu: 'sort' | 'columns' | 'theme' }
  | { readonly kind: 'prompt'; readonly purpose: 'filter' | 'command' | 'delay' }
  | { readonly kind: 'clear-filter' }
  | { readonly kind: 'follow' }
  | { readonly kind: 'tag' }
  | { readonly kind: 'only-tagged' }
  | { readonly kind: 'untag' }
  | { readonly kind: 'freeze' }
  | { readonly kind: 'zoom' }
  | { readonly kind: 'units' }
  | { readonly kind: 'faster'; readonly factor: number }
  | { readonly kind: 'save' }
  | { readonly kind: 'refresh' }
  | { readonly kind: 'mark' }
  | { readonly kind: 'diff' }
  | { readonly kind: 'seek'; readonly by: number }
  | { readonly kind: 'play' };

export interface Binding {
  /** Key names of the terminal: `q`, `S-p`, `C-c`, `pagedown`. */
  readonly keys: readonly string[];
  /** Key names for the user. */
  readonly shown: string;
  readonly action: Action;
  readonly group: 'Move' | 'Views' | 'Sort and filter' | 'Rows' | 'Time' | 'Console';
  readonly help: string;
}

function bind(
  group: Binding['group'],
  shown: string,
  keys: readonly string[],
  action: Action,
  help: string,
): Binding {
  return { keys, shown, action, group, help };
}

/** Every key while browsing: read by update() and by the help. */
export const BINDINGS: readonly Binding[] = [
  bind('Move', 'j Down', ['j', 'down', 'C-n'], { kind: 'move', by: 1 }, 'down'),
  bind('Move', 'k Up', ['k', 'up', 'C-p'], { kind: 'move', by: -1 }, 'up'),
  bind('Move', 'PgDn C-f', ['pagedown', 'C-f'], { kind: 'move', by: 'page' }, 'page down'),
  bind('Move', 'PgUp C-b', ['pageup', 'C-b'], { kind: 'move', by: '-page' }, 'page up'),
  bind('Move', 'g Home', ['g', 'home'], { kind: 'move', by: 'first' }, 'to the first (gg works too)'),
  bind('Move', 'G End', ['S-g', 'end'], { kind: 'move', by: 'last' }, 'to the last'),
  bind('Move', 'Left', ['left'], { kind: 'shift', by: -1 }, 'columns to the left'),
  bind('Move', 'Right', ['right'], { kind: 'shift', by: 1 }, 'columns to the right'),
  ...VIEW_NAMES.map((view) =>
    bind(
      'Views',
      VIEWS[view].key,
      [VIEWS[view].key],
      { kind: 'view', view },
      `${VIEWS[view].title}: ${VIEWS[view].help}`,
    ),
  ),
  bind('Views', 'Tab', ['tab'], { kind: 'next-view', by: 1 }, 'next view'),
  bind('Views', 'S-Tab', ['S-tab'], { kind: 'next-view', by: -1 }, 'previous view'),
  bind(
    'Views',
    'Enter',
    ['enter', 'linefeed'],
    { kind: 'open' },
    'details of the VM: charts, findings, devices, missing figures',
  ),
  bind(
    'Views',
    'n',
    ['n'],
    { kind: 'neighbours' },
    'noisy neighbours: VMs that ran on its CPUs during steal, or use its storage',
  ),
  bind('Views', 'y', ['y'], { kind: 'copy' }, 'copy the commands of the finding (terminals with OSC 52)'),
  bind('Views', 'z', ['z'], { kind: 'zoom' }, 'zoom: only the rows; in details: one chart at a time'),
  bind('Views', 'Esc', ['escape', 'backspace'], { kind: 'back' }, 'back'),
  bind('Sort and filter', 'P', ['S-p'], { kind: 'sort-by', column: 'cpu_percent' }, 'sort by CPU'),
  bind('Sort and filter', 'M', ['S-m'], { kind: 'sort-by', column: 'memory_used_bytes' }, 'sort by memory'),
  bind('Sort and filter', 'T', ['S-t'], { kind: 'sort-by', column: 'cpu_time_seconds' }, 'sort by CPU time'),
  bind('Sort and filter', 'N', ['S-n'], { kind: 'sort-by', column: 'name' }, 'sort by name'),
  bind('Sort and filter', 'D', ['S-d'], { kind: 'sort-by', column: 'steal_percent' }, 'sort by CPU steal'),
  bind('Sort and filter', '<', ['<'], { kind: 'sort-step', by: -1 }, 'sort by the column to the left'),
  bind('Sort and filter', '>', ['>'], { kind: 'sort-step', by: 1 }, 'sort by the column to the right'),
  bind('Sort and filter', 'F6 o', ['f6', 'o'], { kind: 'menu', menu: 'sort' }, 'sort menu'),
  bind('Sort and filter', 'I R', ['S-i', 'S-r'], { kind: 'invert' }, 'reverse order'),
  bind(
    'Sort and filter',
    '/ F4',
    ['/', 'f4'],
    { kind: 'prompt', purpose: 'filter' },
    'filter: web|db, !idle, steal>5, state=paused',
  ),
  bind('Sort and filter', '\\', ['\\'], { kind: 'clear-filter' }, 'clear filter'),
  bind('Sort and filter', 'B', ['S-b'], { kind: 'units' }, 'toggle bytes, or requests and packets'),
  bind('Sort and filter', 'c F2', ['c', 'f2'], { kind: 'menu', menu: 'columns' }, 'choose columns'),
  bind('Rows', 'Space', ['space'], { kind: 'tag' }, 'tag the VM'),
  bind('Rows', 't', ['t'], { kind: 'only-tagged' }, 'show only tagged VMs'),
  bind('Rows', 'U', ['S-u'], { kind: 'untag' }, 'untag all'),
  bind('Rows', 'F', ['S-f'], { kind: 'follow' }, 'follow the row when the order changes'),
  bind('Time', 'Z', ['S-z'], { kind: 'freeze' }, 'freeze the screen; sampling continues'),
  bind('Time', 'd s', ['d', 's'], { kind: 'prompt', purpose: 'delay' }, 'set the interval'),
  bind('Time', '+', ['+', '='], { kind: 'faster', factor: 2 }, 'halve the interval'),
  bind('Time', '-', ['-'], { kind: 'faster', factor: 0.5 }, 'double the interval'),
  bind('Time', 'r', ['r'], { kind: 'refresh' }, 'sample now and redraw the screen'),
  bind('Time', 'm', ['m'], { kind: 'mark' }, 'mark this sample'),
  bind('Time', 'x', ['x'], { kind: 'diff' }, 'changes since the mark'),
  bind('Time', ', .', [','], { kind: 'seek', by: -1 }, 'replay: one sample back, forward'),
  bind('Time', '', ['.'], { kind: 'seek', by: 1 }, ''),
  bind('Time', '[ ]', ['['], { kind: 'seek', by: -10 }, 'replay: ten samples back, forward'),
  bind('Time', '', [']'], { kind: 'seek', by: 10 }, ''),
  bind('Time', '{ }', ['{'], { kind: 'seek', by: Number.NEGATIVE_INFINITY }, 'replay: to start, to end'),
  bind('Time', '', ['}'], { kind: 'seek', by: Number.POSITIVE_INFINITY }, ''),
  bind('Time', 'p', ['p'], { kind: 'play' }, 'replay: play or pause'),
  bind('Console', ':', [':'], { kind: 'prompt', purpose: 'command' }, 'commands; Tab completes'),
  bind(
    'Console',
    'W',
    ['S-w'],
    { kind: 'save' },
    'save view, order, columns, theme, interval, units and ASCII',
  ),
  bind(
    'Console',
    'F3',
    ['f3'],
    { kind: 'menu', menu: 'theme' },
    'choose the theme (one is colour-blind safe)',
  ),
  bind('Console', '? h F1', ['?', 'h', 'f1'], { kind: 'help' }, 'this help; / searches it'),
  bind('Console', 'C-z', ['C-z'], { kind: 'suspend' }, 'suspend; fg resumes'),
  bind('Console', 'q C-c F10', ['q', 'C-c', 'f10'], { kind: 'quit' }, 'quit'),
];

const BY_KEY: ReadonlyMap<string, Action> = new Map(
  BINDINGS.flatMap(({ keys, action }) => keys.map((key) => [key, action] as const)),
);

export function actionOf(key: string): Action | undefined {
  return BY_KEY.get(key);
}
