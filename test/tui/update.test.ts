import { expect, test } from 'vitest';
import { BINDINGS } from '../../tui/state/bindings.ts';
import type { Effect } from '../../tui/state/effects.ts';
import { afterSample, selectedIndex } from '../../tui/state/rows.ts';
import type { Seen } from '../../tui/state/seen.ts';
import { INITIAL_STATE, type UiState } from '../../tui/state/state.ts';
import { update } from '../../tui/state/update.ts';

const SEEN: Seen = {
  rows: ['a', 'b', 'c', 'd', 'e', 'f'],
  vmKeys: ['a', 'b', 'c', 'd', 'e', 'f'],
  page: 3,
  textMax: 20,
  columns: ['name', 'state', 'cpu_percent', 'steal_percent'],
  charts: 6,
  commands: [
    ['virsh', 'vcpupin', 'a b', '0', '4'],
    ['virsh', 'vcpupin', 'a b', '1', '5'],
  ],
};

/** The state after these keys; a character is its own key. */
function after(
  keys: readonly string[],
  state: UiState = INITIAL_STATE,
  seen: Seen = SEEN,
): { state: UiState; effects: Effect[] } {
  let now = state;
  const effects: Effect[] = [];
  for (const key of keys) {
    const char = key === 'space' ? ' ' : [...key].length === 1 ? key : undefined;
    const name = char !== undefined && /^[A-Z]$/.test(char) ? `S-${char.toLowerCase()}` : key;
    const outcome = update(now, name, char, seen);
    now = outcome.state;
    effects.push(...outcome.effects);
  }
  return { state: now, effects };
}

const selected = (state: UiState): number => selectedIndex(state, SEEN.rows);

test('keys of vi, arrows and pages move the cursor, and stop at the ends', () => {
  expect(selected(after(['j', 'down']).state)).toBe(2);
  expect(selected(after(['j', 'k', 'up', 'k']).state)).toBe(0);
  expect(selected(after(['G']).state)).toBe(5);
  expect(selected(after(['G', 'g', 'g']).state)).toBe(0);
  expect(selected(after(['pagedown']).state)).toBe(2);
  expect(after(['G']).state.top.vms).toBe(3);
});

test('the cursor stays on its row when others overtake it, and following keeps it in sight', () => {
  const { state } = after(['j', 'F']);
  expect(state.follow).toBe(true);
  const overtaken: Seen = {
    ...SEEN,
    rows: ['c', 'd', 'e', 'f', 'a', 'b'],
    vmKeys: ['c', 'd', 'e', 'f', 'a', 'b'],
  };
  expect(selectedIndex(state, overtaken.rows)).toBe(5);
  expect(afterSample(state, overtaken).top.vms).toBe(3);
  expect(afterSample({ ...state, follow: false }, overtaken).top.vms).toBeUndefined();
});

test('P, M, T and N sort as in virt-top, and the same key again turns it round', () => {
  expect(after(['M']).state.sorts.vms).toEqual({ column: 'memory_used_bytes', descending: true });
  expect(after(['N']).state.sorts.vms).toEqual({ column: 'name', descending: false });
  expect(after(['T', 'T']).state.sorts.vms).toEqual({ column: 'cpu_time_seconds', descending: false });
  expect(after(['I']).state.sorts.vms.descending).toBe(false);
  expect(after(['>']).state.sorts.vms.column).toBe('steal_percent');
  expect(after(['<', '<']).state.sorts.vms.column).toBe('name');
});

test('the sort menu offers every column', () => {
  const { state } = after(['f6', 'down', 'enter']);
  expect(state.mode).toEqual({ kind: 'browse' });
  expect(state.sorts.vms.column).toBe('steal_percent');
});

test('a filter holds as it is typed, Enter keeps it and Esc takes it back', () => {
  const typing = after(['/', 'w', 'e', 'b']).state;
  expect(typing.filter).toBe('web');
  expect(after(['enter'], typing).state).toMatchObject({ filter: 'web', mode: { kind: 'browse' } });
  expect(after(['escape'], typing).state).toMatchObject({ filter: '', mode: { kind: 'browse' } });
  // In a text field, keys are letters.
  expect(after(['/', 'q', 'space', 'backspace', 'j']).state.filter).toBe('qj');
  expect(after(['\\'], after(['enter'], typing).state).state.filter).toBe('');
});

