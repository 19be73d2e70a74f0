import stringWidth from 'string-width';
import { Bounded } from './bounded.ts';

/** What stands in one place of the screen; two places wide for wide characters. */
export interface Cell {
  readonly text: string;
  readonly width: number;
}

const PLAIN = /^[ -~]*$/;
const segmenter = new Intl.Segmenter();
const known = new Bounded<string, readonly Cell[]>(16_384);
const ascii = Array.from({ length: 128 }, (_, code): Cell => ({ text: String.fromCharCode(code), width: 1 }));

/** The cells that a text takes, in order. Characters without a width join the cell before them. */
export function cellsOf(text: string): readonly Cell[] {
  return known.get(text, () => {
    if (PLAIN.test(text)) return Array.from(text, (char) => ascii[char.charCodeAt(0)] as Cell);
    const cells: Cell[] = [];
    for (const { segment } of segmenter.segment(text)) {
      const width = stringWidth(segment);
      const last = cells.at(-1);
      if (width > 0) cells.push({ text: segment, width });
      else if (last !== undefined) cells[cells.length - 1] = { ...last, text: last.text + segment };
    }
    return cells;
  });
}

/** How many places of the screen a text takes. */
export function widthOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const cell of cellsOf(text)) width += cell.width;
  return width;
}

/** Exactly `width` places: cut with `ellipsis` where it is longer, filled with spaces where it is shorter. */
export function fit(text: string, width: number, align: 'left' | 'right' = 'left', ellipsis = '~'): string {
  if (width <= 0) return '';
  const has = widthOf(text);
  if (has <= width) {
    const space = ' '.repeat(width - has);
    return align === 'left' ? text + space : space + text;
  }
  return cut(text, width, ellipsis);
}

/** What of a text stands in the first places, with `ellipsis` in the last of `width`, also where the text is not longer. */
export function cut(text: string, width: number, ellipsis = '~'): string {
  let used = 0;
  let kept = '';
  for (const cell of cellsOf(text)) {
    if (used + cell.width > width - 1) break;
    kept += cell.text;
    used += cell.width;
  }
  // A cut through a right-to-left run loses the mark that ended it.
  const mark = text.endsWith('\u200e') && !kept.endsWith('\u200e') ? '\u200e' : '';
  return `${kept}${ellipsis}${mark}${' '.repeat(width - 1 - used)}`;
}

/** As long as it is, but at most `width` places. */
export function shortened(text: string, width: number): string {
  return widthOf(text) <= width ? text : fit(text, width);
}
