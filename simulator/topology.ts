import { CpuSet } from '../model/cpu-set.ts';
import type { HostSpec } from './scenario.ts';

export interface HostCpu {
  readonly id: number;
  readonly cell: number;
  readonly socket: number;
  readonly die: number;
  /** Core number within its socket. */
  readonly core: number;
  /** Index of its last-level cache on the host. */
  readonly cache: number;
  readonly siblings: CpuSet;
  readonly online: boolean;
}

export interface HostCell {
  readonly id: number;
  /** Empty in a cell that has only memory. */
  readonly cpus: CpuSet;
  readonly memoryKiB: number;
  /** Distance to each cell, by its id; 10 is local. */
  readonly distances: readonly number[];
}

export interface HostLayout {
  readonly cpus: readonly HostCpu[];
  readonly cells: readonly HostCell[];
}

const KIB_PER_GIB = 1_048_576;
/** Distances as in firmware tables: same cell, same socket, another socket, memory without CPUs. */
const DISTANCE = { local: 10, socket: 12, remote: 21, memoryOnly: 28 } as const;

/** CPUs are numbered as in Linux: first every core's first thread, then the second threads. */
export function layOut(spec: HostSpec): HostLayout {
  const { sockets, cellsPerSocket, coresPerSocket, threadsPerCore, memoryOnlyCells, memoryGiB } = spec;
  const cores = sockets * coresPerSocket;
  const coresPerCell = coresPerSocket / cellsPerSocket;
  const coresPerDie = coresPerSocket / spec.diesPerSocket;
  const coresPerCache = Math.min(spec.coresPerCache ?? coresPerCell, coresPerCell);
  const cachesPerCell = Math.ceil(coresPerCell / coresPerCache);
  const offline = CpuSet.parse(spec.offlineCpus);
  const cpus = Array.from({ length: cores * threadsPerCore }, (_, id): HostCpu => {
    const core = id % cores;
    const inSocket = core % coresPerSocket;
    const cell = Math.floor(core / coresPerCell);
    return {
      id,
      cell,
      socket: Math.floor(core / coresPerSocket),
      die: Math.floor(inSocket / coresPerDie),
      core: inSocket,
      cache: cell * cachesPerCell + Math.floor((core % coresPerCell) / coresPerCache),
      siblings: CpuSet.of(Array.from({ length: threadsPerCore }, (_each, t) => t * cores + core)).difference(
        offline,
      ),
      online: !offline.has(id),
    };
  });
  const withCpus = sockets * cellsPerSocket;
  const count = withCpus + memoryOnlyCells;
  const cells = Array.from({ length: count }, (_, id) => ({
    id,
    cpus: CpuSet.of(cpus.filter((cpu) => cpu.cell === id).map((cpu) => cpu.id)),
    memoryKiB: Math.floor((memoryGiB * KIB_PER_GIB) / count),
    distances: Array.from({ length: count }, (_each, other) => {
      if (other === id) return DISTANCE.local;
      if (other >= withCpus || id >= withCpus) return DISTANCE.memoryOnly;
      const together = Math.floor(other / cellsPerSocket) === Math.floor(id / cellsPerSocket);
      return together ? DISTANCE.socket : DISTANCE.remote;
    }),
  }));
  return { cpus, cells };
}
