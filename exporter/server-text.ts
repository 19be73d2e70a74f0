/** Line breaks and other controls, which could forge log lines. */
const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}]+/gu;

/** How much of a text is examined, in multiples of the length: patterns are not meant for megabytes. */
const LOOKED_AT = 4;

/**
 * A server's text as one line, truncated; empty for anything but a string or number.
 * @param value a part of its answer, of any type
 */
export function serverText(value: unknown, maxLength: number): string {
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'string') return '';
  return oneLine(value.slice(0, LOOKED_AT * maxLength)).slice(0, maxLength);
}

/** The same without truncation. */
export function oneLine(text: string): string {
  return text.replaceAll(CONTROLS, ' ').trim();
}
