/** Slots of the table: a power of two, so that a hash picks one with a mask. */
const SLOTS = 8_192;
/** Longer strings are not field names, and are decoded the ordinary way. */
const MAX_BYTES = 64;

interface Known {
  readonly text: string;
  readonly bytes: number;
  /** The bytes as received, in words of four, XDR padding included. */
  readonly words: Int32Array;
}

const table: (Known | undefined)[] = new Array(SLOTS).fill(undefined);

/**
 * The string at `at`, padded to whole words as in XDR. Field names recur for each VM and tick: equal bytes
 * return the same string. Compared by words, a name takes five comparisons.
 */
export function knownName(bytes: Buffer, view: DataView, at: number, length: number): string {
  if (length > MAX_BYTES) return bytes.toString('utf8', at, at + length);
  const count = (length + 3) >> 2;
  let hash = length;
  // Rotated, or differences in the first byte of a word would never reach the bits that select the slot.
  for (let i = 0; i < count; i++) {
    const word = view.getInt32(at + i * 4);
    hash = Math.imul(((hash << 13) | (hash >>> 19)) ^ word, 0x5bd1_e995);
  }
  const slot = (hash ^ (hash >>> 13) ^ (hash >>> 22)) & (SLOTS - 1);
  const first = table[slot];
  if (first !== undefined && first.bytes === length && matches(first.words, view, at)) return first.text;
  const second = table[slot ^ 1];
  if (second !== undefined && second.bytes === length && matches(second.words, view, at)) return second.text;
  // Two names that share a slot and alternate both stay.
  if (first !== undefined) table[slot ^ 1] = first;
  const text = bytes.toString('utf8', at, at + length);
  table[slot] = { text, bytes: length, words: wordsOf(view, at, count) };
  return text;
}

/** Not inlined: a closure in knownName would make each call allocate its context. */
function wordsOf(view: DataView, at: number, count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => view.getInt32(at + i * 4));
}

function matches(words: Int32Array, view: DataView, at: number): boolean {
  for (let i = 0; i < words.length; i++) if (words[i] !== view.getInt32(at + i * 4)) return false;
  return true;
}
