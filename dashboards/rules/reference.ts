/**
 * A value that the text of a rule shows: a number, or the place of one that a mixin reads from `_config` when it is evaluated.
 * Private characters of Unicode mark the place, which no expression and no name of ours has.
 */
export type Value = number | string;

const BEGIN = '\u{E000}';
const END = '\u{E001}';

/** The place of a Jsonnet expression in a text. */
export const reference = (jsonnet: string): string => `${BEGIN}${jsonnet}${END}`;

/** Of a threshold, as a number in a text. */
export const numberAt = (path: string): string => reference(`number(${path})`);

/** The same as a percentage. */
export const asPercent = (number: string): string => number.replace('number(', 'percent(');

/** The pieces of a text in turn: what is written, then an expression, and so on. */
export const piecesOf = (text: string): string[] => text.split(/[\u{E000}\u{E001}]/u);
