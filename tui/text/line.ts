import { cellsOf, cut, widthOf } from './cells.ts';

/** The meaning of a piece of text; themes define its style. */
export type Role =
  | 'text'
  | 'dim'
  | 'title'
  | 'head'
  | 'sorted'
  | 'ok'
  | 'info'
  | 'warn'
  | 'bad'
  | 'missing'
  | 'key'
  | 'tab'
  | 'tabOn'
  | 'bar1'
  | 'bar2'
  | 'bar3'
  | 'prompt'
  | 'box'
  | 'tagged'
  | 'selected'
  | 'heat0'
  | 'heat1'
  | 'heat2'
  | 'heat3'
  | 'heat4'
  | 'heat5'
  | 'line1'
  | 'line2'
  | 'axis';

export interface Span {
  readonly text: string;
  readonly role: Role;
  /** Overlaid on `role`: its colours win. */
  readonly over?: Role | undefined;
}

export type Line = readonly Span[];

export function span(text: string, role: Role = 'text'): Span {
  return { text, role };
}

export function widthOfLine(line: Line): number {
  let width = 0;
  for (const { text } of line) width += widthOf(text);
  return width;
}

/**
 * Exactly `width` cells. A cut line ends in `~`, since a truncated number would look like another number; only trailing
 * spaces are cut without it.
 */
export function fitLine(line: Line, width: number): Line {
  return fitted(line, width, true);
}

/** The first `width` cells of a line, unmarked: for something drawn beside or over the rest. */
export function firstPlaces(line: Line, width: number): Line {
  return fitted(line, width, false);
}

function fitted(line: Line, width: number, isMarked: boolean): Line {
  const kept: Span[] = [];
  let left = width;
  for (const [index, piece] of line.entries()) {
    if (left <= 0) break;
    const has = widthOf(piece.text);
    const isCut = isMarked && has >= left && !isBlankFrom(line, index, left);
    if (has <= left && !isCut) {
      kept.push(piece);
      left -= has;
      continue;
    }
    kept.push({ ...piece, text: isCut ? cut(piece.text, left) : firstCells(piece.text, left) });
    left = 0;
  }
  if (left > 0) kept.push(span(' '.repeat(left)));
  return kept;
}

/** Whether everything from `place` of the piece at `index` on is spaces. */
function isBlankFrom(line: Line, index: number, place: number): boolean {
  return (
    widthOf((line[index] as Span).text.trimEnd()) <= place &&
    line.slice(index + 1).every(({ text }) => text.trimEnd() === '')
  );
}

function firstCells(text: string, width: number): string {
  let left = width;
  let first = '';
  for (const cell of cellsOf(text)) {
    if (cell.width > left) break;
    first += cell.text;
    left -= cell.width;
  }
  return first + ' '.repeat(left);
}

/** Overlays `role` on the whole line. */
export function under(line: Line, role: Role): Line {
  return line.map((piece) => ({ ...piece, over: role }));
}

/** `left` and `right` at the two ends of a line; if there is not enough room, `left` is cut. */
export function spread(left: Line, right: Line, width: number): Line {
  const room = width - widthOfLine(right);
  return room < 1 ? fitLine(left, width) : [...fitLine(left, room), ...right];
}

/** The text without styles and trailing spaces. */
export function plain(line: Line): string {
  return line
    .map(({ text }) => text)
    .join('')
    .trimEnd();
}
