/**
 * How a figure is computed from samples: a `gauge` is the mean of its values over time; a `rate` the growth of a
 * counter per second; a `quotient` the growth of one counter divided by that of another, such as time per request.
 */
export type FigureKind = 'gauge' | 'rate' | 'quotient';

/** One sample of a figure. */
export interface Observation {
  /** On the clock of the experiment, monotonic. */
  readonly atMs: number;
  /** The run of the VM, by libvirt's id; undefined while the VM was off or paused. */
  readonly run: number | undefined;
  /** The value of a gauge, or the counter; undefined if it was absent. */
  readonly value: number | undefined;
  /** The counter that a quotient divides by. */
  readonly per?: number | undefined;
  /** Why the value is absent, if known. */
  readonly missing?: string | undefined;
}

export interface TimeWindow {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The figure of one block, or why it has none. A block without a figure is absent, never 0. */
export type BlockMean =
  | { readonly value: number; readonly covered: number; readonly samples: number }
  | {
      readonly missing: string;
      /** Samples, with or without a value, came too late to cover the block. */
      readonly tooFewSamples?: true;
    };

/** A block with less of its time covered by samples has no mean: what was missed may have been different. */
const LEAST_COVERED = 0.5;

/**
 * A sample of a gauge counts for the time until the next, but for at most this many intervals: on a host in trouble a
 * sample takes longer than an interval.
 */
const LONGEST_HOLD = 2.5;

/**
 * The mean of a figure over a block. Counters are divided once, last minus first, instead of averaging rates: a second
 * with many requests then counts more than one with few, as it does for the guest.
 *
 * @param observations by time.
 * @param everyMs how often samples are taken.
 */
export function blockMean(
  kind: FigureKind,
  observations: readonly Observation[],
  window: TimeWindow,
  everyMs: number,
): BlockMean {
  const inside = within(observations, window);
  const first = inside[0];
  if (first === undefined) return { missing: 'there is no sample', tooFewSamples: true };
  if (inside.some(({ run }) => run === undefined)) return { missing: 'the VM did not run all the time' };
  if (inside.some(({ run }) => run !== first.run)) return { missing: 'the VM was restarted' };
  const mean = kind === 'gauge' ? gauge(inside, window, everyMs) : counter(kind, inside, window);
  if ('value' in mean && mean.covered >= LEAST_COVERED) return mean;
  const missing =
    'missing' in mean
      ? mean.missing
      : withReason(`samples cover only ${Math.round(mean.covered * 100)} % of its time`, inside);
  const sampledMs = inside.reduce((sum, _, at) => sum + heldMs(inside, at, window, everyMs), 0);
  const isSampled = sampledMs >= LEAST_COVERED * (window.toMs - window.fromMs);
  return isSampled ? { missing } : { missing, tooFewSamples: true };
}

/** For how long the sample at this index counts, with or without a value. */
function heldMs(inside: readonly Observation[], at: number, { toMs }: TimeWindow, everyMs: number): number {
  const { atMs = toMs } = inside[at] ?? {};
  return Math.min(inside[at + 1]?.atMs ?? toMs, atMs + LONGEST_HOLD * everyMs) - atMs;
}

/** Appends the newest known reason of the samples without a value. */
function withReason(text: string, inside: readonly Observation[]): string {
  const reason = inside.findLast(({ missing }) => missing !== undefined)?.missing;
  return reason === undefined ? text : `${text}: ${reason}`;
}

function within(observations: readonly Observation[], { fromMs, toMs }: TimeWindow): Observation[] {
  let [first, end] = [0, observations.length];
  while (first < end) {
    const middle = (first + end) >> 1;
    if ((observations[middle] as Observation).atMs < fromMs) first = middle + 1;
    else end = middle;
  }
  let last = first;
  while (last < observations.length && (observations[last] as Observation).atMs <= toMs) last += 1;
  return observations.slice(first, last);
}

function gauge(inside: readonly Observation[], window: TimeWindow, everyMs: number): BlockMean {
  let totalMs = 0;
  let total = 0;
  let samples = 0;
  for (const [at, { value }] of inside.entries()) {
    if (value === undefined || !Number.isFinite(value)) continue;
    const ms = heldMs(inside, at, window, everyMs);
    totalMs += ms;
    total += value * ms;
    samples += 1;
  }
  if (samples === 0) return { missing: withReason('the figure is absent', inside) };
  const covered = Math.min(1, totalMs / (window.toMs - window.fromMs));
  return { value: total / totalMs, covered, samples };
}

function counter(
  kind: 'rate' | 'quotient',
  inside: readonly Observation[],
  { fromMs, toMs }: TimeWindow,
): BlockMean {
  const present = inside.filter(
    ({ value, per }) => value !== undefined && (kind === 'rate' || per !== undefined),
  );
  const [first, last] = [present[0], present.at(-1)];
  if (first === undefined || last === undefined || last.atMs === first.atMs) {
    if (present.length === 0) return { missing: withReason('the figure is absent', inside) };
    return { missing: 'a rate needs two samples' };
  }
  const wentBack = present.some(({ value = 0, per = 0 }, at) => {
    const before = present[at - 1];
    return before !== undefined && (value < (before.value ?? 0) || per < (before.per ?? 0));
  });
  if (wentBack) return { missing: 'its counter was reset' };
  const grown = (last.value ?? 0) - (first.value ?? 0);
  const over =
    kind === 'rate' ? (last.atMs - first.atMs) / 1_000 : (last.per ?? Number.NaN) - (first.per ?? Number.NaN);
  if (over === 0)
    return {
      missing: 'no work was done (no requests, or no demand for CPU), so there is no figure per unit of work',
    };
  return {
    value: grown / over,
    covered: (last.atMs - first.atMs) / (toMs - fromMs),
    samples: present.length,
  };
}
