/** Line breaks and other controls, which would end a line of the log and begin one that virtune did not write. */
const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}]+/gu;

/** What is looked at of a text, whatever a server sends: patterns of texts are not made for megabytes. */
const LOOKED_AT = 4;

/**
 * A server's own words as one line, cut to a length; empty for what is not a text or number.
 * @param value a part of its answer, of any kind
 */
export function serverText(value: unknown, maxLength: number): string {
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'string') return '';
  return oneLine(value.slice(0, LOOKED_AT * maxLength)).slice(0, maxLength);
}

/** The same of any length. */
export function oneLine(text: string): string {
  return text.replaceAll(CONTROLS, ' ').trim();
}
