import { shellLine } from '../../model/shell-command.ts';

/** User and password in a URL, as of `--prometheus https://USER:PASSWORD@HOST`. */
const CREDENTIALS = /(https?:\/\/)[^/?#\s]*@/gi;

/** The command line for journals, locks and reports, which others may read: credentials are removed from URLs. */
export const commandLine = (args: readonly string[] = process.argv.slice(2)): string =>
  shellLine(['virtune', ...args.map((arg) => arg.replaceAll(CREDENTIALS, '$1'))]);
