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

/** What changed between two documents; rates of no series, since Prometheus computes them itself. */
export interface RateSubjects {
  readonly vmRates: VmRates;
  readonly vcpuRates: Rates<VcpuStats>;
  readonly blockRates: Rates<BlockStats>;
  readonly netRates: Rates<NetStats>;
  readonly hostRates: HostRates;
  readonly cellRates: CpuShares;
}

/** What a metric can be read from. One of them stands behind each set of labels in `SUBJECT_LABELS`. */
export interface Subjects extends RateSubjects {
  /** Figures that this tick brought. */
  readonly domain: DomainStats;
  /** What libvirt reports of a domain even when its QEMU hangs. */
  readonly summary: DomainSummary;
  /** What is known of a domain besides its figures; the facts may be missing for one that does not answer. */
  readonly identity: DomainIdentity;
  /** What a domain's XML says. */
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
  /** What the tuner found when it last compared the domain with its profile. */
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

/** Labels that each series of such a subject carries, and what is in them. */
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
  /** What must be so for the series to be there. */
  readonly needs?: string;
}

/** One figure of a subject; absent where `read` gives undefined. Base units. */
export interface Figure<K extends keyof Subjects> extends Described {
  readonly per: K;
  readonly type: 'counter' | 'gauge';
  readonly read: (subject: Subjects[K]) => number | undefined;
}

/** Values of the labels that a point adds, in their order, and its figure. */
export type Point = readonly [values: readonly string[], value: number];

/** Several figures of a subject, distinguished by additional labels. */
export interface FigureSet<K extends keyof Subjects> extends Described {
  readonly per: K;
  readonly type: 'counter' | 'gauge';
  readonly labels: readonly string[];
  /** By label, what it can be; a label that is missing here has values that only the host knows. */
  readonly values?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly points: (subject: Subjects[K]) => Iterable<Point>;
  /** Whether there may be any, where that is cheaper to see than by asking for them; most VMs have none of some. */
  readonly when?: (subject: Subjects[K]) => boolean;
}

/** A series of labels, value 1: slow facts, to be joined. A label that is absent is left out. */
export interface Info<K extends keyof Subjects> extends Described {
  readonly per: K;
  readonly type: 'info';
  readonly labels: Readonly<Record<string, (subject: Subjects[K]) => string | undefined>>;
  /** Labels whose names are known only at run time: bounded in number, and none of virtune's own. */
  readonly more?: (subject: Subjects[K]) => ReadonlyMap<string, string>;
  /** Where it holds; everywhere when absent. */
  readonly when?: (subject: Subjects[K]) => boolean;
}

export interface HistogramPoint {
  readonly values: readonly string[];
  /** Upper bounds, ascending, without +Inf, and how many are at or below each. */
  readonly buckets: readonly (readonly [upTo: number, count: number])[];
  readonly count: number;
  /** Absent where nobody knows it. */
  readonly sum: number | undefined;
}

export interface HistogramSet<K extends keyof Subjects> extends Described {
  readonly per: K;
  readonly type: 'histogram';
  readonly labels: readonly string[];
  readonly histograms: (subject: Subjects[K]) => Iterable<HistogramPoint>;
}

/** Of virtune itself or of the connection: the exporter knows the value. */
export interface HealthMetric extends Described {
  readonly per: 'process';
  readonly type: 'counter' | 'gauge' | 'info' | 'histogram';
  readonly labels: readonly string[];
}

export type SubjectMetric<K extends keyof Subjects = keyof Subjects> = {
  [P in K]: Figure<P> | FigureSet<P> | Info<P> | HistogramSet<P>;
}[K];

/** Metrics that are asked for, and switched, together: `--collect.NAME`. */
export interface Group {
  readonly name: string;
  readonly help: string;
  readonly byDefault: boolean;
  /** What asking for it costs the host. */
  readonly costs: string;
  readonly metrics: readonly SubjectMetric[];
  /** Of another exporter's names: labels that it has on series whose name is ours as well. */
  readonly peerLabels?: readonly PeerLabels[];
}

/** What a peer's labels are read from. */
export interface About {
  readonly uuid: string;
  readonly disk: Disk | undefined;
  readonly nic: NetworkInterface | undefined;
}

/** Labels that another exporter has, beyond ours, on the series of these names. Absent in, absent out. */
export interface PeerLabels {
  readonly names: readonly string[];
  readonly labels: Readonly<Record<string, (about: About) => string | undefined>>;
}

/** Page sizes of the architectures that KVM runs on, as labels have them. */
export const PAGE_SIZES: readonly string[] = [
  4, 16, 64, 1_024, 2_048, 32_768, 524_288, 1_048_576, 2_097_152, 16_777_216,
].map((kib) => `${kib}KiB`);

/** Scales a figure that may be absent. */
export function scaled(value: number | undefined, scale: (value: number) => number): number | undefined {
  return value === undefined ? undefined : scale(value);
}

/** 1 or 0 for a yes or no that may be absent. */
export function flag(value: boolean | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}
