/**
 * A step this many times longer than both its neighbours is an outage; a step as long as the next one is a longer
 * interval.
 */
const GAP_STEPS = 3;

export interface Timed<Row> {
  /** ms, oldest first. */
  readonly times: readonly number[];
  /** Each has a value for each time, or no values. */
  readonly rows: readonly Row[];
}

/** Inserts NaN in the middle of each outage, so that no line is drawn through it. */
export function withOutages<Row extends { readonly values: readonly number[] }>({
  times,
  rows,
}: Timed<Row>): Timed<Row> {
  const outages = outagesOf(times);
  if (outages.length === 0) return { times, rows };
  return {
    times: between(times, outages, (index) => middle(times, index)),
    rows: rows.map((row) => ({ ...row, values: between(row.values, outages, () => Number.NaN) })),
  };
}

/** Time before the last: `-3m`, `-20s`, `now`. */
export function timeLabels(times: readonly number[]): string[] {
  const last = times.at(-1) ?? 0;
  return times.map((time) => {
    const seconds = Math.round((last - time) / 1_000);
    if (seconds === 0) return 'now';
    if (seconds < 120) return `-${seconds}s`;
    const minutes = Math.round(seconds / 60);
    return minutes < 120 ? `-${minutes}m` : `-${Math.round(minutes / 60)}h`;
  });
}

/** Indexes of the times that follow an outage; the newest step may be the first of a longer interval. */
function outagesOf(times: readonly number[]): number[] {
  const step = (index: number): number => (times[index] ?? Number.NaN) - (times[index - 1] ?? Number.NaN);
  return times.flatMap((_, index) => {
    const isOutage = step(index) > GAP_STEPS * Math.max(step(index - 1), step(index + 1));
    return isOutage ? [index] : [];
  });
}

function middle(times: readonly number[], index: number): number {
  return ((times[index - 1] ?? 0) + (times[index] ?? 0)) / 2;
}

function between(
  values: readonly number[],
  indexes: readonly number[],
  inserted: (index: number) => number,
): number[] {
  return values.flatMap((value, index) => (indexes.includes(index) ? [inserted(index), value] : [value]));
}
