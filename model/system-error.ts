/**
 * A system error's text without the call and the path that Node.js adds (`, open '/x'`), for a message that names the
 * path: `ENOENT: no such file or directory`.
 */
export function systemErrorText(error: unknown): string {
  const { message, syscall, path } = error as Error & { readonly syscall?: string; readonly path?: string };
  if (syscall === undefined) return message;
  const added = path === undefined ? `, ${syscall}` : `, ${syscall} '${path}'`;
  const at = message.lastIndexOf(added);
  return at < 0 ? message : message.slice(0, at);
}
