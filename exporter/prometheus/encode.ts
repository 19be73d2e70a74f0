import { RemoteError } from '../../libvirt/errors.ts';
import { DEFAULT_GROUPS, type GroupName, groups } from '../../model/catalogue/catalogue.ts';
import { healthMetrics } from '../../model/catalogue/health.ts';
import type {
  About,
  Figure,
  FigureSet,
  Group,
  HistogramSet,
  Info,
  PeerLabels,
  SubjectMetric,
  Subjects,
} from '../../model/catalogue/metric.ts';
import { msToSeconds } from '../../model/units.ts';
import { versionText } from '../../model/versions.ts';
import type { DomainSample, HostSample, SamplerHealth } from '../../sampler/host-sample.ts';
import { type AllLabelled, domainLabel, type Labelled, labelAll } from './subjects.ts';
import { escapeLabel, type Format, familyHead, labelPairs, number, openMetricsFamily } from './text.ts';

/** Lines in a piece: between pieces the event loop gets its turn. */
const PIECE_LINES = 500;

/** virDomainState in words, as inovex's exporter and Metricbeat have them. */
export const STATE_WORDS = [
  'no state',
  'running',
  'blocked',
  'paused',
  'shutdown',
  'shutoff',
  'crashed',
  'suspended',
];

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
  const { domains } = sample;
  yield* family(healthMetrics.up, format, [['', 1]]);
  yield* family(healthMetrics.domains, format, [['', domains.length]]);
  yield* family(healthMetrics.sampleDuration, format, [['', msToSeconds(sample.durationMs)]]);
  yield* family(healthMetrics.sampleTimestamp, format, [['', msToSeconds(sample.startedAtMs)]]);
  if (sample.versions !== undefined) {
    const { hypervisor, libvirt } = sample.versions;
    const labels = labelPairs({
      hypervisor_running: hypervisor === undefined ? undefined : versionText(hypervisor),
      libvirtd_running: libvirt === undefined ? undefined : versionText(libvirt),
    });
    yield* family(healthMetrics.versions, format, [[labels, 1]]);
  }
  const subjects = labelAll(sample, enabled);
  yield* family(healthMetrics.state, format, states(subjects.summary));
  yield* family(healthMetrics.outcome, format, outcomes(domains));
  yield* family(healthMetrics.error, format, errors(domains));
  yield* family(healthMetrics.unresponsiveSince, format, unresponsive(domains));
  yield* family(healthMetrics.crash, format, crashes(sample));
  yield* family(healthMetrics.sampleAge, format, ages(domains, sample.startedAtMs));
  const peers = peerLabelsByName(more);
  const others = new Set(more.flatMap((group) => group.metrics.map(({ name }) => name)));
  for (const group of [...groups.filter(({ name }) => enabled.has(name)), ...more]) {
    for (const each of group.metrics as readonly SubjectMetric[]) {
      const metric = format === 'openMetrics' ? apartFrom(others, each) : each;
      // `per` ties a metric to what it reads; TypeScript does not follow that through a union.
      yield* metric.type === 'histogram'
        ? histogramFamily(metric as never, format, subjects)
        : family(metric, format, seriesOf(metric as never, subjects, peers.get(metric.name)));
    }
  }
}

/**
 * A counter `x_total` beside another exporter's gauge `x` would be two families named `x` in OpenMetrics. Of unknown
 * type its family is `x_total`, and both keep the names that queries use.
 */
function apartFrom(others: ReadonlySet<string>, metric: SubjectMetric): SubjectMetric {
  return metric.type === 'counter' && others.has(openMetricsFamily(metric))
    ? ({ ...metric, type: 'unknown' } as never)
    : metric;
}

/** Several exporters may have labels on one series; a label that two of them have stands once. */
function peerLabelsByName(groups: readonly Group[]): ReadonlyMap<string, PeerLabels['labels']> {
  const found = new Map<string, PeerLabels['labels']>();
  for (const { names, labels } of groups.flatMap((group) => group.peerLabels ?? [])) {
    for (const name of names) found.set(name, { ...found.get(name), ...labels });
  }
  return found;
}

function peerText(peer: PeerLabels['labels'], about: About): string {
  let text = '';
  for (const [name, read] of Object.entries(peer)) {
    const value = read(about);
    if (value !== undefined) text += `,${name}="${escapeLabel(value)}"`;
  }
  return text;
}

/** What is known without a sample: always exported, above all when the host cannot be asked. */
export function* encodeHealth(
  health: SamplerHealth,
  up: boolean,
  format: Format,
  inMaintenance = false,
): Generator<string> {
  yield* family(healthMetrics.maintenance, format, [['', Number(inMaintenance)]]);
  if (!up) yield* family(healthMetrics.up, format, [['', 0]]);
  yield* family(healthMetrics.connectionState, format, [[`state="${health.control.kind}"`, 1]]);
  yield* family(healthMetrics.connections, format, [['', health.connections]]);
  yield* family(healthMetrics.reconnects, format, [['', health.reconnects]]);
  yield* family(healthMetrics.stuckCalls, format, [['', health.stuckCalls]]);
  yield* family(healthMetrics.unknownStatistics, format, [['', health.unknownStatistics]]);
}

