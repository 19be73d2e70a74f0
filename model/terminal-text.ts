/**
 * Characters that a terminal may obey, hide, reorder by, or draw at an unpredictable width: controls (C0, DEL, C1),
 * formats (bidirectional overrides, joiners, tags), private and unassigned ones, lone surrogates, spaces other than the
 * plain one, and variation selectors.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}\p{Variation_Selector}]|(?! )\p{Zs}/u;
/** The same without what XML forbids even as a reference, and what is there as it is: line breaks, tabs, lone surrogates. */
const UNSAFE_IN_XML = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu;
/** Emoji whose meaning and width depend on what follows them. */
const SEQUENCE = /[\p{Emoji_Modifier}\p{Regional_Indicator}]/u;
const MARK = /[\p{Mn}\p{Me}]/u;
/** More marks than a script needs stack up into the lines above and below. */
const MARKS_MAX = 2;
const PLAIN = /^[ -~]*$/;

/**
 * Text from elsewhere as one harmless run: what could command or confuse a terminal is written out as `\u{202e}`, so two
 * names that look alike never are. All that is printed goes through this, or is JSON (`jsonText`) or a command (`shellLine`).
 * What went through it stays as it is when it goes through it again.
 */
export function terminalText(text: string): string {
  if (PLAIN.test(text)) return text;
  let out = '';
  let marks = MARKS_MAX;
  for (const char of text) {
    if (MARK.test(char)) {
      // At the start there is nothing to sit on.
      const sits = marks < MARKS_MAX && !UNSAFE.test(char);
      marks++;
      out += sits ? char : escaped(char);
    } else {
      const isSafe = !UNSAFE.test(char) && !SEQUENCE.test(char);
      marks = isSafe ? 0 : MARKS_MAX;
      out += isSafe ? char : escaped(char);
    }
  }
  return out;
}

/** The same for a text with lines that virtune made: line breaks stay. */
export function terminalLines(text: string): string {
  return text.split('\n').map(terminalText).join('\n');
}

/**
 * XML with character references for what a terminal may obey: it says the same to a parser. Not in comments, CDATA sections
 * and names of elements, where a reference is text; libvirt prints no such character there but in a program's metadata.
 */
export function terminalXml(xml: string): string {
  return xml.replaceAll(UNSAFE_IN_XML, (char) => `&#x${(char.codePointAt(0) ?? 0).toString(16)};`);
}

/** The same in ASCII. */
export function asciiText(text: string): string {
  return PLAIN.test(text)
    ? text
    : Array.from(text, (char) => (PLAIN.test(char) ? char : escaped(char))).join('');
}

function escaped(char: string): string {
  return `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
}
