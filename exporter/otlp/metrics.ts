import { type HrTime, ValueType } from '@opentelemetry/api';
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type MetricData,
} from '@opentelemetry/sdk-metrics';
import type { HistogramPoint } from '../../model/catalogue/metric.ts';
import type { FamilyMetric } from '../series/family.ts';
import type { PointLabels } from './attributes.ts';
import { unitOf } from './units.ts';

/** `start_time_unix_nano` 0: no start time, as for a gauge. */
const NO_TIME: HrTime = [0, 0];

export type Series = readonly [labels: PointLabels, value: number];
export type HistogramSeries = readonly [labels: PointLabels, point: HistogramPoint];

/** When the series started counting, ms since 1970. */
export type StartOf = (labels: PointLabels, value: number) => number;

/** Points of a family: a counter is a monotonic cumulative sum, all others but histograms are gauges. */
export function numberMetric(
  metric: FamilyMetric,
  series: readonly Series[],
  atMs: number,
  startOf: StartOf,
): MetricData {
  const endTime = timeOf(atMs);
  const base = {
    descriptor: descriptorOf(metric),
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  const isCounter = metric.type === 'counter';
  const dataPoints = series.map(
    ([labels, value]): DataPoint<number> => ({
      startTime: isCounter ? timeOf(startOf(labels, value)) : NO_TIME,
      endTime,
      attributes: labels.attributes,
      value,
    }),
  );
  return isCounter
    ? { ...base, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints }
    : { ...base, dataPointType: DataPointType.GAUGE, dataPoints };
}

export function histogramMetric(
  metric: FamilyMetric,
  series: readonly HistogramSeries[],
  atMs: number,
  startOf: StartOf,
): MetricData {
  return {
    descriptor: descriptorOf(metric),
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
    dataPointType: DataPointType.HISTOGRAM,
    dataPoints: series.map(([labels, point]) => ({
      startTime: timeOf(startOf(labels, point.count)),
      endTime: timeOf(atMs),
      attributes: labels.attributes,
      value: histogramOf(point),
    })),
  };
}

/** OTLP buckets are not cumulative, and the last one is above all bounds. */
function histogramOf({ buckets, count, sum }: HistogramPoint) {
  const counts: number[] = [];
  let below = 0;
  for (const [, atOrBelow] of buckets) {
    counts.push(atOrBelow - below);
    below = atOrBelow;
  }
  counts.push(count - below);
  return {
    buckets: { boundaries: buckets.map(([upTo]) => upTo), counts },
    count,
    ...(sum === undefined ? {} : { sum }),
  };
}

function descriptorOf({ name, help }: FamilyMetric) {
  return { name, description: help, unit: unitOf(name), valueType: ValueType.DOUBLE };
}

function timeOf(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.round((ms - seconds * 1_000) * 1_000_000)];
}
