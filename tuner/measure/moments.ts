/** Needs at least one value. */
export function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Sample standard deviation, with n - 1; NaN for fewer than two values. */
export function standardDeviation(values: readonly number[]): number {
  const centre = mean(values);
  return Math.sqrt(sum(values.map((value) => (value - centre) ** 2)) / (values.length - 1));
}

/**
 * Correlation of each value with the next, about their mean; 0 for a constant or too short series. Estimated from few
 * values, it is biased towards 0 by about (1 + 4 r) / n (Marriott and Pope 1954).
 */
export function autocorrelation(values: readonly number[]): number {
  if (values.length <= 2) return 0;
  const centre = mean(values);
  const total = sum(values.map((value) => (value - centre) ** 2));
  if (total === 0) return 0;
  const products = values.slice(1).map((value, at) => (value - centre) * ((values[at] as number) - centre));
  return sum(products) / total;
}
