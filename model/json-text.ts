/**
 * Characters that a terminal may act on or misrender, and that JSON.stringify does not escape: DEL and C1 controls
 * (U+009B starts an escape sequence, as ESC [ does), line and paragraph separators, and the marks, embeddings,
 * overrides and isolates that change text direction (Unicode Bidirectional Algorithm, UAX #9, section 2).
 */
const UNSAFE = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** JSON that is safe to print: a VM's name may hold any character. It parses to the same value. */
export function jsonText(value: unknown, indent?: number): string {
  return safeJson(JSON.stringify(value, null, indent));
}

/** The same for existing JSON text. */
export function safeJson(json: string): string {
  return json.replace(UNSAFE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
