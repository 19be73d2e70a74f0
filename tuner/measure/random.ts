/**
 * A seeded generator of numbers from 0 to 1 (xoshiro128**, Blackman and Vigna; the seed is stretched by splitmix32). The
 * same seed gives the same schedule and the same Monte Carlo draws, so a result can be computed again from its record.
 *
 * @param seed an integer from 0 to 2^32 - 1. Draw it from `node:crypto` for a real experiment: an operator who can guess the
 * coins can bias the result.
 */
export function seededRandom(seed: number): () => number {
  let stretch = seed >>> 0;
  const next32 = (): number => {
    stretch = (stretch + 0x9e3779b9) >>> 0;
    let mixed = stretch;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
  let [a, b, c, d] = [next32(), next32(), next32(), next32()];
  const rotated = (value: number, by: number): number => (value << by) | (value >>> (32 - by));
  return () => {
    const result = Math.imul(rotated(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotated(d, 11);
    return result / 0x1_0000_0000;
  };
}

/** Standard normal numbers from uniform ones (Box and Muller). */
export function normals(random: () => number): () => number {
  let spare: number | undefined;
  return () => {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}
