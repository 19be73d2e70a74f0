import { autocorrelation, sum } from './moments.ts';

/** Beyond this a short series cannot be distinguished from one that never returns to its mean. */
const PHI_MAX = 0.98;

/**
 * The coefficient of a first order autoregression, from 0 to 0.98, corrected for the bias of short series (Marriott and
 * Pope 1954).
 */
export function firstOrder(values: readonly number[]): number {
  const found = autocorrelation(values);
  return Math.min(PHI_MAX, Math.max(0, found + (1 + 4 * found) / values.length));
}

/**
 * Covariance of the means of two runs of `size` values of a first order autoregression, the second run `shift` values
 * later, in units of the variance of single values.
 */
export function covarianceOfMeans(phi: number, size: number, shift: number): number {
  const distances = Array.from({ length: 2 * size - 1 }, (_, at) => at - (size - 1));
  return sum(distances.map((lag) => (size - Math.abs(lag)) * phi ** Math.abs(lag + shift))) / (size * size);
}

/** Correlation of the means of two neighbouring runs of `size` values. */
export function correlationOfNeighbours(phi: number, size: number): number {
  return covarianceOfMeans(phi, size, size) / covarianceOfMeans(phi, size, 0);
}
