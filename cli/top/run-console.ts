import { openSync } from 'node:fs';
import { ReadStream, type WriteStream } from 'node:tty';
import { Console } from '../../tui/app.ts';
import type { Feed } from '../../tui/feed/feed.ts';
import { settingsOf } from '../../tui/state/settings.ts';
import type { UiState } from '../../tui/state/state.ts';
import type { Abilities } from '../../tui/terminal/abilities.ts';
import { Terminal } from '../../tui/terminal/terminal.ts';
import { ExitCode } from '../exit-codes.ts';
import { log } from '../log.ts';
import { UsageError } from '../usage-error.ts';
import { repairRawTerminal } from './raw-terminal.ts';
import { writeSettings } from './settings-file.ts';

export interface RunConsoleOptions {
  readonly feed: Feed;
  readonly state: UiState;
  readonly abilities: Abilities;
  readonly mouse: boolean;
  /** Ends after this many samples of each host; runs until stopped when absent. */
  readonly iterations?: number | undefined;
}

const ENDING_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Takes the terminal, and restores it however this ends. */
export async function runConsole({
  feed,
  state,
  abilities,
  mouse,
  iterations,
}: RunConsoleOptions): Promise<number> {
  const input = terminalInput();
  repairRawTerminal((input as ReadStream & { readonly fd: number }).fd);
  const ui = new Console({
    feed,
    state,
    mono: abilities.colours === 0,
    ascii: !abilities.unicode,
    iterations,
    save: async (now) => `saved to ${await writeSettings(settingsOf(now))}`,
    suspend,
  });
  const terminal = new Terminal({
    input,
    output: process.stdout as WriteStream,
    term: process.env['TERM'] ?? 'xterm',
    unicode: abilities.unicode && !state.ascii,
    colours: abilities.colours,
    mouse: mouse && abilities.mouse,
    onKey: (key, char) => ui.key(key, char),
    onMouse: (event) => ui.mouse(event),
    onResize: () => ui.draw(),
  });
  const crash = (error: unknown): void => {
    terminal.close();
    log(`virtune top: internal error, please report it: ${(error as Error)?.stack ?? error}`);
    process.exit(ExitCode.software);
  };
  const stop = (): void => ui.quit();
  const onStopSignal = (): void => suspend();
  // After SIGSTOP, which cannot be caught: the shell has drawn over the screen.
  const onContinued = (): void => {
    terminal.retake();
    ui.draw();
  };
  process.on('uncaughtException', crash);
  for (const signal of ENDING_SIGNALS) process.on(signal, stop);
  process.on('SIGTSTP', onStopSignal);
  process.on('SIGCONT', onContinued);
  // No stack trace when the terminal is gone (EIO, EPIPE).
  process.stdout.on('error', stop);
  try {
    await ui.run(terminal);
    return ExitCode.ok;
  } finally {
    terminal.close();
    process.off('uncaughtException', crash);
    for (const signal of ENDING_SIGNALS) process.off(signal, stop);
    process.off('SIGTSTP', onStopSignal);
    process.off('SIGCONT', onContinued);
    input.destroy();
  }

  /**
   * Like the terminal's own C-z: stops the whole process group, including a shell script or npm that started virtune,
   * so that the shell gets its terminal back. For an orphaned process group, which no shell could continue, the kernel
   * ignores the signal, and only a frame is lost.
   */
  function suspend(): void {
    terminal.suspend();
    process.off('SIGTSTP', onStopSignal);
    process.kill(0, 'SIGTSTP');
    // Runs after SIGCONT.
    setImmediate(() => {
      process.on('SIGTSTP', onStopSignal);
      terminal.resume();
      ui.draw();
    });
  }
}

/** Keys come from the terminal even when standard input is a pipe. */
function terminalInput(): ReadStream {
  if (process.stdin.isTTY) return process.stdin as ReadStream;
  try {
    return new ReadStream(openSync('/dev/tty', 'r'));
  } catch (error) {
    throw new UsageError('stdin is not a terminal; use --batch', { cause: error });
  }
}
