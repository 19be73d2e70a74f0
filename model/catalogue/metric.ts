import type { Disk } from '../domain/disks.ts';
import type { DomainFacts } from '../domain/domain.ts';
import type { NetworkInterface } from '../domain/interfaces.ts';
import type { BlockStats, DomainStats, NetStats, VcpuStats } from '../stats.ts';

interface Described {
  readonly name: string;
  /** 'info' is a gauge that is always 1 and carries its news in labels. */
  readonly type: 'counter' | 'gauge' | 'info' | 'histogram';
  readonly help: string;
}

/** Read from a domain's statistics; absent where `read` gives undefined. Base units. */
interface StatsMetric<Kind, Subject> extends Described {
  readonly per: Kind;
  readonly type: 'counter' | 'gauge';
  readonly read: (subject: Subject) => number | undefined;
}

/** Read from a domain's XML: a series of labels, value 1. */
interface InfoMetric<Kind, Subject> extends Described {
  readonly per: Kind;
  readonly type: 'info';
  /** Label to value; a label that is absent is empty. */
  readonly read: (subject: Subject) => Readonly<Record<string, string | undefined>> | undefined;
}

/** Of virtune itself or of the connection: the exporter knows the value. */
export interface HealthMetric extends Described {
  readonly per: 'process';
  readonly labels: readonly string[];
}

export type DomainMetric = StatsMetric<'domain', DomainStats>;
export type VcpuMetric = StatsMetric<'vcpu', VcpuStats>;
export type BlockMetric = StatsMetric<'block', BlockStats>;
export type NetMetric = StatsMetric<'net', NetStats>;
/** The UUID comes with the list of domains; the facts may be missing for a domain that does not answer. */
export interface DomainIdentity {
  readonly uuid: string;
  readonly facts: DomainFacts | undefined;
}

export type DomainInfoMetric = InfoMetric<'domain-info', DomainIdentity>;
export type DiskInfoMetric = InfoMetric<'disk-info', Disk>;
export type InterfaceInfoMetric = InfoMetric<'interface-info', NetworkInterface>;

export type Metric =
  | DomainMetric
  | VcpuMetric
  | BlockMetric
  | NetMetric
  | DomainInfoMetric
  | DiskInfoMetric
  | InterfaceInfoMetric
  | HealthMetric;

/** Scales a figure that may be absent. */
export function scaled(value: number | undefined, scale: (value: number) => number): number | undefined {
  return value === undefined ? undefined : scale(value);
}
