import { RemoteError } from '../../libvirt/errors.ts';
import { type GroupName, groups } from '../../model/catalogue/catalogue.ts';
import { healthMetrics } from '../../model/catalogue/health.ts';
import type {
  About,
  Figure,
  FigureSet,
  Group,
  HistogramPoint,
  HistogramSet,
  Info,
  PeerLabels,
  SubjectMetric,
  Subjects,
} from '../../model/catalogue/metric.ts';
import { msToSeconds } from '../../model/units.ts';
import { versionText } from '../../model/versions.ts';
import type { HostSample, SamplerHealth } from '../../sampler/host-sample.ts';
import { type LabelFormat, withLabels } from './label-format.ts';
import { type AllLabelled, type Labelled, labelAll } from './subjects.ts';

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

export interface FamilyMetric {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'info' | 'histogram';
  readonly help: string;
  /** What it is read from: a kind of subject, or the process. */
  readonly per: keyof Subjects | 'process';
}

export type Series<L> = readonly [labels: L, value: number];
export type HistogramSeries<L> = readonly [labels: L, point: HistogramPoint];

/** All series of one name. It may have none. What is absent in the sample has no series: never a false zero. */
export type Family<L> =
  | { readonly metric: FamilyMetric; readonly series: Iterable<Series<L>> }
  | { readonly metric: FamilyMetric; readonly histograms: Iterable<HistogramSeries<L>> };

export interface FamiliesOptions<L> {
  readonly format: LabelFormat<L>;
  readonly enabled: ReadonlySet<GroupName>;
  /** Other exporters' names, beside our own. */
  readonly more?: readonly Group[] | undefined;
}

/** The series of a host, as the catalogue has them. Read each family before the next. */
export function* familiesOf<L>(
  sample: HostSample,
  { format, enabled, more = [] }: FamiliesOptions<L>,
): Generator<Family<L>> {
  const { none } = format;
  const one = (metric: FamilyMetric, value: number): Family<L> => ({ metric, series: [[none, value]] });
  yield one(healthMetrics.up, 1);
  yield one(healthMetrics.domains, sample.domains.length);
  yield one(healthMetrics.sampleDuration, msToSeconds(sample.durationMs));
  yield one(healthMetrics.sampleTimestamp, msToSeconds(sample.startedAtMs));
  if (sample.versions !== undefined) {
    const { hypervisor, libvirt } = sample.versions;
    const labels = withLabels(format, none, {
      hypervisor_running: hypervisor === undefined ? undefined : versionText(hypervisor),
      libvirtd_running: libvirt === undefined ? undefined : versionText(libvirt),
    });
    yield { metric: healthMetrics.versions, series: [[labels, 1]] };
  }
  const subjects = labelAll(sample, enabled, format);
  yield { metric: healthMetrics.state, series: states(format, subjects.summary) };
  yield { metric: healthMetrics.outcome, series: outcomes(format, sample) };
  yield { metric: healthMetrics.error, series: errors(format, sample) };
  yield { metric: healthMetrics.unresponsiveSince, series: unresponsive(format, sample) };
  yield { metric: healthMetrics.crash, series: crashes(format, sample) };
  yield { metric: healthMetrics.sampleAge, series: ages(format, sample) };
  const peers = peerLabelsByName(more);
  for (const group of [...groups.filter(({ name }) => enabled.has(name)), ...more]) {
    for (const metric of group.metrics as readonly SubjectMetric[]) {
      // `per` ties a metric to what it reads; TypeScript does not follow that through a union.
      yield metric.type === 'histogram'
        ? { metric, histograms: histogramsOf(metric as never, format, subjects) }
        : { metric, series: seriesOf(metric as never, format, subjects, peers.get(metric.name)) };
    }
  }
}

/** What is known without a sample: always there, above all when the host cannot be asked. */
export function* healthFamilies<L>(
  health: SamplerHealth,
  isUp: boolean,
  format: LabelFormat<L>,
  inMaintenance: boolean,
): Generator<Family<L>> {
  const { none } = format;
  const one = (metric: FamilyMetric, value: number): Family<L> => ({ metric, series: [[none, value]] });
  yield one(healthMetrics.maintenance, Number(inMaintenance));
  if (!isUp) yield one(healthMetrics.up, 0);
  const state = format.with(none, 'state', health.control.kind);
  yield { metric: healthMetrics.connectionState, series: [[state, 1]] };
  yield one(healthMetrics.connections, health.connections);
  yield one(healthMetrics.reconnects, health.reconnects);
  yield one(healthMetrics.stuckCalls, health.stuckCalls);
  yield one(healthMetrics.unknownStatistics, health.unknownStatistics);
}

