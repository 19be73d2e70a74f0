import { printableLines } from '../model/printable.ts';

/** A line for the operator, on standard error: standard output is for what a command yields. */
export function log(message: string): void {
  process.stderr.write(`${printableLines(message)}\n`);
}
