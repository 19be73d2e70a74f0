import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { ensurePackages } from './lab/packages.ts';
import { until } from './lab/run.ts';
import { Tmux, type TmuxOptions } from './lab/tmux.ts';

ensurePackages();

const RECORDINGS = join(import.meta.dirname, '../tui/recordings');
const TERMS = ['xterm-256color', 'screen-256color', 'tmux-256color', 'xterm', 'linux', 'vt100'];

let open: Tmux[] = [];
afterEach(() => {
  for (const tmux of open) tmux.close();
  open = [];
});

function terminal(options: TmuxOptions): Tmux {
  const tmux = new Tmux(options);
  open.push(tmux);
  return tmux;
}

/** What blessed prints of itself when it does not understand a terminal, and codes that did not become one. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
const GARBAGE = /plab_norm|Setulc|function|undefined|NaN|\[object|\u001b|\[\?\d+[hl]|\[<\d/;

const isUp = (screen: string): boolean =>
  /^.batch-01 .* R running/m.test(screen) && !/^.batch-01 .*\.\.\./m.test(screen);

/** Checks that the terminal is as the shell had it: the normal screen, a cursor, no mouse, line mode and echo. */
async function expectRestored(tmux: Tmux): Promise<void> {
  await until('the shell to be back', 15_000, () => tmux.command === 'bash');
  expect(tmux.flags()).toEqual({ alternate: false, cursor: true, mouse: false });
  tmux.type('clear; stty -a | tr " " "\\n" | grep -xE ".?(icanon|echo|isig)" | tr "\\n" " "');
  tmux.press('Enter');
  await tmux.until('the modes', (screen) => /^isig icanon echo/m.test(screen));
}

test.each(TERMS)(
  'on %s it draws, follows a resize, stops and continues, and restores the terminal',
  async (term) => {
    const tmux = terminal({ term });
    tmux.top('--demo');
    await tmux.until('VMs with rates', isUp);
    const screen = tmux.screen();
    expect(screen).not.toMatch(GARBAGE);
    expect(tmux.lines[0]).toMatch(/^ virtune top calm {2}14 VMs/);
    expect(tmux.lines[29]).toContain('? help');
    expect(tmux.flags().cursor).toBe(false);

    tmux.resize(140, 40);
    await tmux.until('the new size', (now) => now.split('\n')[39]?.includes('? help') === true);
    expect(tmux.screen()).not.toMatch(GARBAGE);
    tmux.resize(60, 14);
    await tmux.until(
      'the small size',
      (now) => now.split('\n')[13]?.includes('? help') === true && isUp(now),
    );

    tmux.press('C-z');
    await tmux.until('the shell to say that it is stopped', (now) => now.includes('Stopped'));
    expect(tmux.flags()).toEqual({ alternate: false, cursor: true, mouse: false });
    tmux.type('fg');
    tmux.press('Enter');
    await tmux.until('the console to be back', (now) => isUp(now) && !now.includes('Stopped'));
    expect(tmux.screen()).not.toMatch(GARBAGE);

    tmux.press('C-c');
    await expectRestored(tmux);
  },
);