/** Several exporters may have labels on one series; a label that two of them have stands once. */
function peerLabelsByName(groups: readonly Group[]): ReadonlyMap<string, PeerLabels['labels']> {
  const found = new Map<string, PeerLabels['labels']>();
  for (const { names, labels } of groups.flatMap((group) => group.peerLabels ?? [])) {
    for (const name of names) found.set(name, { ...found.get(name), ...labels });
  }
  return found;
}

function* seriesOf<K extends keyof Subjects, L>(
  metric: Figure<K> | FigureSet<K> | Info<K>,
  format: LabelFormat<L>,
  all: AllLabelled<L>,
  peer: PeerLabels['labels'] | undefined,
): Generator<Series<L>> {
  for (const { labels: own, subject, about } of all[metric.per]) {
    const labels = peer === undefined || about === undefined ? own : withPeer(format, own, peer, about);
    if ('read' in metric) {
      const value = metric.read(subject);
      if (value !== undefined) yield [labels, value];
    } else if ('points' in metric) {
      for (const [values, value] of metric.points(subject)) {
        yield [withValues(format, labels, metric.labels, values), value];
      }
    } else if (metric.when?.(subject) !== false) {
      yield [withInfo(format, labels, metric, subject), 1];
    }
  }
}

function withPeer<L>(format: LabelFormat<L>, labels: L, peer: PeerLabels['labels'], about: About): L {
  let all = labels;
  for (const [name, read] of Object.entries(peer)) {
    const value = read(about);
    if (value !== undefined) all = format.with(all, name, value);
  }
  return all;
}

function withValues<L>(
  format: LabelFormat<L>,
  labels: L,
  names: readonly string[],
  values: readonly string[],
): L {
  let all = labels;
  for (const [index, name] of names.entries()) all = format.with(all, name, values[index] ?? '');
  return all;
}

function withInfo<K extends keyof Subjects, L>(
  format: LabelFormat<L>,
  labels: L,
  metric: Info<K>,
  subject: Subjects[K],
): L {
  let all = labels;
  for (const [name, read] of Object.entries(metric.labels)) {
    const value = read(subject);
    if (value !== undefined) all = format.with(all, name, value);
  }
  for (const [name, value] of metric.more?.(subject) ?? []) all = format.with(all, name, value);
  return all;
}

function* histogramsOf<K extends keyof Subjects, L>(
  metric: HistogramSet<K>,
  format: LabelFormat<L>,
  all: AllLabelled<L>,
): Generator<HistogramSeries<L>> {
  for (const { labels, subject } of all[metric.per]) {
    for (const point of metric.histograms(subject)) {
      yield [withValues(format, labels, metric.labels, point.values), point];
    }
  }
}

function* states<L>(
  format: LabelFormat<L>,
  summaries: readonly Labelled<Subjects['summary'], L>[],
): Generator<Series<L>> {
  for (const { labels, subject } of summaries) {
    if (subject.state === undefined) continue;
    yield [format.with(labels, 'state_desc', STATE_WORDS[subject.state] ?? 'unknown'), subject.state];
  }
}

function domainLabels<L>(
  format: LabelFormat<L>,
  domain: string,
  more: Readonly<Record<string, string | undefined>> = {},
): L {
  return withLabels(format, format.with(format.none, 'domain', domain), more);
}

function* outcomes<L>(format: LabelFormat<L>, { domains }: HostSample): Generator<Series<L>> {
  for (const { domain, outcome } of domains) {
    yield [domainLabels(format, domain.name, { outcome: outcome.kind }), 1];
  }
}

function* errors<L>(format: LabelFormat<L>, { domains }: HostSample): Generator<Series<L>> {
  for (const { domain, outcome } of domains) {
    if (outcome.kind !== 'error') continue;
    const { code = 'VIRTUNE_INTERNAL' } = outcome.error as { code?: string };
    const libvirtCode = outcome.error instanceof RemoteError ? String(outcome.error.libvirtCode) : undefined;
    yield [domainLabels(format, domain.name, { code, libvirt_code: libvirtCode }), 1];
  }
}

function* unresponsive<L>(format: LabelFormat<L>, { domains }: HostSample): Generator<Series<L>> {
  for (const { domain, outcome } of domains) {
    if (outcome.kind === 'unresponsive') {
      yield [domainLabels(format, domain.name), msToSeconds(outcome.sinceMs)];
    }
  }
}

function* crashes<L>(format: LabelFormat<L>, { crashes = [] }: HostSample): Generator<Series<L>> {
  for (const { uuid, name, atMs } of crashes) {
    yield [domainLabels(format, name, { uuid }), msToSeconds(atMs)];
  }
}

function* ages<L>(format: LabelFormat<L>, { domains, startedAtMs }: HostSample): Generator<Series<L>> {
  for (const { domain, lastFreshAtMs } of domains) {
    if (lastFreshAtMs === undefined) continue;
    yield [domainLabels(format, domain.name), msToSeconds(Math.max(0, startedAtMs - lastFreshAtMs))];
  }
}