type Series = readonly [labels: string, value: number];

function* family(metric: Described, format: Format, series: Iterable<Series>): Generator<string> {
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

function* seriesOf<K extends keyof Subjects>(
  metric: Figure<K> | FigureSet<K> | Info<K>,
  all: AllLabelled,
  peer: PeerLabels['labels'] | undefined,
): Generator<Series> {
  for (const { labels: own, subject, about } of all[metric.per]) {
    const labels = peer === undefined || about === undefined ? own : own + peerText(peer, about);
    if ('read' in metric) {
      const value = metric.read(subject);
      if (value !== undefined) yield [labels, value];
    } else if ('points' in metric) {
      for (const [values, value] of metric.points(subject)) {
        yield [withLabels(labels, metric.labels, values), value];
      }
    } else if (metric.when?.(subject) !== false) {
      yield [infoLabels(labels, metric, subject), 1];
    }
  }
}

function withLabels(labels: string, names: readonly string[], values: readonly string[]): string {
  const own = names.map((name, index) => `${name}="${escapeLabel(values[index] ?? '')}"`).join(',');
  return labels === '' ? own : `${labels},${own}`;
}

function infoLabels<K extends keyof Subjects>(labels: string, metric: Info<K>, subject: Subjects[K]): string {
  let text = labels;
  for (const [name, read] of Object.entries(metric.labels)) {
    const value = read(subject);
    if (value !== undefined) text += `,${name}="${escapeLabel(value)}"`;
  }
  for (const [name, value] of metric.more?.(subject) ?? []) text += `,${name}="${escapeLabel(value)}"`;
  return text;
}

function* histogramFamily<K extends keyof Subjects>(
  metric: HistogramSet<K>,
  format: Format,
  all: AllLabelled,
): Generator<string> {
  let text = '';
  for (const { labels, subject } of all[metric.per]) {
    for (const { values, buckets, count, sum } of metric.histograms(subject)) {
      const own = withLabels(labels, metric.labels, values);
      for (const [upTo, atOrBelow] of buckets) {
        text += `${metric.name}_bucket{${own},le="${number(upTo)}"} ${number(atOrBelow)}\n`;
      }
      text += `${metric.name}_bucket{${own},le="+Inf"} ${number(count)}\n`;
      text += `${metric.name}_count{${own}} ${number(count)}\n`;
      if (sum !== undefined) text += `${metric.name}_sum{${own}} ${number(sum)}\n`;
    }
  }
  if (text !== '') yield familyHead(format, metric) + text;
}

function* states(summaries: readonly Labelled<Subjects['summary']>[]): Generator<Series> {
  for (const { labels, subject } of summaries) {
    if (subject.state === undefined) continue;
    yield [`${labels},state_desc="${STATE_WORDS[subject.state] ?? 'unknown'}"`, subject.state];
  }
}

function* outcomes(domains: readonly DomainSample[]): Generator<Series> {
  for (const { domain, outcome } of domains)
    yield [`${domainLabel(domain.name)},outcome="${outcome.kind}"`, 1];
}

function* errors(domains: readonly DomainSample[]): Generator<Series> {
  for (const { domain, outcome } of domains) {
    if (outcome.kind !== 'error') continue;
    const { code = 'VIRTUNE_INTERNAL' } = outcome.error as { code?: string };
    const libvirtCode = outcome.error instanceof RemoteError ? String(outcome.error.libvirtCode) : undefined;
    yield [`${domainLabel(domain.name)},${labelPairs({ code, libvirt_code: libvirtCode })}`, 1];
  }
}

function* unresponsive(domains: readonly DomainSample[]): Generator<Series> {
  for (const { domain, outcome } of domains) {
    if (outcome.kind === 'unresponsive') yield [domainLabel(domain.name), msToSeconds(outcome.sinceMs)];
  }
}

function* crashes({ crashes = [] }: HostSample): Generator<Series> {
  for (const { uuid, name, atMs } of crashes)
    yield [`${domainLabel(name)},uuid="${uuid}"`, msToSeconds(atMs)];
}

function* ages(domains: readonly DomainSample[], startedAtMs: number): Generator<Series> {
  for (const { domain, lastFreshAtMs } of domains) {
    if (lastFreshAtMs === undefined) continue;
    yield [domainLabel(domain.name), msToSeconds(Math.max(0, startedAtMs - lastFreshAtMs))];
  }
}
