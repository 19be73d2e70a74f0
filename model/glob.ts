/**
 * `*` any characters, `?` one; all else is itself. In time that grows with pattern times text, whatever the pattern:
 * names of domains are anybody's text.
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
      // The last star takes one character more.
      star.of++;
      [at, of] = [star.at + 1, star.of];
    } else return false;
  }
  while (wanted[at] === '*') at++;
  return at === wanted.length;
}

/** A glob that matches every name. */
export const isCatchAll = (glob: string): boolean => /^\*+$/.test(glob);
