import type { HostTopology } from './topology.ts';

/** What a host tells of itself in one tick. What it did not tell is absent. */
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
}

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

export interface PoolFigures {
  readonly name: string;
  /** virStoragePoolState: 0 inactive, 1 building, 2 running, 3 degraded, 4 inaccessible. */
  readonly state: number;
  readonly capacityBytes: number;
  readonly allocationBytes: number;
  readonly availableBytes: number;
  /** Where its volumes are; absent for a pool that has no folder or device. */
  readonly path: string | undefined;
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
}

/** Time in which some or all tasks waited for a resource since it is counted, ns (Linux PSI). */
export interface Pressure {
  readonly someNs: number | undefined;
  readonly fullNs: number | undefined;
}
