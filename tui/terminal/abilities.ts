/** What the terminal supports, derived from the environment only, without querying the terminal. */
export interface Abilities {
  /** 0: none. */
  readonly colours: number;
  readonly unicode: boolean;
  readonly mouse: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

const MONOCHROME = /^(vt(52|100|102|220|320)|dumb|ansi-m|sun|wy)/;

export function abilitiesOf(env: Environment): Abilities {
  const term = (env['TERM'] ?? '').toLowerCase();
  return {
    colours: coloursOf(env, term),
    // The Linux console has 256 glyphs, without braille.
    unicode: isUtf8(env) && term !== 'linux' && !MONOCHROME.test(term),
    mouse: !MONOCHROME.test(term) && term !== 'linux',
  };
}

function coloursOf(env: Environment, term: string): number {
  // https://no-color.org: present and not empty, whatever its value.
  if ((env['NO_COLOR'] ?? '') !== '' || MONOCHROME.test(term)) return 0;
  if (/256color|direct|kitty|alacritty|ghostty|foot|wezterm/.test(term)) return 256;
  if (/truecolor|24bit/.test(env['COLORTERM'] ?? '')) return 256;
  return term.startsWith('xterm') ? 16 : 8;
}

/** The first that is set decides (setlocale(3)). */
function isUtf8(env: Environment): boolean {
  const locale = [env['LC_ALL'], env['LC_CTYPE'], env['LANG']].find((value) => (value ?? '') !== '') ?? '';
  return /utf-?8/i.test(locale);
}
