import { shellLine } from '../../model/shell-command.ts';

/** A word for sh, bash and zsh. */
export const quoted = (text: string): string => shellLine([text]);

/** A word for fish, where a backslash within quotes escapes. */
export function fishQuoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
