/** A seeded random generator of numbers from 0 to 1 (mulberry32): deterministic. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** A value from 0 to 1 that depends only on these two numbers: stateless noise. */
export function noise(seed: number, at: number): number {
  return seededRandom((Math.imul(seed, 0x9e3779b1) ^ Math.imul(at | 0, 0x85ebca6b)) >>> 0)();
}

/** A stable hash of a name. */
export function seedOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const char of text) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return hash >>> 0;
}

/** A version 4 UUID that depends only on the seed. */
export function uuidFrom(seed: number): string {
  const random = seededRandom(seed);
  const hex = Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16));
  hex[12] = '4';
  hex[16] = '8';
  const text = hex.join('');
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join(
    '-',
  );
}
