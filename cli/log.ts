import { terminalLines } from '../model/terminal-text.ts';
import { textWithCode } from '../model/virtune-error.ts';
import { EXIT_CODES } from './exit-codes.ts';

/** A line for the operator, on standard error: standard output is for what a command yields. */
export function log(message: string): void {
  process.stderr.write(`${terminalLines(message)}\n`);
}

/** `textWithCode`, with the code of the error's cause where it has none: for errors of others that wrap ours. */
export function errorText(error: Error): string {
  return textWithCode({ message: error.message, code: codeOf(error) });
}

/** Not Node.js' codes of system errors: the messages have them. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'string' && Object.hasOwn(EXIT_CODES, code) ? code : codeOf(error.cause);
}
