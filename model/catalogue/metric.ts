import type { Disk } from '../domain/disks.ts';
import type { DomainFacts } from '../domain/domain.ts';
import type { NetworkInterface } from '../domain/interfaces.ts';
import type { DriftFigures } from '../drift-record.ts';
import type { DomainExtras } from '../extras.ts';
import type { GuestFigures, GuestFilesystem } from '../guest.ts';
import type { CellFigures, HostFigures, PoolFigures } from '../host.ts';
import type { CpuShares, HostRates } from '../host-rates.ts';
import type { LimitUse } from '../limit-use.ts';
import type { LocalFigures } from '../local.ts';
import type { MissingGroup } from '../missing.ts';
import type { Contention, DomainFit, Overcommit } from '../overcommit.ts';
import type { Rates } from '../rates.ts';
import type { BlockStats, DomainStats, IoThreadStats, NetStats, VcpuStats } from '../stats/types.ts';
import type { DomainSummary, VcpuPlace } from '../summary.ts';
import type { VmRates } from '../vm-rates.ts';

/** Changes between two documents; never exported as series, since Prometheus computes rates itself. */
export interface RateSubjects {
  readonly vmRates: VmRates;
  readonly vcpuRates: Rates<VcpuStats>;
  readonly blockRates: Rates<BlockStats>;
  readonly netRates: Rates<NetStats>;
  readonly hostRates: HostRates;
  readonly cellRates: CpuShares;
}

/** What a metric can be read from. Each has an entry in `SUBJECT_LABELS`. */
export interface Subjects extends RateSubjects {
  /** Figures from this tick. */
  readonly domain: DomainStats;
  /** What libvirt reports of a domain even when its QEMU hangs. */
  readonly summary: DomainSummary;
  /** What is known about a domain besides its figures; the facts may be missing for a domain that does not answer. */
  readonly identity: DomainIdentity;
  /** Facts from a domain's XML. */
  readonly facts: DomainFacts;
  readonly vcpu: VcpuStats;
  readonly block: BlockStats;
  readonly net: NetStats;
  readonly ioThread: IoThreadStats;
  readonly disk: Disk;
  readonly limitUse: LimitUse;
  readonly nic: NetworkInterface;
  readonly fit: DomainFit;
  readonly extras: DomainExtras;
  readonly local: LocalFigures;
  /** Result of the tuner's last comparison of the domain with its profile. */
  readonly drift: DriftFigures;
  readonly guest: GuestFigures;
  readonly guestFilesystem: GuestFilesystem;
  readonly vcpuPlace: VcpuPlace;
  readonly missing: readonly MissingGroup[];
  readonly host: HostFigures;
  readonly cell: CellFigures;
  readonly pool: PoolFigures;
  readonly overcommit: Overcommit;
  readonly contention: Contention;
}

export interface DomainIdentity {
  readonly uuid: string;
  readonly facts: DomainFacts | undefined;
}

/** Labels that each series of a subject carries. */
export const SUBJECT_LABELS: Readonly<Record<keyof Subjects, readonly string[]>> = {
  domain: ['domain'],
  summary: ['domain'],
  identity: ['domain'],
  facts: ['domain'],
  vcpu: ['domain', 'vcpu'],
  block: ['domain', 'target_device'],
  net: ['domain', 'target_device'],
  ioThread: ['domain', 'iothread'],
  disk: ['domain', 'target_device'],
  limitUse: ['domain', 'target_device'],
  nic: ['domain', 'target_device'],
  fit: ['domain'],
  extras: ['domain'],
  local: ['domain'],
  drift: ['domain'],
  guest: ['domain'],
  guestFilesystem: ['domain', 'filesystem', 'target_device'],
  vcpuPlace: ['domain', 'vcpu'],
  missing: ['domain'],
  host: [],
  cell: ['cell'],
  pool: ['storage_pool'],
  overcommit: [],
  contention: [],
  vmRates: ['domain'],
  vcpuRates: ['domain', 'vcpu'],
  blockRates: ['domain', 'target_device'],
  netRates: ['domain', 'target_device'],
  hostRates: [],
  cellRates: ['cell'],
};

