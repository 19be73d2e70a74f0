import { DEFAULT_GROUPS, type GroupName } from '../../model/catalogue/catalogue.ts';
import type { Group } from '../../model/catalogue/metric.ts';
import type { HostSample, SamplerHealth } from '../../sampler/host-sample.ts';
import { familiesOf, healthFamilies } from '../series/families.ts';
import type { FamilyMetric, Source, VisitHistogram, VisitSeries } from '../series/family.ts';
import type { LabelFormat } from '../series/label-format.ts';
import { labelAll } from '../series/subjects.ts';
import { type Described, headBytes, nameBytes } from './family-bytes.ts';
import { escapeLabel, type Format, number, openMetricsFamily } from './text.ts';
import type { TextBuffer } from './text-buffer.ts';

/** Subjects processed before yielding to the event loop: most have one series or none. */
const SUBJECTS = 500;

/** `domain="db",vcpu="0"` */
const LABEL_TEXT: LabelFormat<string> = {
  none: '',
  with: (labels, name, value) =>
    labels === '' ? `${name}="${escapeLabel(value)}"` : `${labels},${name}="${escapeLabel(value)}"`,
};

/**
 * Appends the host's series to `text` in pieces, so that the caller can yield to the event loop between two. A family
 * without series is omitted entirely: an unknown value must not be exported as zero.
 */
export function* encodeSample(
  text: TextBuffer,
  sample: HostSample,
  format: Format,
  enabled: ReadonlySet<GroupName> = DEFAULT_GROUPS,
  more: readonly Group[] = [],
): Generator<void> {
  const others = new Set(more.flatMap((group) => group.metrics.map(({ name }) => name)));
  const subjects = yield* labelAll(sample, enabled, LABEL_TEXT, more.length > 0);
  for (const each of familiesOf(sample, { subjects, format: LABEL_TEXT, enabled, more })) {
    const metric = format === 'openMetrics' ? apartFrom(others, each.metric) : each.metric;
    if ('histograms' in each) yield* pieces(each.histograms, histogramVisitor(text, metric, format));
    else yield* pieces(each.series, seriesVisitor(text, metric, format));
  }
}

/**
 * A counter `x_total` next to another exporter's gauge `x` would give two families `x` in OpenMetrics. With type
 * unknown its family is `x_total`, and both keep the names that queries use.
 */
function apartFrom(others: ReadonlySet<string>, metric: FamilyMetric): Described {
  return metric.type === 'counter' && others.has(openMetricsFamily(metric))
    ? { ...metric, type: 'unknown' }
    : metric;
}

/** What is known without a sample: always exported, above all when the host cannot be sampled. */
export function encodeHealth(
  text: TextBuffer,
  health: SamplerHealth,
  up: boolean,
  format: Format,
  inMaintenance = false,
): void {
  for (const each of healthFamilies(health, up, LABEL_TEXT, inMaintenance)) {
    if ('series' in each) each.series.read(seriesVisitor(text, each.metric, format), 0, each.series.subjects);
  }
}

function* pieces<V>({ subjects, read }: Source<V>, visit: V): Generator<void> {
  for (let from = 0; from < subjects; from += SUBJECTS) {
    read(visit, from, Math.min(from + SUBJECTS, subjects));
    yield;
  }
}

/** Appends series, the family's head before the first. */
function seriesVisitor(text: TextBuffer, metric: Described, format: Format): VisitSeries<string> {
  const name = nameBytes(metric);
  let isFirst = true;
  return (labels, value) => {
    if (isFirst) text.appendBytes(headBytes(metric, format));
    isFirst = false;
    text.series(name, labels, value);
  };
}

function histogramVisitor(text: TextBuffer, metric: Described, format: Format): VisitHistogram<string> {
  const [bucketName, countName, sumName] = ['bucket', 'count', 'sum'].map((suffix) =>
    Buffer.from(`${metric.name}_${suffix}`),
  ) as [Buffer, Buffer, Buffer];
  let isFirst = true;
  return (labels, { buckets, count, sum }) => {
    if (isFirst) text.appendBytes(headBytes(metric, format));
    isFirst = false;
    for (const [upTo, atOrBelow] of buckets) {
      text.series(bucketName, `${labels},le="${number(upTo)}"`, atOrBelow);
    }
    text.series(bucketName, `${labels},le="+Inf"`, count);
    text.series(countName, labels, count);
    if (sum !== undefined) text.series(sumName, labels, sum);
  };
}
