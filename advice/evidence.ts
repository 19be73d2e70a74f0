import type { Evidence } from './advice.ts';
import type { HostObservation } from './observation.ts';
import type { Series } from './series.ts';

/** Share of the samples from which a figure counts as lasting. */
const LASTING = 0.5;

/** Whether a figure was above its limit in at least half of the samples, and there are enough of them. */
export function isLasting(series: Series, limit: number, minSamples: number): boolean {
  return series.count >= minSamples && series.shareAbove(limit) >= LASTING;
}

/** The median of a series as evidence. `scale` converts the series and the limit to the unit of the evidence. */
export function medianOf(
  figure: string,
  series: Series,
  {
    unit,
    scale = 1,
    limit,
    over,
  }: { unit: string; scale?: number; limit?: number; over: Pick<HostObservation, 'fromMs' | 'toMs'> },
): Evidence[] {
  const value = series.median;
  if (value === undefined) return [];
  return [
    {
      figure,
      statistic: 'median',
      value: value * scale,
      unit,
      samples: series.count,
      spanMs: over.toMs - over.fromMs,
      ...(limit !== undefined && { above: { limit: limit * scale, share: series.shareAbove(limit) } }),
    },
  ];
}

/** A mean over all samples of the window. */
export function meanOf(
  figure: string,
  value: number,
  unit: string,
  { fromMs, toMs, samples }: Pick<HostObservation, 'fromMs' | 'toMs' | 'samples'>,
): Evidence {
  return { figure, statistic: 'mean', value, unit, samples, spanMs: toMs - fromMs };
}

/** A current fact. */
export function factOf(figure: string, value: number, unit = ''): Evidence {
  return { figure, statistic: 'fact', value, unit, samples: 1, spanMs: 0 };
}