test('keys do what the help says: views, details, filter, sort, freeze, palette', async () => {
  const tmux = terminal({ term: 'xterm-256color', width: 120, height: 40 });
  tmux.top('--replay', join(RECORDINGS, 'noisy-neighbour.rec'));
  await tmux.until('the recording', (screen) => screen.includes('REPLAY 2/60'));
  tmux.press('}');
  await tmux.until('its end', (screen) => screen.includes('REPLAY 60/60'));
  tmux.press('D');
  await tmux.until(
    'who waits most first',
    (screen) => /STEAL%?v/.test(screen) && /^>(pg-orders|noisy-build)/m.test(screen),
  );
  tmux.press('/');
  tmux.type('pg-o');
  tmux.press('Enter');
  await tmux.until('one row', (screen) => screen.includes('1/1') && screen.includes('>pg-orders'));
  tmux.press('Enter');
  await tmux.until(
    'charts and findings',
    (screen) => screen.includes('CPU %  used') && screen.includes('the pins of 2 VMs overlap on CPU 0-1'),
  );
  tmux.press('n');
  await tmux.until('who was noisy', (screen) => /noisy-build +\[\|+ *\]/.test(screen));
  tmux.press('Escape');
  // Read together with the next key, Escape would form a different key.
  await tmux.until(
    'the VMs again',
    (screen) => screen.includes('1/1') && !screen.includes('Noisy neighbours'),
  );
  tmux.press('1');
  await tmux.until('CPUs', (screen) => screen.includes('*pg-orders:0 *noisy-build:0'));
  tmux.press(':');
  tmux.type('view nu');
  tmux.press('Tab', 'Enter');
  await tmux.until('NUMA', (screen) => screen.includes('Free capacity'));
  tmux.press('?');
  await tmux.until('help', (screen) => screen.includes('virtune top: help'));
  tmux.press('q', 'q');
  await expectRestored(tmux);
});

test('the mouse sorts, chooses, opens and changes views, beyond column 223 too', async () => {
  const tmux = terminal({ term: 'xterm-256color', width: 260, height: 30 });
  tmux.top('--replay', join(RECORDINGS, 'noisy-neighbour.rec'));
  await tmux.until('the recording', (screen) => screen.includes('REPLAY 2/60'));
  expect(tmux.flags().mouse).toBe(true);
  const at = (title: string): number => (tmux.lines[5] ?? '').indexOf(title);
  const far = at('TIME+') + 'TIME'.length;
  expect(far).toBeGreaterThan(223);
  tmux.click(far, 5);
  await tmux.until('the order by time', (screen) => (screen.split('\n')[5] ?? '').includes('TIME+v'));
  // A row that is not selected yet: a click on the selected one opens it.
  const row = tmux.lines[8]?.startsWith('>') === true ? 9 : 8;
  tmux.click(5, row);
  await tmux.until('the row to be chosen', (screen) => screen.split('\n')[row]?.startsWith('>') === true);
  const name = /^>(\S+)/.exec(tmux.lines[row] ?? '')?.[1] ?? '';
  tmux.click(5, row);
  await tmux.until('its details', (screen) => screen.includes(`\n ${name} on noisy-neighbour`));
  tmux.press('Escape');
  await tmux.until('the table', (screen) => screen.includes('TIME+v'));
  tmux.click((tmux.lines[4] ?? '').indexOf('Disks') + 1, 4);
  await tmux.until('disks', (screen) => screen.includes('WRITE/v') || screen.includes('WRITE/sv'));
  // A click is not typed into a text field.
  tmux.press('/');
  await tmux.until('the field', (screen) => screen.includes('filter: _'));
  tmux.click(5, 8);
  tmux.type('x');
  await tmux.until('the filter', (screen) => screen.includes('filter: x_'));
  tmux.press('C-c');
  await expectRestored(tmux);
});

test('hostile names are harmless on a real terminal, and every column stays where it is', async () => {
  const tmux = terminal({ term: 'tmux-256color', width: 120, height: 40 });
  tmux.top('--replay', join(RECORDINGS, 'hostile-names.rec'));
  await tmux.until('the recording', (screen) => screen.includes('REPLAY 2/4'));
  // Checked in the terminal's own columns: a mark in each row's STATE column, which tmux returns cell by cell.
  const rows = tmux.lines.slice(6, 32);
  expect(rows.filter((row) => row.includes('R running'))).toHaveLength(26);
  const state = (tmux.lines[5] ?? '').indexOf('STATE');
  const columns = rows.map((row) => columnsBefore(row, 'R running'));
  expect(new Set(columns)).toEqual(new Set([state]));
  expect(tmux.screen()).toContain('{red-fg}tags{/red-');
  // Scrolling up and down leaves no artifacts.
  tmux.press('G', 'g', 'PPage', 'NPage', 'I', 'I');
  await tmux.until('the same again', (screen) =>
    screen
      .split('\n')
      .slice(6, 32)
      .every((row) => columnsBefore(row, 'R running') === state),
  );
  tmux.press('q');
  await expectRestored(tmux);
});

