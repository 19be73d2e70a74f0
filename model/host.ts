import type { CpuSet } from './cpu-set.ts';
import type { HostTopology } from './topology.ts';

/** Figures of a host in one tick. What it did not report is absent. */
export interface HostFigures {
  readonly topology: HostTopology | undefined;
  readonly cpusOnline: number | undefined;
  readonly cpusPresent: number | undefined;
  /** Time by mode since boot, ns: `kernel`, `user`, `idle`, `iowait`, and more where /proc/stat is read. */
  readonly cpuNs: ReadonlyMap<string, number>;
  /** The same for each CPU by its number; absent where it is not requested. */
  readonly cpuNsByCpu?: ReadonlyMap<number, ReadonlyMap<string, number>> | undefined;
  readonly memoryKiB: ReadonlyMap<string, number>;
  readonly cells: readonly CellFigures[];
  /** libvirt's names without `shm_`: `pages_shared`, `pages_sharing`, ... (nodeGetMemoryParameters). */
  readonly ksm: ReadonlyMap<string, number>;
  readonly pools: readonly PoolFigures[];
  /** Absent where virtune does not run on the host or may not read it. */
  readonly local: LocalHostFigures | undefined;
  /** Status of each part that was requested; absent where it was not recorded. */
  readonly parts?: ReadonlyMap<HostPart, PartStatus> | undefined;
}

/** What is requested of a host as a whole, each part independently. */
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
  /** Age of the answer that is shown, ms; absent where there is none. */
  readonly ageMs: number | undefined;
  /** Why there is no answer, or no newer one. */
  readonly reason: CallReason | undefined;
}

export const CALL_REASONS = [
  /** The call is in flight and has not been answered yet. */
  'unresponsive',
  /** libvirt, or the driver, does not support it. */
  'not_supported',
  /** libvirt answered with an error. */
  'error',
  /** The connection that it needs cannot be opened, or was lost. */
  'no_connection',
  'not_asked_yet',
] as const;
export type CallReason = (typeof CALL_REASONS)[number];

export interface CellFigures {
  readonly id: number;
  readonly cpuNs: ReadonlyMap<string, number>;
  readonly memoryKiB: ReadonlyMap<string, number>;
  /** Memory available without swapping; only where /proc is read. */
  readonly availableKiB?: number | undefined;
  readonly pages: readonly CellPages[];
}

export interface CellPages {
  readonly sizeKiB: number;
  readonly total: number | undefined;
  readonly free: number;
}

/** A storage pool, even one that does not answer: what is unknown is absent. */
export interface PoolFigures {
  readonly name: string;
  readonly uuid?: string | undefined;
  /** virStoragePoolState: 0 inactive, 1 building, 2 running, 3 degraded, 4 inaccessible. */
  readonly state: number | undefined;
  readonly capacityBytes: number | undefined;
  readonly allocationBytes: number | undefined;
  readonly availableBytes: number | undefined;
  /** Age of the sizes, ms. */
  readonly ageMs?: number | undefined;
  /** Source of the sizes; absent where there is none. */
  readonly measuredBy?: 'libvirt' | 'statfs' | undefined;
  /** Location of its volumes; absent for a pool without a folder or device. */
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
  /** The servers, joined by commas. */
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
   * CPUs isolated from the scheduler's load balancing, and CPUs that the control group of VMs may use. Absent where the
   * kernel does not report them, and in older recordings.
   */
  readonly isolatedCpus?: CpuSet | undefined;
  readonly vmCpus?: CpuSet | undefined;
}

/** Total time in which some or all tasks waited for a resource, ns (Linux PSI). */
export interface Pressure {
  readonly someNs: number | undefined;
  readonly fullNs: number | undefined;
}
