import stringWidth from 'string-width';
import { terminalText } from '../model/terminal-text.ts';

/** Columns side by side, each as wide as its widest cell. Cells are untrusted, and made harmless here. */
export function textTable(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const lines = [head, ...rows].map((row) => row.map(terminalText));
  const widths = head.map((_, column) => Math.max(...lines.map((row) => stringWidth(row[column] ?? ''))));
  return lines.map((row) =>
    row
      .map((cell, column) => padTo(cell, widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

const padTo = (text: string, width: number): string =>
  text + ' '.repeat(Math.max(0, width - stringWidth(text)));
