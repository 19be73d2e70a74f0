/** Pieces of SVG as text. Names of VMs are anybody's text, so all of it is escaped. */
export type Attributes = Readonly<Record<string, string | number | undefined>>;

export function escapeXml(text: string): string {
  return text.replaceAll(/[<>&"']|\p{Cc}/gu, (char) =>
    /\p{Cc}/u.test(char) ? '\uFFFD' : `&#${char.codePointAt(0)};`,
  );
}

export function element(name: string, attributes: Attributes, content = ''): string {
  const pairs = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(
      ([key, value]) => ` ${key}="${escapeXml(typeof value === 'number' ? short(value) : String(value))}"`,
    );
  return content === '' ? `<${name}${pairs.join('')}/>` : `<${name}${pairs.join('')}>${content}</${name}>`;
}

const short = (value: number): string => String(Math.round(value * 10) / 10);

export interface TextStyle {
  readonly size?: number;
  readonly colour?: string;
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly weight?: number;
  /** Letters that fit; what is longer is cut. */
  readonly fits?: number;
}

export function text(x: number, y: number, words: string, style: TextStyle = {}): string {
  const { size = 11, colour = COLOURS.text, anchor = 'start', weight, fits = 1_000 } = style;
  const cut = words.length > fits ? `${words.slice(0, Math.max(1, fits - 1))}…` : words;
  return element(
    'text',
    { x, y, 'font-size': size, fill: colour, 'text-anchor': anchor, 'font-weight': weight },
    escapeXml(cut) || ' ',
  );
}

export const COLOURS = {
  page: '#111217',
  panel: '#181b1f',
  border: '#2c3235',
  text: '#d8d9da',
  faint: '#8e9196',
  lines: [
    '#73bf69',
    '#f2cc0c',
    '#5794f2',
    '#ff9830',
    '#f2495c',
    '#b877d9',
    '#8ab8ff',
    '#ffb357',
    '#96d98d',
    '#ca95e5',
    '#fade2a',
    '#ff7383',
  ],
} as const;

/** Grafana's names of colours, as far as thresholds use them. */
const NAMED: Readonly<Record<string, string>> = {
  green: '#73bf69',
  orange: '#ff9830',
  red: '#f2495c',
  blue: '#5794f2',
  text: COLOURS.text,
};

export const named = (colour: string): string => NAMED[colour] ?? colour;

export const lineColour = (index: number): string =>
  COLOURS.lines[index % COLOURS.lines.length] ?? COLOURS.text;
