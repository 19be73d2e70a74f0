import { shellLine } from '../../model/shell-command.ts';

/** User and password in a URL, as of `--prometheus https://USER:PASSWORD@HOST`. */
const CREDENTIALS = /(https?:\/\/)[^/?#\s]*@/gi;

/** The command as journals, locks and reports keep it: others may read them, so a URL has no credentials there. */
export const commandLine = (args: readonly string[] = process.argv.slice(2)): string =>
  shellLine(['virtune', ...args.map((arg) => arg.replaceAll(CREDENTIALS, '$1'))]);
