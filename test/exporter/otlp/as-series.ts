import type { Series } from '../../exposition.ts';
import type { DecodedMetric, DecodedPoint, DecodedResource } from './decode-request.ts';

/** The series that Prometheus makes of decoded requests, without labels of the resource. */
export function asSeries(resources: readonly DecodedResource[]): Series[] {
  return resources
    .flatMap(({ metrics }) => metrics)
    .flatMap((metric) => metric.points.flatMap((point) => ofPoint(metric, point)));
}

function ofPoint({ name }: DecodedMetric, { attributes: labels, value, histogram }: DecodedPoint): Series[] {
  if (histogram === undefined) return [{ name, labels, value: value ?? Number.NaN }];
  const { bounds, counts, count, sum } = histogram;
  let below = 0;
  const buckets = [...bounds, Number.POSITIVE_INFINITY].map((bound, index) => {
    below += counts[index] ?? 0;
    const le = bound === Number.POSITIVE_INFINITY ? '+Inf' : String(bound);
    return { name: `${name}_bucket`, labels: { ...labels, le }, value: below };
  });
  return [
    ...buckets,
    { name: `${name}_count`, labels, value: count },
    ...(sum === undefined ? [] : [{ name: `${name}_sum`, labels, value: sum }]),
  ];
}

/** Sorted by names and labels alone. */
export function sorted(series: readonly Series[]): [key: string, value: number][] {
  return series
    .map(({ name, labels, value }): [string, number] => [
      `${name} ${JSON.stringify(Object.entries(labels).sort())}`,
      value,
    ])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}
