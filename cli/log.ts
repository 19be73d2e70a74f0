import { terminalLines } from '../model/terminal-text.ts';
import { textWithCode } from '../model/virtune-error.ts';
import { EXIT_CODES } from './exit-codes.ts';

/** Writes a line for the operator to standard error; standard output is for a command's results. */
export function log(message: string): void {
  process.stderr.write(`${terminalLines(message)}\n`);
}

/** `textWithCode`, with the code of the error's cause if it has none: for third-party errors that wrap ours. */
export function errorText(error: Error): string {
  return textWithCode({ message: error.message, code: codeOf(error) });
}

/** Not Node.js' codes of system errors: their messages already contain them. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'string' && Object.hasOwn(EXIT_CODES, code) ? code : codeOf(error.cause);
}
