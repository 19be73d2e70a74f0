/** A line for the operator, on standard error: standard output is for what a command yields. */
export function log(message: string): void {
  process.stderr.write(`${printable(message)}\n`);
}

/** Names and messages come from elsewhere: no escape code of theirs reaches the terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, (c) =>
    c === '\n' ? c : `\\u${(c.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}
