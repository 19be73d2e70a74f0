import type { Role } from './line.ts';

/** A colour of the terminal's palette, 0 to 255; 0 to 15 are configurable by the user. */
export type Colour = number;

export interface Style {
  readonly fg?: Colour | undefined;
  readonly bg?: Colour | undefined;
  readonly bold?: boolean | undefined;
  readonly underline?: boolean | undefined;
  readonly inverse?: boolean | undefined;
}

export type Theme = Readonly<Record<Role, Style>>;

const BLACK = 0;
const RED = 1;
const GREEN = 2;
const YELLOW = 3;
const BLUE = 4;
const MAGENTA = 5;
const CYAN = 6;
const WHITE = 7;
const GREY = 8;
const BRIGHT = 15;

const dark: Theme = {
  text: {},
  dim: { fg: GREY },
  title: { fg: BRIGHT, bold: true },
  head: { fg: BLACK, bg: CYAN },
  sorted: { fg: BLACK, bg: WHITE },
  ok: { fg: GREEN },
  info: { fg: CYAN },
  warn: { fg: YELLOW },
  bad: { fg: RED, bold: true },
  missing: { fg: GREY },
  key: { fg: CYAN, bold: true },
  tab: { fg: GREY },
  tabOn: { fg: BRIGHT, bold: true, underline: true },
  bar1: { fg: GREEN },
  bar2: { fg: YELLOW },
  bar3: { fg: RED },
  prompt: { fg: BRIGHT, bold: true },
  box: { fg: GREY },
  tagged: { fg: MAGENTA, bold: true },
  selected: { fg: BRIGHT, bg: BLUE },
  heat0: { fg: GREY },
  heat1: { fg: BLACK, bg: GREEN },
  heat2: { fg: BLACK, bg: 10 },
  heat3: { fg: BLACK, bg: YELLOW },
  heat4: { fg: BLACK, bg: 11 },
  heat5: { fg: BRIGHT, bg: RED, bold: true },
  line1: { fg: CYAN },
  line2: { fg: YELLOW },
  axis: { fg: GREY },
};

/** For light backgrounds. */
const light: Theme = {
  ...dark,
  title: { bold: true },
  head: { fg: BRIGHT, bg: BLUE },
  sorted: { fg: BRIGHT, bg: GREY },
  info: { fg: BLUE },
  warn: { fg: MAGENTA },
  key: { fg: BLUE, bold: true },
  tabOn: { bold: true, underline: true },
  prompt: { bold: true },
  selected: { fg: BRIGHT, bg: BLUE },
  line1: { fg: BLUE },
  line2: { fg: MAGENTA },
};

/**
 * Blue to orange: distinguishable with all common kinds of colour blindness (Okabe and Ito, "Color Universal Design",
 * 2008). Bad values are also bold.
 */
const colourBlind: Theme = {
  ...dark,
  ok: { fg: 75 },
  info: { fg: 75 },
  warn: { fg: 178 },
  bad: { fg: 208, bold: true, underline: true },
  bar1: { fg: 75 },
  bar2: { fg: 178 },
  bar3: { fg: 208, bold: true },
  tagged: { fg: 175, bold: true },
  selected: { fg: BRIGHT, bg: 24 },
  head: { fg: BRIGHT, bg: 24 },
  sorted: { fg: BLACK, bg: 178 },
  heat1: { fg: BRIGHT, bg: 17 },
  heat2: { fg: BRIGHT, bg: 25 },
  heat3: { fg: BLACK, bg: 75 },
  heat4: { fg: BLACK, bg: 178 },
  heat5: { fg: BLACK, bg: 208, bold: true },
  line1: { fg: 75 },
  line2: { fg: 208 },
};

/** Without colours (NO_COLOR, or a terminal without): only weight, underline and inverse. */
const mono: Theme = {
  text: {},
  dim: {},
  title: { bold: true },
  head: { inverse: true },
  sorted: { inverse: true, bold: true, underline: true },
  ok: {},
  info: {},
  warn: { bold: true },
  bad: { bold: true, underline: true },
  missing: {},
  key: { bold: true },
  tab: {},
  tabOn: { bold: true, underline: true },
  bar1: {},
  bar2: {},
  bar3: { bold: true },
  prompt: { bold: true },
  box: {},
  tagged: { bold: true },
  selected: { inverse: true },
  heat0: {},
  heat1: {},
  heat2: {},
  heat3: { bold: true },
  heat4: { bold: true },
  heat5: { inverse: true, bold: true },
  line1: {},
  line2: { bold: true },
  axis: {},
};

export const themes = { dark, light, 'colour-blind': colourBlind, mono } as const satisfies Record<
  string,
  Theme
>;
export type ThemeName = keyof typeof themes;

export function isThemeName(name: string): name is ThemeName {
  return Object.hasOwn(themes, name);
}

/** The nearest colour of a terminal with `colours` colours; undefined when it has none. */
export function reduced(colour: Colour | undefined, colours: number): Colour | undefined {
  if (colour === undefined || colours < 8) return undefined;
  if (colour < colours) return colour;
  // Grey would become black; the terminal's default colour is at least readable.
  if (colour === GREY) return undefined;
  if (colour < 16) return colour - 8;
  return NEAREST[colour] ?? (colour > 128 ? YELLOW : BLUE);
}

/** The few beyond sixteen that the themes use. */
const NEAREST: Readonly<Record<number, Colour>> = {
  17: BLUE,
  24: BLUE,
  25: BLUE,
  75: CYAN,
  175: MAGENTA,
  178: YELLOW,
  208: YELLOW,
};

/** The style of a piece: properties set by `over` win. */
export function styleOf(theme: Theme, role: Role, over: Role | undefined): Style {
  return over === undefined ? theme[role] : { ...theme[role], ...theme[over] };
}
