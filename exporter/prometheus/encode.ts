import { DEFAULT_GROUPS, type GroupName } from '../../model/catalogue/catalogue.ts';
import type { Group } from '../../model/catalogue/metric.ts';
import type { HostSample, SamplerHealth } from '../../sampler/host-sample.ts';
import {
  type FamilyMetric,
  familiesOf,
  type HistogramSeries,
  healthFamilies,
  type Series,
} from '../series/families.ts';
import type { LabelFormat } from '../series/label-format.ts';
import { escapeLabel, type Format, familyHead, number, openMetricsFamily } from './text.ts';

/** Lines in a piece: between pieces the event loop gets its turn. */
const PIECE_LINES = 500;

/** `domain="db",vcpu="0"` */
const LABEL_TEXT: LabelFormat<string> = {
  none: '',
  with: (labels, name, value) =>
    labels === '' ? `${name}="${escapeLabel(value)}"` : `${labels},${name}="${escapeLabel(value)}"`,
};

interface Described {
  readonly name: string;
  readonly type: string;
  readonly help: string;
}

/**
 * The host's series as text, in pieces. A family without a series is left out whole, so that a scrape never
 * says of a thing that it is zero when nobody knows.
 */
export function* encodeSample(
  sample: HostSample,
  format: Format,
  enabled: ReadonlySet<GroupName> = DEFAULT_GROUPS,
  more: readonly Group[] = [],
): Generator<string> {
  const others = new Set(more.flatMap((group) => group.metrics.map(({ name }) => name)));
  for (const each of familiesOf(sample, { format: LABEL_TEXT, enabled, more })) {
    const metric = format === 'openMetrics' ? apartFrom(others, each.metric) : each.metric;
    yield* 'histograms' in each
      ? histogramFamily(metric, format, each.histograms)
      : family(metric, format, each.series);
  }
}

/**
 * A counter `x_total` beside another exporter's gauge `x` would be two families named `x` in OpenMetrics. Of unknown
 * type its family is `x_total`, and both keep the names that queries use.
 */
function apartFrom(others: ReadonlySet<string>, metric: FamilyMetric): Described {
  return metric.type === 'counter' && others.has(openMetricsFamily(metric))
    ? { ...metric, type: 'unknown' }
    : metric;
}

/** What is known without a sample: always exported, above all when the host cannot be asked. */
export function* encodeHealth(
  health: SamplerHealth,
  up: boolean,
  format: Format,
  inMaintenance = false,
): Generator<string> {
  for (const each of healthFamilies(health, up, LABEL_TEXT, inMaintenance)) {
    if ('series' in each) yield* family(each.metric, format, each.series);
  }
}

function* family(metric: Described, format: Format, series: Iterable<Series<string>>): Generator<string> {
  let piece = '';
  let lines = 0;
  for (const [labels, value] of series) {
    if (lines === 0) piece = familyHead(format, metric);
    piece +=
      labels === '' ? `${metric.name} ${number(value)}\n` : `${metric.name}{${labels}} ${number(value)}\n`;
    lines++;
    if (lines % PIECE_LINES === 0) {
      yield piece;
      piece = '';
    }
  }
  if (piece !== '') yield piece;
}

function* histogramFamily(
  metric: Described,
  format: Format,
  series: Iterable<HistogramSeries<string>>,
): Generator<string> {
  let text = '';
  for (const [own, { buckets, count, sum }] of series) {
    for (const [upTo, atOrBelow] of buckets) {
      text += `${metric.name}_bucket{${own},le="${number(upTo)}"} ${number(atOrBelow)}\n`;
    }
    text += `${metric.name}_bucket{${own},le="+Inf"} ${number(count)}\n`;
    text += `${metric.name}_count{${own}} ${number(count)}\n`;
    if (sum !== undefined) text += `${metric.name}_sum{${own}} ${number(sum)}\n`;
  }
  if (text !== '') yield familyHead(format, metric) + text;
}
