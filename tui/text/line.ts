import { cellsOf, widthOf } from './cells.ts';

/** What a piece of text means; a theme says how that looks. */
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
  /** Lies over `role`: its colours win. */
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

/** Exactly `width` places. */
export function fitLine(line: Line, width: number): Line {
  const fitted: Span[] = [];
  let left = width;
  for (const piece of line) {
    if (left <= 0) break;
    const has = widthOf(piece.text);
    if (has <= left) {
      fitted.push(piece);
      left -= has;
      continue;
    }
    let cut = '';
    for (const cell of cellsOf(piece.text)) {
      if (cell.width > left) break;
      cut += cell.text;
      left -= cell.width;
    }
    fitted.push({ ...piece, text: cut + ' '.repeat(left) });
    left = 0;
  }
  if (left > 0) fitted.push(span(' '.repeat(left)));
  return fitted;
}

/** The line with `role` over all of it. */
export function under(line: Line, role: Role): Line {
  return line.map((piece) => ({ ...piece, over: role }));
}

/** `left` and `right` at the two ends of a line; where there is no room for both, `left` is cut. */
export function spread(left: Line, right: Line, width: number): Line {
  const room = width - widthOfLine(right);
  return room < 1 ? fitLine(left, width) : [...fitLine(left, room), ...right];
}

/** Without any styling and trailing spaces. */
export function plain(line: Line): string {
  return line
    .map(({ text }) => text)
    .join('')
    .trimEnd();
}
