/**
 * Characters that a terminal may act on, hide, reorder, or draw at an unpredictable width: controls (C0, DEL, C1),
 * format characters (bidirectional overrides, joiners, tags), private and unassigned ones, lone surrogates, spaces
 * other than U+0020, and variation selectors.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}\p{Variation_Selector}]|(?! )\p{Zs}/u;
/** Escaped in XML: no C0 controls, forbidden even as references, nor line breaks, tabs and lone surrogates. */
const UNSAFE_IN_XML = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu;
/** Emoji whose meaning and width depend on the following characters. */
const SEQUENCE = /[\p{Emoji_Modifier}\p{Regional_Indicator}]/u;
const MARK = /[\p{Mn}\p{Me}]/u;
/** More combining marks than a script needs would stack up into adjacent lines. */
const MARKS_MAX = 2;
const PLAIN = /^[ -~]*$/;

/**
 * Untrusted text made harmless, on one line: anything that could control or confuse a terminal is escaped as `\u{202e}`,
 * so that names which differ invisibly are distinguishable. All output goes through this, or is JSON (`jsonText`) or a
 * command (`shellLine`). Idempotent.
 */
export function terminalText(text: string): string {
  if (PLAIN.test(text)) return text;
  let out = '';
  let marks = MARKS_MAX;
  for (const char of text) {
    if (MARK.test(char)) {
      // A leading mark has no base character.
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

/** The same for multi-line text from virtune: line breaks stay. */
export function terminalLines(text: string): string {
  return text.split('\n').map(terminalText).join('\n');
}

/**
 * XML with character references for what a terminal may act on; it parses to the same value. Not valid in comments,
 * CDATA sections and element names, where a reference is literal text; libvirt prints such characters there only within
 * a program's metadata.
 */
export function terminalXml(xml: string): string {
  return xml.replaceAll(UNSAFE_IN_XML, (char) => `&#x${(char.codePointAt(0) ?? 0).toString(16)};`);
}

/** The same, ASCII only. */
export function asciiText(text: string): string {
  return PLAIN.test(text)
    ? text
    : Array.from(text, (char) => (PLAIN.test(char) ? char : escaped(char))).join('');
}

function escaped(char: string): string {
  return `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
}
