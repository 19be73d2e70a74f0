import { RemoteError } from '../../libvirt/errors.ts';
import { type GroupName, groups } from '../../model/catalogue/catalogue.ts';
import { healthMetrics } from '../../model/catalogue/health.ts';
import type { Group } from '../../model/catalogue/metric.ts';
import { msToSeconds } from '../../model/units.ts';
import { versionText } from '../../model/versions.ts';
import type { HostSample, SamplerHealth } from '../../sampler/host-sample.ts';
import { catalogueFamilies } from './catalogue-families.ts';
import { type Family, single, sourceOf } from './family.ts';
import { type LabelFormat, withLabels } from './label-format.ts';
import type { AllLabelled } from './subjects.ts';

/** virDomainState in words, as in inovex's exporter and Metricbeat. */
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

export interface FamiliesOptions<L> {
  /** From `labelAll`. */
  readonly subjects: AllLabelled<L>;
  readonly format: LabelFormat<L>;
  readonly enabled: ReadonlySet<GroupName>;
  /** Groups with other exporters' names, in addition. */
  readonly more?: readonly Group[] | undefined;
}

/** The families of a host, as defined by the catalogue. */
export function* familiesOf<L>(
  sample: HostSample,
  { subjects, format, enabled, more = [] }: FamiliesOptions<L>,
): Generator<Family<L>> {
  const { none } = format;
  yield single(healthMetrics.up, none, 1);
  yield single(healthMetrics.domains, none, sample.domains.length);
  yield single(healthMetrics.sampleDuration, none, msToSeconds(sample.durationMs));
  yield single(healthMetrics.sampleTimestamp, none, msToSeconds(sample.startedAtMs));
  if (sample.versions !== undefined) {
    const { hypervisor, libvirt } = sample.versions;
    const labels = withLabels(format, none, {
      hypervisor_running: hypervisor === undefined ? undefined : versionText(hypervisor),
      libvirtd_running: libvirt === undefined ? undefined : versionText(libvirt),
    });
    yield single(healthMetrics.versions, labels, 1);
  }
  yield {
    metric: healthMetrics.state,
    series: sourceOf(subjects.summary, ({ labels, subject: { state } }, visit) => {
      if (state === undefined) return;
      visit(format.with(labels, 'state_desc', STATE_WORDS[state] ?? 'unknown'), state);
    }),
  };
  yield* sampleFamilies(sample, format);
  const asked: readonly Group[] = groups.filter(({ name }) => enabled.has(name));
  yield* catalogueFamilies([...asked, ...more], more, format, subjects);
}

/** What is known without a sample: always present, above all when the host cannot be sampled. */
export function* healthFamilies<L>(
  health: SamplerHealth,
  isUp: boolean,
  format: LabelFormat<L>,
  inMaintenance: boolean,
): Generator<Family<L>> {
  const { none } = format;
  yield single(healthMetrics.maintenance, none, Number(inMaintenance));
  if (!isUp) yield single(healthMetrics.up, none, 0);
  yield single(healthMetrics.connectionState, format.with(none, 'state', health.control.kind), 1);
  yield single(healthMetrics.connections, none, health.connections);
  yield single(healthMetrics.reconnects, none, health.reconnects);
  yield single(healthMetrics.stuckCalls, none, health.stuckCalls);
  yield single(healthMetrics.unknownStatistics, none, health.unknownStatistics);
}

/** How the sampling of each VM went, and which have crashed. */
function* sampleFamilies<L>(
  { domains, crashes = [], startedAtMs }: HostSample,
  format: LabelFormat<L>,
): Generator<Family<L>> {
  const labelsOf = (domain: string, more: Readonly<Record<string, string | undefined>> = {}): L =>
    withLabels(format, format.with(format.none, 'domain', domain), more);
  yield {
    metric: healthMetrics.outcome,
    series: sourceOf(domains, ({ domain, outcome }, visit) =>
      visit(labelsOf(domain.name, { outcome: outcome.kind }), 1),
    ),
  };
  yield {
    metric: healthMetrics.error,
    series: sourceOf(domains, ({ domain, outcome }, visit) => {
      if (outcome.kind !== 'error') return;
      const { code = 'VIRTUNE_INTERNAL' } = outcome.error as { code?: string };
      const libvirtCode =
        outcome.error instanceof RemoteError ? String(outcome.error.libvirtCode) : undefined;
      visit(labelsOf(domain.name, { code, libvirt_code: libvirtCode }), 1);
    }),
  };
  yield {
    metric: healthMetrics.unresponsiveSince,
    series: sourceOf(domains, ({ domain, outcome }, visit) => {
      if (outcome.kind === 'unresponsive') visit(labelsOf(domain.name), msToSeconds(outcome.sinceMs));
    }),
  };
  yield {
    metric: healthMetrics.crash,
    series: sourceOf(crashes, ({ uuid, name, atMs }, visit) =>
      visit(labelsOf(name, { uuid }), msToSeconds(atMs)),
    ),
  };
  yield {
    metric: healthMetrics.sampleAge,
    series: sourceOf(domains, ({ domain, lastFreshAtMs }, visit) => {
      if (lastFreshAtMs === undefined) return;
      visit(labelsOf(domain.name), msToSeconds(Math.max(0, startedAtMs - lastFreshAtMs)));
    }),
  };
}
