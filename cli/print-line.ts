import { terminalText } from '../model/terminal-text.ts';

/** Writes one line of a command's results to standard output. Names in it are untrusted text. */
export function printLine(line: string): void {
  process.stdout.write(`${terminalText(line)}\n`);
}
