import { setImmediate } from 'node:timers/promises';
import { ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import type { Resource } from '@opentelemetry/resources';
import type { MetricData } from '@opentelemetry/sdk-metrics';
import type { HistogramPoint } from '../../model/catalogue/metric.ts';
import type { Family, FamilyMetric } from '../series/family.ts';
import type { PointLabels } from './attributes.ts';
import { type HistogramSeries, histogramMetric, numberMetric, type Series, type StartOf } from './metrics.ts';

/** One export request. */
export interface OtlpRequest {
  /** An ExportMetricsServiceRequest. */
  readonly body: Uint8Array;
  readonly points: number;
}

export interface RequestsOptions {
  readonly resource: Resource;
  readonly version: string;
  readonly atMs: number;
  readonly startOf: (metric: FamilyMetric) => StartOf;
  /** Approximate maximum size of a request, uncompressed. */
  readonly maxBytes: number;
}

/** Approximate bytes of a point besides its attributes' text, and of a metric besides its points. */
const POINT_BYTES = 40;
const BUCKET_BYTES = 16;
const METRIC_BYTES = 40;

type Found =
  | { readonly metric: FamilyMetric; readonly series: Series[] }
  | { readonly metric: FamilyMetric; readonly histograms: HistogramSeries[] };

/** Series as export requests, yielding to the event loop between two: thousands of VMs must not block a scrape. */
export async function* requestsOf(
  families: Iterable<Family<PointLabels>>,
  options: RequestsOptions,
): AsyncGenerator<OtlpRequest> {
  let found: Found[] = [];
  let bytes = 0;
  let points = 0;
  for (const family of families) {
    let own = emptyOf(family);
    const { subjects } = 'series' in family ? family.series : family.histograms;
    for (let subject = 0; subject < subjects; subject++) {
      const before = sizeOf(own);
      const added = read(family, subject, own);
      if (added === 0) continue;
      if (before === 0) bytes += METRIC_BYTES + family.metric.name.length + family.metric.help.length;
      bytes += added;
      points += sizeOf(own) - before;
      if (bytes < options.maxBytes) continue;
      yield { body: serialize([...found, own], options), points };
      await setImmediate();
      found = [];
      own = emptyOf(family);
      bytes = 0;
      points = 0;
    }
    if (sizeOf(own) > 0) found.push(own);
  }
  if (points > 0) yield { body: serialize(found, options), points };
}

function emptyOf(family: Family<PointLabels>): Found {
  const { metric } = family;
  return 'series' in family ? { metric, series: [] } : { metric, histograms: [] };
}

function sizeOf(found: Found): number {
  return 'series' in found ? found.series.length : found.histograms.length;
}

/** Adds a family's points for one subject. @returns their approximate size in bytes */
function read(family: Family<PointLabels>, subject: number, found: Found): number {
  let bytes = 0;
  if ('series' in family && 'series' in found) {
    const visit = (labels: PointLabels, value: number): void => {
      found.series.push([labels, value]);
      bytes += POINT_BYTES + labels.key.length;
    };
    family.series.read(visit, subject, subject + 1);
  } else if ('histograms' in family && 'histograms' in found) {
    const visit = (labels: PointLabels, point: HistogramPoint): void => {
      found.histograms.push([labels, point]);
      bytes += POINT_BYTES + labels.key.length + point.buckets.length * BUCKET_BYTES;
    };
    family.histograms.read(visit, subject, subject + 1);
  }
  return bytes;
}

function serialize(
  found: readonly Found[],
  { resource, version, atMs, startOf }: RequestsOptions,
): Uint8Array {
  const metrics = found.map((each): MetricData => {
    const start = startOf(each.metric);
    return 'series' in each
      ? numberMetric(each.metric, each.series, atMs, start)
      : histogramMetric(each.metric, each.histograms, atMs, start);
  });
  const body = ProtobufMetricsSerializer.serializeRequest({
    resource,
    scopeMetrics: [{ scope: { name: 'virtune', version }, metrics }],
  });
  // The package's type allows serializers to return nothing; this one always returns bytes.
  return body ?? new Uint8Array();
}
