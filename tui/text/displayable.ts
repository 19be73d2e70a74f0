import { asciiText, terminalText } from '../../model/terminal-text.ts';
import { Bounded } from './bounded.ts';

const RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;
const PLAIN = /^[ -~]*$/;
/**
 * Left-to-right mark: ends a right-to-left run, so that a terminal with bidi support keeps the next columns in place.
 */
const LRM = '\u200e';

const shown = new Bounded<string, string>(16_384);

/** `terminalText` for a cell next to others. `ascii`: also escapes everything that is not ASCII. */
export function displayable(text: string, ascii = false): string {
  if (PLAIN.test(text)) return text;
  return ascii ? asciiText(text) : shown.get(text, () => cellText(text));
}

function cellText(text: string): string {
  const safe = terminalText(text);
  return RIGHT_TO_LEFT.test(safe) ? safe + LRM : safe;
}
