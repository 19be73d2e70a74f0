import { agentGroup, agentInfoGroup } from './agent.ts';
import { balloonGroup } from './balloon.ts';
import { blockGroup } from './block.ts';
import { blockLimitsGroup } from './block-limits.ts';
import { cpuGroup } from './cpu.ts';
import { devicesGroup } from './devices.ts';
import { dirtyRateGroup } from './dirty-rate.ts';
import { domainGroup } from './domain.ts';
import { elasticsearchMetrics } from './elasticsearch.ts';
import { eventsGroup, jobGroup, snapshotGroup } from './extras.ts';
import { healthMetrics } from './health.ts';
import { hostGroup, poolGroup } from './host.ts';
import { hostCpusGroup } from './host-cpus.ts';
import { interfaceGroup } from './interface.ts';
import { ioThreadGroup } from './iothread.ts';
import { kvmGroup } from './kvm.ts';
import { cgroupGroup, numaGroup, threadsGroup } from './local.ts';
import { metadataGroup } from './metadata.ts';
import type { Group, HealthMetric, SubjectMetric } from './metric.ts';
import { otlpMetrics } from './otlp.ts';
import { outputMetrics } from './output.ts';
import { overcommitGroup } from './overcommit.ts';
import { perfGroup } from './perf.ts';
import { placementGroup } from './placement.ts';
import { ratesGroup } from './rates.ts';
import { resctrlGroup } from './resctrl.ts';
import { tuningGroup } from './tuning.ts';
import { unknownGroup } from './unknown.ts';
import { vcpuGroup } from './vcpu.ts';

/** Every group that virtune can collect, in the order of a scrape. */
export const groups = [
  domainGroup,
  balloonGroup,
  vcpuGroup,
  blockGroup,
  interfaceGroup,
  devicesGroup,
  tuningGroup,
  metadataGroup,
  hostGroup,
  poolGroup,
  overcommitGroup,
  jobGroup,
  snapshotGroup,
  eventsGroup,
  ioThreadGroup,
  perfGroup,
  resctrlGroup,
  cpuGroup,
  kvmGroup,
  blockLimitsGroup,
  dirtyRateGroup,
  placementGroup,
  hostCpusGroup,
  threadsGroup,
  cgroupGroup,
  numaGroup,
  agentGroup,
  agentInfoGroup,
  unknownGroup,
] as const satisfies readonly Group[];

/** Metrics that only documents carry, available with the `groups` that they are computed from. */
export const documentGroups = [ratesGroup] as const satisfies readonly Group[];

export type GroupName = (typeof groups)[number]['name'];

export const DEFAULT_GROUPS: ReadonlySet<GroupName> = new Set(
  groups.filter((group) => group.byDefault).map((group) => group.name),
);

/** Every metric that virtune knows: the only place that defines their names. */
export const catalogue: readonly (SubjectMetric | HealthMetric)[] = [
  ...groups.flatMap((group): readonly SubjectMetric[] => group.metrics),
  ...Object.values(healthMetrics),
  ...Object.values(elasticsearchMetrics),
  ...Object.values(outputMetrics),
  ...Object.values(otlpMetrics),
];
