import { Bounded } from './bounded.ts';

/**
 * Characters that a terminal may obey, hide, reorder by, or draw at an unpredictable width: controls,
 * formats (bidirectional overrides, joiners, tags), private and unassigned ones, lone surrogates, spaces
 * other than the plain one, and variation selectors.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}\p{Variation_Selector}]|(?! )\p{Zs}/u;
/** Emoji whose meaning and width depend on what follows them. */
const SEQUENCE = /[\p{Emoji_Modifier}\p{Regional_Indicator}]/u;
const MARK = /[\p{Mn}\p{Me}]/u;
/** More marks than a script needs stack up into the lines above and below. */
const MARKS_MAX = 2;
const RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;
const PLAIN = /^[ -~]*$/;
/** Left-to-right mark: ends a right-to-left run, so that a terminal with bidi leaves the next columns in place. */
const LRM = '\u200e';

const shown = new Bounded<string, string>(16_384);
const shownInAscii = new Bounded<string, string>(16_384);

/**
 * Text from elsewhere as one harmless run: what could command or confuse a terminal is written out as
 * `\u{202e}`, so two names that look alike never are. `ascii`: so is all that is not ASCII.
 */
export function displayable(text: string, ascii = false): string {
  if (PLAIN.test(text)) return text;
  return (ascii ? shownInAscii : shown).get(text, () => (ascii ? toAscii(text) : harmless(text)));
}

function harmless(text: string): string {
  let out = '';
  let marks = MARKS_MAX;
  for (const char of text) {
    if (MARK.test(char)) {
      // At the start there is nothing to sit on.
      const sits = marks < MARKS_MAX && !UNSAFE.test(char);
      marks++;
      out += sits ? char : written(char);
    } else {
      const safe = !UNSAFE.test(char) && !SEQUENCE.test(char);
      marks = safe ? 0 : MARKS_MAX;
      out += safe ? char : written(char);
    }
  }
  return RIGHT_TO_LEFT.test(out) ? out + LRM : out;
}

function toAscii(text: string): string {
  return [...text].map((char) => (PLAIN.test(char) ? char : written(char))).join('');
}

function written(char: string): string {
  return `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
}
