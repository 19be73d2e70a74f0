import type { CpuSet } from './cpu-set.ts';
import type { HostTopology } from './topology.ts';

/** Figures of a host in one tick. What it did not report is absent. */
export interface HostFigures {
  readonly topology: HostTopology | undefined;
  readonly cpusOnline: number | undefined;
  readonly cpusPresent: number | undefined;
  /** Time by mode since the host's start, ns: `kernel`, `user`, `idle`, `iowait`, and more where /proc/stat is read. */
  readonly cpuNs: ReadonlyMap<string, number>;
  /** The same for each CPU by its number; absent where it is not asked for. */
  readonly cpuNsByCpu?: ReadonlyMap<number, ReadonlyMap<string, number>> | undefined;
  readonly memoryKiB: ReadonlyMap<string, number>;
  readonly cells: readonly CellFigures[];
  /** libvirt's names without `shm_`: `pages_shared`, `pages_sharing`, ... (nodeGetMemoryParameters). */
  readonly ksm: ReadonlyMap<string, number>;
  readonly pools: readonly PoolFigures[];
  /** Absent where virtune does not run on the host or may not read it. */
  readonly local: LocalHostFigures | undefined;
  /** How asking for each part went, of those that were asked for; absent where nobody kept that. */
  readonly parts?: ReadonlyMap<HostPart, PartStatus> | undefined;
}

/** What is asked of a host as a whole, each on its own. */
export const HOST_PARTS = [
  'cpus',
  'cpu',
  'host_cpus',
  'memory',
  'numa_memory',
  'pages',
  'topology',
  'ksm',
  'pools',
  'versions',
  'identity',
  'marks',
] as const;
export type HostPart = (typeof HOST_PARTS)[number];

export interface PartStatus {
  /** Of the answer that is shown, since it came, ms; absent where none is. */
  readonly ageMs: number | undefined;
  /** Why there is no answer, or none that is newer. */
  readonly reason: CallReason | undefined;
}

export const CALL_REASONS = [
  /** The question is out and has not been answered yet. */
  'unresponsive',
  /** libvirt, or the driver, does not have it. */
  'not_supported',
  /** It was answered with an error. */
  'error',
  /** The connection that it takes cannot be opened, or was lost. */
  'no_connection',
  'not_asked_yet',
] as const;
export type CallReason = (typeof CALL_REASONS)[number];

export interface CellFigures {
  readonly id: number;
  readonly cpuNs: ReadonlyMap<string, number>;
  readonly memoryKiB: ReadonlyMap<string, number>;
  /** What could be given without swapping; only where /proc is read. */
  readonly availableKiB?: number | undefined;
  readonly pages: readonly CellPages[];
}

export interface CellPages {
  readonly sizeKiB: number;
  readonly total: number | undefined;
  readonly free: number;
}

/** A storage pool, also one that does not answer: what is not known of it is absent. */
export interface PoolFigures {
  readonly name: string;
  readonly uuid?: string | undefined;
  /** virStoragePoolState: 0 inactive, 1 building, 2 running, 3 degraded, 4 inaccessible. */
  readonly state: number | undefined;
  readonly capacityBytes: number | undefined;
  readonly allocationBytes: number | undefined;
  readonly availableBytes: number | undefined;
  /** Of the sizes, since they were read, ms. */
  readonly ageMs?: number | undefined;
  /** Who said how full it is; absent where nobody did. */
  readonly measuredBy?: 'libvirt' | 'statfs' | undefined;
  /** Where its volumes are; absent for a pool that has no folder or device. */
  readonly path: string | undefined;
  readonly source?: PoolSource | undefined;
  /** Why there are no sizes. */
  readonly missing?: PoolReason | undefined;
}

export const POOL_REASONS = [...CALL_REASONS, 'not_running'] as const;
export type PoolReason = (typeof POOL_REASONS)[number];

/** Where a pool's volumes really are, from its XML: the same on every host that shares it. */
export interface PoolSource {
  /** `dir`, `netfs`, `logical`, ... */
  readonly type: string | undefined;
  readonly path: string | undefined;
  /** Of the servers, joined by commas. */
  readonly host: string | undefined;
  readonly directory: string | undefined;
  readonly device: string | undefined;
  readonly name: string | undefined;
}

/** Read from /proc and /sys of the host. */
export interface LocalHostFigures {
  /** Over 1, 5 and 15 minutes. */
  readonly load: readonly [number, number, number] | undefined;
  /** By resource: `cpu`, `memory`, `io`. */
  readonly pressure: ReadonlyMap<string, Pressure>;
  /** /proc/meminfo, KiB, by its names. */
  readonly meminfoKiB: ReadonlyMap<string, number>;
  /** /proc/vmstat, by its names. */
  readonly vmstat: ReadonlyMap<string, number>;
  /**
   * CPUs that the scheduler moves no thread to, and those that the control group of VMs leaves to them. Absent where the
   * kernel does not say, and in recordings of earlier versions.
   */
  readonly isolatedCpus?: CpuSet | undefined;
  readonly vmCpus?: CpuSet | undefined;
}

/** Time in which some or all tasks waited for a resource since it is counted, ns (Linux PSI). */
export interface Pressure {
  readonly someNs: number | undefined;
  readonly fullNs: number | undefined;
}
