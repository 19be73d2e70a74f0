import { DEFAULT_GROUPS, type GroupName, groups } from '../../model/catalogue/catalogue.ts';
import { healthMetrics } from '../../model/catalogue/health.ts';
import type {
  Figure,
  FigureSet,
  HistogramSet,
  Info,
  SubjectMetric,
  Subjects,
} from '../../model/catalogue/metric.ts';
import { msToSeconds } from '../../model/units.ts';
import type { DomainSample, HostSample, SamplerHealth } from '../../sampler/host-sample.ts';
import { escapeLabel, type Format, familyHead, labelPairs, number } from './text.ts';

/** Lines in a piece: between pieces the event loop gets its turn. */
const PIECE_LINES = 2_000;

/** virDomainState in words, as inovex's exporter and Metricbeat have them. */
const STATE_WORDS = [
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

/** A subject with its label part built once, since it stands in dozens of lines. */
interface Labelled<T> {
  readonly labels: string;
  readonly subject: T;
}

type AllLabelled = { readonly [K in keyof Subjects]: readonly Labelled<Subjects[K]>[] };

/**
 * The host's series as text, in pieces. A family without a series is left out whole, so that a scrape never
 * says of a thing that it is zero when nobody knows.
 */
export function* encodeSample(
  sample: HostSample,
  format: Format,
  enabled: ReadonlySet<GroupName> = DEFAULT_GROUPS,
): Generator<string> {
  const { domains } = sample;
  yield* family(healthMetrics.up, format, [['', 1]]);
  yield* family(healthMetrics.domains, format, [['', domains.length]]);
  yield* family(healthMetrics.sampleDuration, format, [['', msToSeconds(sample.durationMs)]]);
  if (sample.versions !== undefined) {
    const { hypervisor, libvirt } = sample.versions;
    const labels = labelPairs({
      hypervisor_running: version(hypervisor),
      libvirtd_running: version(libvirt),
    });
    yield* family(healthMetrics.versions, format, [[labels, 1]]);
  }
  const subjects = labelAll(sample);
  yield* family(healthMetrics.state, format, states(subjects.summary));
  yield* family(healthMetrics.outcome, format, outcomes(domains));
  yield* family(healthMetrics.unresponsiveSince, format, unresponsive(domains));
  yield* family(healthMetrics.sampleAge, format, ages(domains, sample.startedAtMs));
  for (const group of groups) {
    if (!enabled.has(group.name)) continue;
    for (const metric of group.metrics as readonly SubjectMetric[]) {
      // `per` ties a metric to what it reads; TypeScript does not follow that through a union.
      yield* metric.type === 'histogram'
        ? histogramFamily(metric as never, format, subjects)
        : family(metric, format, seriesOf(metric as never, subjects));
    }
  }
}

/** What is known without a sample: always exported, above all when the host cannot be asked. */
export function* encodeHealth(health: SamplerHealth, up: boolean, format: Format): Generator<string> {
  if (!up) yield* family(healthMetrics.up, format, [['', 0]]);
  yield* family(healthMetrics.connectionState, format, [[`state="${health.control.kind}"`, 1]]);
  yield* family(healthMetrics.connections, format, [['', health.connections]]);
  yield* family(healthMetrics.reconnects, format, [['', health.reconnects]]);
  yield* family(healthMetrics.stuckCalls, format, [['', health.stuckCalls]]);
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

/** What each metric of a kind is read from. Devices come by name, each name once: see `named`. */
function labelAll({ domains, host, overcommit, contention }: HostSample): AllLabelled {
  const all = {
    domain: [] as Labelled<Subjects['domain']>[],
    summary: [] as Labelled<Subjects['summary']>[],
    identity: [] as Labelled<Subjects['identity']>[],
    facts: [] as Labelled<Subjects['facts']>[],
    vcpu: [] as Labelled<Subjects['vcpu']>[],
    block: [] as Labelled<Subjects['block']>[],
    net: [] as Labelled<Subjects['net']>[],
    ioThread: [] as Labelled<Subjects['ioThread']>[],
    disk: [] as Labelled<Subjects['disk']>[],
    nic: [] as Labelled<Subjects['nic']>[],
    fit: [] as Labelled<Subjects['fit']>[],
    host: whole(host),
    cell: (host?.cells ?? []).map((subject) => ({ labels: `cell="${subject.id}"`, subject })),
    pool: (host?.pools ?? []).map((subject) => ({
      labels: labelPairs({ storage_pool: subject.name }),
      subject,
    })),
    overcommit: whole(overcommit),
    contention: whole(contention),
  };
  for (const { domain, summary, facts, outcome, fit } of domains) {
    const labels = domainLabel(domain.name);
    all.summary.push({ labels, subject: summary });
    if (fit !== undefined) all.fit.push({ labels, subject: fit });
    all.identity.push({ labels, subject: { uuid: domain.uuid, facts } });
    if (facts !== undefined) {
      all.facts.push({ labels, subject: facts });
      named(all.disk, labels, facts.disks, (disk) => disk.target);
      named(all.nic, labels, facts.interfaces, (nic) => nic.target);
    }
    if (outcome.kind !== 'fresh') continue;
    const { stats } = outcome;
    all.domain.push({ labels, subject: stats });
    for (const [id, subject] of stats.vcpus) all.vcpu.push({ labels: `${labels},vcpu="${id}"`, subject });
    for (const [id, subject] of stats.ioThreads) {
      all.ioThread.push({ labels: `${labels},iothread="${id}"`, subject });
    }
    named(all.block, labels, stats.blocks.values(), (block) => block.name);
    named(all.net, labels, stats.nets.values(), (net) => net.name);
  }
  return all;
}

/** A subject that a host has one of. */
function whole<T>(subject: T | undefined): Labelled<T>[] {
  return subject === undefined ? [] : [{ labels: '', subject }];
}

function domainLabel(name: string): string {
  return `domain="${escapeLabel(name)}"`;
}

/** Devices by name, each name once: two series with the same labels would void the whole scrape. */
function named<T>(
  found: Labelled<T>[],
  labels: string,
  devices: Iterable<T>,
  nameOf: (device: T) => string | undefined,
): void {
  const seen = new Set<string>();
  for (const subject of devices) {
    const name = nameOf(subject);
    if (name === undefined || seen.has(name)) continue;
    seen.add(name);
    found.push({ labels: `${labels},target_device="${escapeLabel(name)}"`, subject });
  }
}

function* seriesOf<K extends keyof Subjects>(
  metric: Figure<K> | FigureSet<K> | Info<K>,
  all: AllLabelled,
): Generator<Series> {
  for (const { labels, subject } of all[metric.per]) {
    if ('read' in metric) {
      const value = metric.read(subject);
      if (value !== undefined) yield [labels, value];
    } else if ('points' in metric) {
      for (const [values, value] of metric.points(subject)) {
        yield [withLabels(labels, metric.labels, values), value];
      }
    } else if (metric.when?.(subject) !== false) {
      yield [infoLabels(labels, metric.labels, subject), 1];
    }
  }
}

function withLabels(labels: string, names: readonly string[], values: readonly string[]): string {
  const own = names.map((name, index) => `${name}="${escapeLabel(values[index] ?? '')}"`).join(',');
  return labels === '' ? own : `${labels},${own}`;
}

function infoLabels<T>(
  labels: string,
  readers: Readonly<Record<string, (subject: T) => string | undefined>>,
  subject: T,
): string {
  let text = labels;
  for (const [name, read] of Object.entries(readers)) {
    const value = read(subject);
    if (value !== undefined) text += `,${name}="${escapeLabel(value)}"`;
  }
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

function* unresponsive(domains: readonly DomainSample[]): Generator<Series> {
  for (const { domain, outcome } of domains) {
    if (outcome.kind === 'unresponsive') yield [domainLabel(domain.name), msToSeconds(outcome.sinceMs)];
  }
}

function* ages(domains: readonly DomainSample[], startedAtMs: number): Generator<Series> {
  for (const { domain, lastFreshAtMs } of domains) {
    if (lastFreshAtMs === undefined) continue;
    yield [domainLabel(domain.name), msToSeconds(Math.max(0, startedAtMs - lastFreshAtMs))];
  }
}

function version(number: number): string {
  return `${Math.floor(number / 1e6)}.${Math.floor(number / 1e3) % 1e3}.${number % 1e3}`;
}
