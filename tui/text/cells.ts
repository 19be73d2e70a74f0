import stringWidth from 'string-width';
import { Bounded } from './bounded.ts';

/** The text of one screen position, which is two cells wide for wide characters. */
export interface Cell {
  readonly text: string;
  readonly width: number;
}

const PLAIN = /^[ -~]*$/;
const segmenter = new Intl.Segmenter();
const known = new Bounded<string, readonly Cell[]>(16_384);
const ascii = Array.from({ length: 128 }, (_, code): Cell => ({ text: String.fromCharCode(code), width: 1 }));

/** Splits a text into cells. Zero-width characters join the preceding cell. */
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

/** Width of a text in screen cells. */
export function widthOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const cell of cellsOf(text)) width += cell.width;
  return width;
}

/** Exactly `width` cells: cut with `ellipsis` when longer, padded with spaces when shorter. */
export function fit(text: string, width: number, align: 'left' | 'right' = 'left', ellipsis = '~'): string {
  if (width <= 0) return '';
  const has = widthOf(text);
  if (has <= width) {
    const space = ' '.repeat(width - has);
    return align === 'left' ? text + space : space + text;
  }
  return cut(text, width, ellipsis);
}

/** The first cells of a text, with `ellipsis` in the last of `width`, even when the text is not longer. */
export function cut(text: string, width: number, ellipsis = '~'): string {
  let used = 0;
  let kept = '';
  for (const cell of cellsOf(text)) {
    if (used + cell.width > width - 1) break;
    kept += cell.text;
    used += cell.width;
  }
  // Cutting a right-to-left run removes the mark that ended it, so add it again.
  const mark = text.endsWith('\u200e') && !kept.endsWith('\u200e') ? '\u200e' : '';
  return `${kept}${ellipsis}${mark}${' '.repeat(width - 1 - used)}`;
}

/** Unchanged, but at most `width` cells. */
export function shortened(text: string, width: number): string {
  return widthOf(text) <= width ? text : fit(text, width);
}
