/**
 * An argument list as one line to paste into bash or zsh. Whatever a VM is called, it stays one argument: only a
 * few characters go bare, others within single quotes, and what is not printable ASCII as bytes in $'...', so
 * that the line can neither command the terminal that shows it nor be changed on its way through a clipboard.
 */
export function shellLine(args: readonly string[]): string {
  return args.map(quoted).join(' ');
}

function quoted(arg: string): string {
  if (/^[\w@%+=:,./-]+$/.test(arg)) return arg;
  if (/^[ -~]*$/.test(arg)) return `'${arg.replaceAll("'", "'\\''")}'`;
  const written = [...new TextEncoder().encode(arg)].map((byte) => {
    const char = String.fromCharCode(byte);
    if (char === "'" || char === '\\') return `\\${char}`;
    return byte >= 0x20 && byte < 0x7f ? char : `\\x${byte.toString(16).padStart(2, '0')}`;
  });
  return `$'${written.join('')}'`;
}
