/**
 * Adjusts p-values of several figures (Holm 1979): among those of at most `alpha`, the chance of any false finding is
 * at most `alpha`, whatever their dependence. In the order given.
 */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((_, at) => at).sort((a, b) => (pValues[a] as number) - (pValues[b] as number));
  const adjusted = pValues.slice();
  let least = 0;
  for (const [rank, at] of order.entries()) {
    least = Math.max(least, Math.min(1, (pValues.length - rank) * (pValues[at] as number)));
    adjusted[at] = least;
  }
  return adjusted;
}