test('numbers change the view, Enter opens, Esc goes back one step at a time', () => {
  expect(after(['3']).state.view).toBe('disks');
  expect(after(['tab', 'tab', 'S-tab']).state.view).toBe('cpus');
  const opened = after(['j', 'enter', 'z']).state;
  expect(opened.detail).toMatchObject({ key: 'b', chart: 0 });
  expect(after(['escape'], opened).state.detail).toMatchObject({ chart: undefined });
  expect(after(['escape', 'escape'], opened).state.detail).toBeUndefined();
  expect(after(['n']).state.detail).toMatchObject({ key: 'a', part: 'neighbours' });
});

test('tags, freezing, zoom and units are switches', () => {
  expect([...after(['space', 'space']).state.tagged]).toEqual(['a', 'b']);
  expect(after(['space', 't']).state.onlyTagged).toBe(true);
  expect(after(['t']).state.message?.text).toContain('Space');
  expect(after(['space', 'U']).state.tagged.size).toBe(0);
  expect(after(['Z']).state.frozen).toBe(true);
  expect(after(['Z', 'Z', 'z', 'B']).state).toMatchObject({ frozen: false, zoomed: true, units: 'requests' });
});

test('the delay is asked for, halved and doubled, and stays within its bounds', () => {
  expect(after(['d', '2', '.', '5', 'enter'])).toMatchObject({
    state: { delayMs: 2_500 },
    effects: [{ kind: 'delay' }],
  });
  expect(after(['+', '-', '-']).state.delayMs).toBe(2_000);
  expect(after(Array.from({ length: 9 }, () => '+')).state.delayMs).toBe(100);
  expect(after(['d', 'x', 'enter']).state.message?.role).toBe('bad');
});

test('the command palette completes, runs and refuses', () => {
  const typed = (text: string): UiState =>
    after([':', ...text].map((char) => (char === ' ' ? 'space' : char))).state;
  const line = (state: UiState): string => (state.mode.kind === 'prompt' ? state.mode.text : '');
  expect(line(after(['tab'], typed('so')).state)).toBe('sort ');
  expect(line(after(['tab'], typed('sort steal')).state)).toBe('sort steal_percent ');
  expect(after(['enter'], typed('sort name desc')).state.sorts.vms).toEqual({
    column: 'name',
    descending: true,
  });
  expect(after(['enter'], typed('columns -wait +uuid')).state.hidden.vms).toEqual(['wait_percent']);
  expect(after(['enter'], typed('theme colour-blind')).state.theme).toBe('colour-blind');
  expect(after(['enter'], typed('record /tmp/x')).effects).toEqual([{ kind: 'record', file: '/tmp/x' }]);
  expect(after(['enter'], typed('q')).effects).toEqual([{ kind: 'quit' }]);
  expect(after(['enter'], typed('s')).state.message?.text).toContain('sort');
  expect(after(['enter'], typed('nonsense')).state.message?.role).toBe('bad');
});

test('help is searched, scrolled and left', () => {
  const searching = after(['?', '/', 's', 't', 'e', 'a', 'l']).state;
  expect(searching.mode).toMatchObject({ kind: 'help', query: 'steal', typing: true });
  expect(after(['enter', 'j'], searching).state.mode).toMatchObject({ typing: false, top: 1 });
  expect(after(['enter', 'escape'], searching).state.mode).toEqual({ kind: 'browse' });
  expect(after(['enter', 'q'], searching).effects).toEqual([]);
});

test('quitting, suspending, saving, marking and scrubbing are effects for the caller', () => {
  for (const [key, effect] of [
    ['q', 'quit'],
    ['C-c', 'quit'],
    ['C-z', 'suspend'],
    ['W', 'save'],
    ['m', 'mark'],
    ['r', 'refresh'],
    ['p', 'play'],
  ] as const) {
    expect(after([key]).effects, key).toEqual([{ kind: effect }]);
  }
  expect(after([',']).effects).toEqual([{ kind: 'seek', by: -1 }]);
  // C-c quits everywhere.
  for (const mode of [['/'], ['f6'], ['?'], [':']])
    expect(after([...mode, 'C-c']).effects).toEqual([{ kind: 'quit' }]);
});

test('no key has two meanings', () => {
  const keys = BINDINGS.flatMap((binding) => binding.keys);
  expect(keys.length).toBe(new Set(keys).size);
});

test('y copies the commands of the finding that is looked at, each as one line for a shell', () => {
  const { state, effects } = after(['y']);
  expect(effects).toEqual([{ kind: 'copy', text: "virsh vcpupin 'a b' 0 4\nvirsh vcpupin 'a b' 1 5" }]);
  expect(state.message?.text).toContain('copied 2 commands');
  const nothing = after(['y'], INITIAL_STATE, { ...SEEN, commands: [] });
  expect(nothing.effects).toEqual([]);
  expect(nothing.state.message?.text).toBe('no finding with a command here');
});