interface Described {
  readonly name: string;
  readonly help: string;
  /** The first libvirt that reports it; absent: all that virtune supports. */
  readonly since?: string;
  /** Conditions for the series to exist. */
  readonly needs?: string;
}

/** One figure of a subject; absent where `read` gives undefined. Base units. */
export interface Figure<K extends keyof Subjects> extends Described {
  readonly per: K;
  readonly type: 'counter' | 'gauge';
  readonly read: (subject: Subjects[K]) => number | undefined;
}

/** Values of the labels that a point adds, in order, and its figure. */
export type Point = readonly [values: readonly string[], value: number];

/** Several figures of a subject, distinguished by additional labels. */
export interface FigureSet<K extends keyof Subjects> extends Described {
  readonly per: K;
  readonly type: 'counter' | 'gauge';
  readonly labels: readonly string[];
  /** Possible values by label; a label that is missing here has values that only the host knows. */
  readonly values?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly points: (subject: Subjects[K]) => Iterable<Point>;
  /** Cheap test whether there may be any points, where most VMs have none. */
  readonly when?: (subject: Subjects[K]) => boolean;
}

/** A series of labels with value 1: slowly changing facts, to join with. An absent label is left out. */
export interface Info<K extends keyof Subjects> extends Described {
  readonly per: K;
  readonly type: 'info';
  readonly labels: Readonly<Record<string, (subject: Subjects[K]) => string | undefined>>;
  /** Labels whose names are known only at run time: bounded in number, and distinct from virtune's. */
  readonly more?: (subject: Subjects[K]) => ReadonlyMap<string, string>;
  /** Where it applies; everywhere when absent. */
  readonly when?: (subject: Subjects[K]) => boolean;
}

export interface HistogramPoint {
  readonly values: readonly string[];
  /** Upper bounds, ascending, without +Inf, each with the count at or below it. */
  readonly buckets: readonly (readonly [upTo: number, count: number])[];
  readonly count: number;
  /** Absent where it is unknown. */
  readonly sum: number | undefined;
}

export interface HistogramSet<K extends keyof Subjects> extends Described {
  readonly per: K;
  readonly type: 'histogram';
  readonly labels: readonly string[];
  readonly histograms: (subject: Subjects[K]) => Iterable<HistogramPoint>;
}

/** About virtune itself or the connection: the exporter provides the value. */
export interface HealthMetric extends Described {
  readonly per: 'process';
  readonly type: 'counter' | 'gauge' | 'info' | 'histogram';
  readonly labels: readonly string[];
}

export type SubjectMetric<K extends keyof Subjects = keyof Subjects> = {
  [P in K]: Figure<P> | FigureSet<P> | Info<P> | HistogramSet<P>;
}[K];

/** Metrics that are collected, and switched on or off, together: `--collect.NAME`. */
export interface Group {
  readonly name: string;
  readonly help: string;
  readonly byDefault: boolean;
  /** What collecting it costs the host. */
  readonly costs: string;
  readonly metrics: readonly SubjectMetric[];
  /** For another exporter's names: labels that it sets on series that virtune exports under the same name. */
  readonly peerLabels?: readonly PeerLabels[];
}

/** What a peer's labels are read from. */
export interface About {
  readonly uuid: string;
  readonly disk: Disk | undefined;
  readonly nic: NetworkInterface | undefined;
}

/** Labels that another exporter sets, beyond virtune's, on series of these names. Absent in, absent out. */
export interface PeerLabels {
  readonly names: readonly string[];
  readonly labels: Readonly<Record<string, (about: About) => string | undefined>>;
}

/** Page sizes of the architectures that KVM supports, as label values. */
export const PAGE_SIZES: readonly string[] = [
  4, 16, 64, 1_024, 2_048, 32_768, 524_288, 1_048_576, 2_097_152, 16_777_216,
].map((kib) => `${kib}KiB`);

/** Scales a figure that may be absent. */
export function scaled(value: number | undefined, scale: (value: number) => number): number | undefined {
  return value === undefined ? undefined : scale(value);
}

/** 1 or 0 for a boolean that may be absent. */
export function flag(value: boolean | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}
