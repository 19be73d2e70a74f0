/**
 * A value in the text of a rule: a number, or a reference that a mixin resolves from `_config` when it is evaluated.
 * References are delimited by private-use Unicode characters, which never occur in our expressions and names.
 */
export type Value = number | string;

const BEGIN = '\u{E000}';
const END = '\u{E001}';

/** A reference to a Jsonnet expression. */
export const reference = (jsonnet: string): string => `${BEGIN}${jsonnet}${END}`;

/** A threshold, formatted as a number. */
export const numberAt = (path: string): string => reference(`number(${path})`);

/** The same, formatted as a percentage. */
export const asPercent = (number: string): string => number.replace('number(', 'percent(');

/** The parts of a text, alternating: literal, expression, and so on. */
export const piecesOf = (text: string): string[] => text.split(/[\u{E000}\u{E001}]/u);
