/**
 * An argument list as one line to paste into a POSIX shell. Whatever a VM's name, it stays one argument: only a few
 * characters stay unquoted, others are single-quoted, and anything but printable ASCII becomes octal bytes of printf,
 * so that the line can neither control the terminal that shows it nor change on its way through a clipboard.
 */
export function shellLine(args: readonly string[]): string {
  return args.map(quoted).join(' ');
}

/**
 * The same over several lines of exactly `width` columns (except the last), each but the last with a backslash in its
 * last column, so that a terminal that copies trailing spaces adds none after it. Undefined when an argument does not
 * fit on a line.
 */
export function shellLines(args: readonly string[], width: number): string[] | undefined {
  const lines: string[] = [];
  let line = '';
  for (const [index, arg] of args.entries()) {
    const word = quoted(arg);
    const longer = line === '' ? word : `${line} ${word}`;
    // The last argument needs no room for a backslash.
    if (longer.length <= width - (index === args.length - 1 ? 0 : 2)) {
      line = longer;
      continue;
    }
    if (line === '' || word.length > width - (index === args.length - 1 ? 0 : 2)) return undefined;
    lines.push(`${line.padEnd(width - 1)}\\`);
    line = word;
  }
  return [...lines, line];
}

/** Marks a truncated command: a syntax error in any shell, so that the rest cannot run. */
const CUT = ' <cut>';

/** The line if it fits into `width`; else its start and the mark. */
export function shellLineWithin(args: readonly string[], width: number): string {
  const line = shellLine(args);
  return line.length <= width ? line : `${line.slice(0, Math.max(0, width - CUT.length))}${CUT}`;
}

function quoted(arg: string): string {
  if (/^[\w@%+=:,./-]+$/.test(arg)) return arg;
  if (/^[ -~]*$/.test(arg)) return `'${arg.replaceAll("'", "'\\''")}'`;
  const bytes = [...new TextEncoder().encode(arg)];
  // A command substitution strips trailing newlines. Domain names cannot have any, since libvirt refuses them.
  if (arg.endsWith('\n')) return `$'${bytes.map(octal).join('')}'`;
  const written = bytes.map((byte, index) => {
    const char = String.fromCharCode(byte);
    if (char === '%') return '%%';
    const isPlain = /[ -~]/.test(char) && char !== "'" && char !== '\\' && !(char === '-' && index === 0);
    return isPlain ? char : octal(byte);
  });
  return `"$(printf '${written.join('')}')"`;
}

const octal = (byte: number): string => `\\${byte.toString(8).padStart(3, '0')}`;
