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

/** Why a user's file cannot be read, and what to do; follows the path and `cannot be read: `. */
export function unreadableText(error: unknown): string {
  const { code, blockedBy = [] } = error as NodeJS.ErrnoException & {
    readonly blockedBy?: readonly string[];
  };
  return `${systemErrorText(error)}; ${blockedBy.length > 0 ? 'check those file systems' : nextStep(code)}`;
}

function nextStep(code: string | undefined): string {
  if (code === 'EISDIR') return 'name a file, not a folder';
  if (code === 'EFBIG') return 'name another file';
  if (code === 'EACCES' || code === 'EPERM') return 'check that the user of virtune may read it';
  if (code === 'ETIMEDOUT') return 'check the file system that it is on';
  return 'check the path';
}
