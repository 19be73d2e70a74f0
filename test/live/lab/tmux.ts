import { spawnSync } from 'node:child_process';
import { VIRTUNE } from '../../virtune-process.ts';
import { run, until } from './run.ts';

export interface TmuxOptions {
  readonly term: string;
  readonly width?: number;
  readonly height?: number;
  readonly env?: Readonly<Record<string, string>>;
}

let count = 0;

const topCommand = (args: readonly string[]): string =>
  [...VIRTUNE, 'top', '--no-config', ...args].map((arg) => `'${arg}'`).join(' ');

/** A real terminal to type into and to look at: tmux on a separate socket, with a shell in it. */
export class Tmux {
  readonly #socket = `virtune-${process.pid}-${count++}`;

  constructor({ term, width = 100, height = 30, env = {} }: TmuxOptions) {
    const environment = Object.entries({ TERM: term, LANG: 'C.UTF-8', PS1: 'prompt> ', ...env });
    const shell = [
      'env',
      '-u',
      'NO_COLOR',
      ...environment.map(([name, value]) => `${name}=${value}`),
      'bash',
      '--norc',
      '--noprofile',
    ];
    this.#tmux(
      '-f',
      '/dev/null',
      'new-session',
      '-d',
      '-s',
      's',
      '-x',
      String(width),
      '-y',
      String(height),
      ...shell,
    );
  }

  /** Types a command line that starts `virtune top`. */
  top(...args: readonly string[]): void {
    this.type(`clear; ${topCommand(args)}`);
    this.press('Enter');
  }

  /** The same twice, in a shell that does not restore the terminal in between. */
  topTwice(...args: readonly string[]): void {
    this.type(`clear; dash -c "${topCommand(args)}; ${topCommand(args)}"`);
    this.press('Enter');
  }

  type(text: string): void {
    this.#tmux('send-keys', '-t', 's', '-l', text);
  }

  press(...keys: readonly string[]): void {
    this.#tmux('send-keys', '-t', 's', ...keys);
  }

  /** Clicks at a position, as a terminal reports it (SGR, button 1 down and up). */
  click(x: number, y: number): void {
    this.type(`\u001b[<0;${x + 1};${y + 1}M`);
    this.type(`\u001b[<0;${x + 1};${y + 1}m`);
  }

  resize(width: number, height: number): void {
    this.#tmux('resize-window', '-t', 's', '-x', String(width), '-y', String(height));
  }

  /** The contents of the screen; with `styled`, including escape codes. */
  screen(styled = false): string {
    return this.#tmux('capture-pane', '-p', '-t', 's', ...(styled ? ['-e'] : []));
  }

  get lines(): string[] {
    return this.screen().split('\n');
  }

  /** Whether the alternate screen is on, the cursor is shown, and the mouse is reported. */
  flags(): { readonly alternate: boolean; readonly cursor: boolean; readonly mouse: boolean } {
    const [alternate, cursor, mouse] = this.#tmux(
      'display-message',
      '-p',
      '-t',
      's',
      '#{alternate_on}#{cursor_flag}#{mouse_any_flag}',
    );
    return { alternate: alternate === '1', cursor: cursor === '1', mouse: mouse === '1' };
  }

  /** The foreground process. */
  get command(): string {
    return this.#tmux('display-message', '-p', '-t', 's', '#{pane_current_command}').trim();
  }

  get shellPid(): number {
    return Number(this.#tmux('display-message', '-p', '-t', 's', '#{pane_pid}'));
  }

  until(what: string, test: (screen: string) => boolean, timeoutMs = 60_000): Promise<true> {
    return until(`${what} on the screen:\n${this.screen()}`, timeoutMs, () => test(this.screen())).then(
      () => true,
    );
  }

  close(): void {
    spawnSync('tmux', ['-L', this.#socket, 'kill-server']);
  }

  #tmux(...args: readonly string[]): string {
    return run('tmux', ['-L', this.#socket, ...args]);
  }
}