/** Columns before a text, by the East Asian width that terminals use. */
function columnsBefore(row: string, text: string): number {
  const before = row.slice(0, row.indexOf(text));
  let columns = 0;
  for (const char of before) {
    if (/[\p{Mn}\u200e]/u.test(char)) continue;
    columns += /[\u1100-\u115f\u2e80-\u9fff\uac00-\ud7a3\uff00-\uff60\u{1f300}-\u{1faff}]/u.test(char)
      ? 2
      : 1;
  }
  return columns;
}

test.each([
  ['a terminating signal', 'SIGTERM'],
  ['the end of its terminal', 'SIGHUP'],
] as const)('%s leaves the terminal as it was', async (_, signal) => {
  const tmux = terminal({ term: 'xterm-256color' });
  tmux.top('--demo');
  await tmux.until('VMs', isUp);
  process.kill(childOf(tmux.shellPid), signal);
  await expectRestored(tmux);
});

test('a crash leaves the terminal as it was, and says what happened', async () => {
  const tmux = terminal({
    term: 'xterm-256color',
    env: { NODE_OPTIONS: `--import=${join(import.meta.dirname, 'lab/crash-on-usr2.ts')}` },
  });
  tmux.top('--demo');
  await tmux.until('VMs', isUp);
  process.kill(childOf(tmux.shellPid), 'SIGUSR2');
  await tmux.until(
    'the report',
    (screen) => screen.includes('internal error') && screen.includes('crashed on purpose'),
  );
  await expectRestored(tmux);
});

test.each(['SIGTSTP', 'SIGSTOP'] as const)('stopped by %s and continued, it is as it was', async (signal) => {
  const tmux = terminal({ term: 'xterm-256color' });
  tmux.top('--demo');
  await tmux.until('VMs', isUp);
  const pid = childOf(tmux.shellPid);
  process.kill(pid, signal);
  await tmux.until('the shell', (screen) => screen.includes('Stopped'));
  tmux.type('fg');
  tmux.press('Enter');
  await tmux.until('the console', (screen) => isUp(screen) && !screen.includes('Stopped'));
  expect(tmux.flags()).toEqual({ alternate: true, cursor: false, mouse: true });
  // Read at once, and not echoed.
  tmux.type('/zz');
  await tmux.until('the filter', (screen) => screen.includes('filter: zz_'));
  tmux.press('C-c');
  await expectRestored(tmux);
});

test('NO_COLOR draws without colours, and says with weight and letters what colours said', async () => {
  const tmux = terminal({ term: 'xterm-256color', env: { NO_COLOR: '1' } });
  tmux.top('--demo');
  await tmux.until('VMs', isUp);
  const styled = tmux.screen(true);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape codes are what is looked for
  const codes = [...styled.matchAll(/\u001b\[([\d;]*)m/g)].flatMap((match) => (match[1] ?? '').split(';'));
  expect(
    codes.filter((code) => /^(3|4|9|10)\d$|^38$|^48$/.test(code) && code !== '39' && code !== '49'),
  ).toEqual([]);
  expect(codes).toContain('7');
  tmux.press('q');
  await expectRestored(tmux);
});

/** The shell's foreground process. */
function childOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);
}

test('a console that is killed leaves the terminal raw, and the next one restores it', async () => {
  const tmux = terminal({ term: 'xterm-256color' });
  tmux.topTwice('--demo');
  await tmux.until('VMs with rates', isUp);
  const dash = childOf(tmux.shellPid);
  const killed = childOf(dash);
  process.kill(killed, 'SIGKILL');
  await until('the second console', 60_000, () => childOf(dash) !== killed && isUp(tmux.screen()));
  tmux.press('q');
  await expectRestored(tmux);
});
