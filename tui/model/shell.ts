/**
 * An argument list as one line to paste into a POSIX shell. Whatever a VM is called, it stays one argument:
 * only a few characters go bare, all else is within single quotes, and controls are written as printf escapes
 * in $'...', so that nothing in the line can command the terminal it is pasted into.
 */
export function shellLine(args: readonly string[]): string {
  return args.map(quoted).join(' ');
}

function quoted(arg: string): string {
  if (/^[\w@%+=:,./-]+$/.test(arg)) return arg;
  if (!/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}]/u.test(arg)) return `'${arg.replaceAll("'", "'\\''")}'`;
  const body = [...arg].map((char) => {
    if (char === "'" || char === '\\') return `\\${char}`;
    if (!/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}]/u.test(char)) return char;
    return [...new TextEncoder().encode(char)]
      .map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`)
      .join('');
  });
  return `$'${body.join('')}'`;
}
