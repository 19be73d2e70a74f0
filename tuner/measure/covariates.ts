/**
 * The residuals of a vector after a least squares regression on columns, without an intercept. A column that earlier
 * ones explain is skipped, and so is one of zeros.
 */
export function residuals(vector: readonly number[], columns: readonly (readonly number[])[]): number[] {
  const basis: number[][] = [];
  for (const column of columns) {
    const rest = basis.reduce<readonly number[]>(without, column);
    const [length, before] = [norm(rest), norm(column)];
    if (length > 1e-9 * before) basis.push(rest.map((value) => value / length));
  }
  return basis.reduce<readonly number[]>(without, vector).slice();
}

/** `vector` minus its projection on `unit`. */
function without(vector: readonly number[], unit: readonly number[]): number[] {
  const along = vector.reduce((total, value, at) => total + value * (unit[at] as number), 0);
  return vector.map((value, at) => value - along * (unit[at] as number));
}

function norm(vector: readonly number[]): number {
  return Math.sqrt(vector.reduce((total, value) => total + value * value, 0));
}

/** The most covariates for this many pairs: each costs about as much certainty as a pair. */
export function mostCovariates(pairs: number): number {
  return Math.floor(pairs / 4);
}
