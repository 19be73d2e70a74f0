/** Slots of the table: a power of two, so that a hash picks one with a mask. */
const SLOTS = 8_192;
/** Longer strings than this are no names of fields, and are made the ordinary way. */
const MAX_BYTES = 64;

interface Known {
  readonly text: string;
  readonly bytes: number;
  /** As they came, four bytes each, with what XDR pads the last one with. */
  readonly words: readonly number[];
}

const table: (Known | undefined)[] = new Array(SLOTS).fill(undefined);

/**
 * The string at `at`, padded to whole words as XDR pads it. Names of fields recur for each VM and tick: a string
 * that was made of the same bytes before is used again. Read by words, a name is five comparisons.
 */
export function knownName(bytes: Buffer, view: DataView, at: number, length: number): string {
  if (length > MAX_BYTES) return bytes.toString('utf8', at, at + length);
  const count = (length + 3) >> 2;
  let hash = length;
  for (let i = 0; i < count; i++) hash = Math.imul(hash ^ view.getInt32(at + i * 4), 0x5bd1_e995);
  const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
  const known = table[slot];
  if (known !== undefined && known.bytes === length && matches(known.words, view, at)) return known.text;
  const words = Array.from({ length: count }, (_, i) => view.getInt32(at + i * 4));
  const text = bytes.toString('utf8', at, at + length);
  table[slot] = { text, bytes: length, words };
  return text;
}

function matches(words: readonly number[], view: DataView, at: number): boolean {
  for (let i = 0; i < words.length; i++) if (words[i] !== view.getInt32(at + i * 4)) return false;
  return true;
}
