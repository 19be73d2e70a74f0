/**
 * `*` matches any characters, `?` one; everything else is literal. Runs in O(pattern x text) for any pattern: domain
 * names are untrusted text.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  const [wanted, given] = [[...pattern], [...text]];
  let [at, of] = [0, 0];
  let star: { readonly at: number; of: number } | undefined;
  while (of < given.length) {
    if (wanted[at] === '*') {
      star = { at, of };
      at++;
    } else if (at < wanted.length && (wanted[at] === '?' || wanted[at] === given[of])) {
      at++;
      of++;
    } else if (star !== undefined) {
      // Backtrack: the last star consumes one more character.
      star.of++;
      [at, of] = [star.at + 1, star.of];
    } else return false;
  }
  while (wanted[at] === '*') at++;
  return at === wanted.length;
}

/** A glob that matches every name. */
export const isCatchAll = (glob: string): boolean => /^\*+$/.test(glob);
