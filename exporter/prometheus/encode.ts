import { blockMetrics, netMetrics, vcpuMetrics } from '../../model/catalogue/devices.ts';
import { domainMetrics } from '../../model/catalogue/domain.ts';
import { healthMetrics } from '../../model/catalogue/health.ts';
import { diskInfoMetrics, domainInfoMetrics, interfaceInfoMetrics } from '../../model/catalogue/info.ts';
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

interface Device<T> {
  readonly labels: string;
  readonly stats: T;
}

/** A domain with its label parts built once, since each stands in a hundred lines. */
interface Labelled {
  readonly sample: DomainSample;
  readonly labels: string;
  readonly vcpus: readonly Device<Parameters<(typeof vcpuMetrics)[number]['read']>[0]>[];
  readonly blocks: readonly Device<Parameters<(typeof blockMetrics)[number]['read']>[0]>[];
  readonly nets: readonly Device<Parameters<(typeof netMetrics)[number]['read']>[0]>[];
}

/**
 * The host's series as text, in pieces. A family without a series is left out whole, so that a scrape never
 * says of a thing that it is zero when nobody knows.
 */
export function* encodeSample(sample: HostSample, format: Format): Generator<string> {
  const domains = sample.domains.map(labelled);
  yield* family(healthMetrics.up, format, [['', 1]]);
  yield* family(healthMetrics.domains, format, [['', sample.domains.length]]);
  yield* family(healthMetrics.sampleDuration, format, [['', msToSeconds(sample.durationMs)]]);
  if (sample.versions !== undefined) {
    const { hypervisor, libvirt } = sample.versions;
    const labels = labelPairs({
      hypervisor_running: version(hypervisor),
      libvirtd_running: version(libvirt),
    });
    yield* family(healthMetrics.versions, format, [[labels, 1]]);
  }
  yield* family(healthMetrics.state, format, states(domains));
  yield* family(healthMetrics.outcome, format, outcomes(domains));
  yield* family(healthMetrics.unresponsiveSince, format, unresponsive(domains));
  yield* family(healthMetrics.sampleAge, format, ages(domains, sample.startedAtMs));
  for (const metric of domainInfoMetrics) yield* family(metric, format, domainInfos(domains, metric.read));
  for (const metric of domainMetrics) yield* family(metric, format, domainFigures(domains, metric.read));
  for (const metric of vcpuMetrics)
    yield* family(
      metric,
      format,
      figures(domains, (d) => d.vcpus, metric.read),
    );
  for (const metric of blockMetrics)
    yield* family(
      metric,
      format,
      figures(domains, (d) => d.blocks, metric.read),
    );
  for (const metric of diskInfoMetrics) {
    yield* family(
      metric,
      format,
      deviceInfos(domains, (d) => d.sample.facts?.disks, metric.read),
    );
  }
  for (const metric of netMetrics)
    yield* family(
      metric,
      format,
      figures(domains, (d) => d.nets, metric.read),
    );
  for (const metric of interfaceInfoMetrics) {
    yield* family(
      metric,
      format,
      deviceInfos(domains, (d) => d.sample.facts?.interfaces, metric.read),
    );
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

function labelled(sample: DomainSample): Labelled {
  const labels = `domain="${escapeLabel(sample.domain.name)}"`;
  if (sample.outcome.kind !== 'fresh') return { sample, labels, vcpus: [], blocks: [], nets: [] };
  const { vcpus, blocks, nets } = sample.outcome.stats;
  return {
    sample,
    labels,
    vcpus: [...vcpus].map(([id, stats]) => ({ labels: `${labels},vcpu="${id}"`, stats })),
    blocks: named(labels, blocks.values()),
    nets: named(labels, nets.values()),
  };
}

/** Devices by name, each name once: two series with the same labels would void the whole scrape. */
function named<T extends { name?: string }>(labels: string, devices: Iterable<T>): Device<T>[] {
  const seen = new Set<string>();
  const found: Device<T>[] = [];
  for (const stats of devices) {
    if (stats.name === undefined || seen.has(stats.name)) continue;
    seen.add(stats.name);
    found.push({ labels: `${labels},target_device="${escapeLabel(stats.name)}"`, stats });
  }
  return found;
}

function* domainFigures(
  domains: readonly Labelled[],
  read: (typeof domainMetrics)[number]['read'],
): Generator<Series> {
  for (const { sample, labels } of domains) {
    if (sample.outcome.kind !== 'fresh') continue;
    const value = read(sample.outcome.stats);
    if (value !== undefined) yield [labels, value];
  }
}

function* figures<T>(
  domains: readonly Labelled[],
  devicesOf: (domain: Labelled) => readonly Device<T>[],
  read: (stats: T) => number | undefined,
): Generator<Series> {
  for (const domain of domains) {
    for (const { labels, stats } of devicesOf(domain)) {
      const value = read(stats);
      if (value !== undefined) yield [labels, value];
    }
  }
}

type InfoLabels = Readonly<Record<string, string | undefined>>;

function* domainInfos(
  domains: readonly Labelled[],
  read: (typeof domainInfoMetrics)[number]['read'],
): Generator<Series> {
  for (const { sample, labels } of domains) {
    const info: InfoLabels | undefined = read({ uuid: sample.domain.uuid, facts: sample.facts });
    if (info !== undefined) yield [`${labels},${labelPairs(info)}`, 1];
  }
}

function* deviceInfos<T>(
  domains: readonly Labelled[],
  devicesOf: (domain: Labelled) => readonly T[] | undefined,
  read: (device: T) => InfoLabels | undefined,
): Generator<Series> {
  for (const domain of domains) {
    const seen = new Set<string>();
    for (const device of devicesOf(domain) ?? []) {
      const pairs = labelPairs(read(device) ?? {});
      if (pairs === '' || seen.has(pairs)) continue;
      seen.add(pairs);
      yield [`${domain.labels},${pairs}`, 1];
    }
  }
}

function* states(domains: readonly Labelled[]): Generator<Series> {
  for (const { sample, labels } of domains) {
    if (sample.state === undefined) continue;
    yield [`${labels},state_desc="${STATE_WORDS[sample.state] ?? 'unknown'}"`, sample.state];
  }
}

function* outcomes(domains: readonly Labelled[]): Generator<Series> {
  for (const { sample, labels } of domains) yield [`${labels},outcome="${sample.outcome.kind}"`, 1];
}

function* unresponsive(domains: readonly Labelled[]): Generator<Series> {
  for (const { sample, labels } of domains) {
    if (sample.outcome.kind === 'unresponsive') yield [labels, msToSeconds(sample.outcome.sinceMs)];
  }
}

function* ages(domains: readonly Labelled[], startedAtMs: number): Generator<Series> {
  for (const { sample, labels } of domains) {
    if (sample.lastFreshAtMs === undefined) continue;
    yield [labels, msToSeconds(Math.max(0, startedAtMs - sample.lastFreshAtMs))];
  }
}

function version(number: number): string {
  return `${Math.floor(number / 1e6)}.${Math.floor(number / 1e3) % 1e3}.${number % 1e3}`;
}
