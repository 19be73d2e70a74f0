import { terminalText } from '../model/terminal-text.ts';

/** A line of what a command yields, on standard output. Names in it are untrusted text. */
export function printLine(line: string): void {
  process.stdout.write(`${terminalText(line)}\n`);
}
