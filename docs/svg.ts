import { cellsOf } from '../tui/text/cells.ts';
import type { Line } from '../tui/text/line.ts';
import { type Colour, type Style, styleOf, type Theme } from '../tui/text/theme.ts';

const CELL_WIDTH = 8;
const CELL_HEIGHT = 17;
const PADDING = 10;
const PAPER = '#12161c';
const INK = '#c9d1d9';

/** The sixteen that a terminal gives to its palette; the others are xterm's. */
const SIXTEEN = [
  '#20262e',
  '#e5534b',
  '#57ab5a',
  '#c69026',
  '#539bf5',
  '#b083f0',
  '#39c5cf',
  '#c9d1d9',
  '#6e7681',
  '#ff938a',
  '#8ddb8c',
  '#eac55f',
  '#6cb6ff',
  '#dcbdfb',
  '#56d4dd',
  '#f0f6fc',
];

function hex(colour: Colour): string {
  const basic = SIXTEEN[colour];
  if (basic !== undefined) return basic;
  const channel = (value: number): string => value.toString(16).padStart(2, '0');
  if (colour >= 232) return `#${channel(8 + (colour - 232) * 10).repeat(3)}`;
  const index = colour - 16;
  const step = (value: number): number => (value === 0 ? 0 : 55 + value * 40);
  return `#${[Math.floor(index / 36), Math.floor(index / 6) % 6, index % 6].map((each) => channel(step(each))).join('')}`;
}

const escaped = (text: string): string => text.replaceAll(/[<>&]/g, (char) => `&#${char.charCodeAt(0)};`);

/** A frame as a picture: one text for each run of one style, each at its own place. */
export function svg(lines: readonly Line[], theme: Theme, title: string): string {
  const columns = Math.max(...lines.map((line) => line.reduce((sum, piece) => sum + widthOf(piece.text), 0)));
  const width = columns * CELL_WIDTH + 2 * PADDING;
  const height = lines.length * CELL_HEIGHT + 2 * PADDING;
  const body = lines.map((line, y) => row(line, y, theme)).join('');
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}">
<rect width="100%" height="100%" rx="6" fill="${PAPER}"/>
<g font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="13" fill="${INK}" xml:space="preserve">
${body}</g>
</svg>
`;
}

function widthOf(text: string): number {
  return cellsOf(text).reduce((sum, cell) => sum + cell.width, 0);
}

function row(line: Line, y: number, theme: Theme): string {
  let x = 0;
  let out = '';
  const top = PADDING + y * CELL_HEIGHT;
  for (const { text, role, over } of line) {
    const style = styleOf(theme, role, over);
    const cells = widthOf(text);
    const { ink, paper } = colours(style);
    const left = PADDING + x * CELL_WIDTH;
    if (paper !== undefined) {
      out += `<rect x="${left}" y="${top}" width="${cells * CELL_WIDTH}" height="${CELL_HEIGHT}" fill="${paper}"/>\n`;
    }
    const bare = text.trim();
    if (bare !== '') {
      // As wide as its places, whatever font there is.
      const attributes = [
        ink === undefined ? '' : ` fill="${ink}"`,
        style.bold === true ? ' font-weight="bold"' : '',
        style.underline === true ? ' text-decoration="underline"' : '',
      ].join('');
      const from = left + (widthOf(text) - widthOf(text.trimStart())) * CELL_WIDTH;
      out += `<text x="${from}" y="${top + 13}" textLength="${widthOf(bare) * CELL_WIDTH}" lengthAdjust="spacingAndGlyphs"${attributes}>${escaped(bare)}</text>\n`;
    }
    x += cells;
  }
  return out;
}

function colours({ fg, bg, inverse }: Style): {
  readonly ink: string | undefined;
  readonly paper: string | undefined;
} {
  const ink = fg === undefined ? undefined : hex(fg);
  const paper = bg === undefined ? undefined : hex(bg);
  return inverse === true ? { ink: paper ?? PAPER, paper: ink ?? INK } : { ink, paper };
}
