import type { Size } from '../state/state.ts';
import { cellsOf } from '../text/cells.ts';
import { firstPlaces, type Line, type Span, widthOfLine } from '../text/line.ts';

/** Draws a box over the middle of the lines. */
export function overlaid(
  lines: readonly Line[],
  box: readonly Line[] | undefined,
  size: Size,
): readonly Line[] {
  if (box === undefined) return lines;
  const width = Math.max(...box.map(widthOfLine));
  const left = Math.max(0, (size.width - width) >> 1);
  const top = Math.max(0, (size.height - box.length) >> 1);
  return lines.map((line, y) => {
    const over = box[y - top];
    if (over === undefined) return line;
    return [...firstPlaces(line, left), ...over, ...after(line, left + width, size.width)];
  });
}

/** The part of a line from a position on. */
function after(line: Line, from: number, width: number): Line {
  const rest: Span[] = [];
  let at = 0;
  for (const piece of line) {
    let text = '';
    for (const cell of cellsOf(piece.text)) {
      if (at >= from) text += cell.text;
      else if (at + cell.width > from) text += ' '.repeat(at + cell.width - from);
      at += cell.width;
    }
    if (text !== '') rest.push({ ...piece, text });
  }
  return firstPlaces(rest, Math.max(0, width - from));
}
