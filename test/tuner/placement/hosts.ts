import { CpuSet } from '../../../model/cpu-set.ts';
import type { HostCell, HostCpu, HostTopology } from '../../../model/topology.ts';
import type { CellMemory } from '../../../tuner/facts/facts.ts';
import { type HostOptions, placementHost } from '../../../tuner/placement/inventory.ts';
import type { PlacementHost } from '../../../tuner/placement/types.ts';

export const GIB = 1_048_576;
export const MIB = 1_024;

/** A host as its maker describes it. */
export interface Shape {
  /** Cores of each cell; 0 is a memory-only cell. */
  readonly cells: readonly number[];
  readonly threads: number;
  /** Last-level caches of each cell. */
  readonly caches?: number;
  readonly cellsPerSocket?: number;
  /** SMT siblings are numbered consecutively, or after all first threads, as Linux does on most hosts. */
  readonly siblings?: 'together' | 'apart';
  /** Distance between cells; 10 is local. */
  readonly distance?: (from: number, to: number) => number;
  readonly memoryGiB?: number;
  /** Pages in each cell's pools, by size in KiB. */
  readonly pages?: Readonly<Record<number, number>>;
}

export const HOSTS = {
  /** Two EPYC 7713 with 64 cores, eight caches of eight cores each, one cell per socket. */
  epycNps1: { cells: [64, 64], threads: 2, caches: 8, memoryGiB: 512, pages: { 2048: 65_536, 1048576: 128 } },
  /** The same with four cells per socket. */
  epycNps4: {
    cells: Array.from({ length: 8 }, () => 16),
    threads: 2,
    caches: 2,
    cellsPerSocket: 4,
    distance: (from, to) => (Math.floor(from / 4) === Math.floor(to / 4) ? 12 : 32),
    memoryGiB: 128,
  },
  /** Four Xeons of 24 cores in a ring: two hops are farther than one. */
  xeon4: {
    cells: [24, 24, 24, 24],
    threads: 2,
    distance: (from, to) => ((from + to) % 2 === 0 ? 31 : 21),
    memoryGiB: 384,
  },
  /** Two sockets, with SMT disabled. */
  smtOff: { cells: [8, 8], threads: 1, memoryGiB: 64 },
  /** One cell larger than the other. */
  asymmetric: { cells: [4, 12], threads: 2, memoryGiB: 64 },
  /** Two cells with CPUs, and one of CXL memory, nearer to the first. */
  memoryOnly: {
    cells: [8, 8, 0],
    threads: 2,
    distance: (from, to) => (from + to === 2 ? 14 : 24),
    memoryGiB: 64,
  },
  laptop: { cells: [4], threads: 2, memoryGiB: 16 },
  twoCores: { cells: [2], threads: 1, memoryGiB: 8 },
} as const satisfies Readonly<Record<string, Shape>>;

export function topologyOf(shape: Shape): HostTopology {
  const { threads, siblings = 'apart', cellsPerSocket = 1, distance = () => 21 } = shape;
  const cores = shape.cells.reduce((sum, count) => sum + count, 0);
  const cpuOf = (core: number, thread: number): number =>
    siblings === 'together' ? core * threads + thread : core + thread * cores;
  const banks: HostTopology['caches'][number][] = [];
  let first = 0;
  const cells = shape.cells.map((count, id): HostCell => {
    const own = Array.from({ length: count }, (_, index) => first + index);
    first += count;
    const cpusOf = (core: number): number[] =>
      Array.from({ length: threads }, (_, thread) => cpuOf(core, thread));
    const perCache = Math.ceil(count / (shape.caches ?? 1));
    for (let at = 0; shape.caches !== undefined && at < count; at += perCache) {
      const cpus = CpuSet.of(own.slice(at, at + perCache).flatMap(cpusOf));
      banks.push({ level: 3, id: banks.length, sizeKiB: 32 * MIB, cpus });
    }
    return {
      id,
      memoryKiB: (shape.memoryGiB ?? 64) * GIB,
      pages: Object.entries(shape.pages ?? {}).map(([size, total]) => ({ sizeKiB: Number(size), total })),
      distances: new Map(shape.cells.map((_, other) => [other, other === id ? 10 : distance(id, other)])),
      cpus: own.flatMap((core) =>
        cpusOf(core).map(
          (cpu): HostCpu => ({
            id: cpu,
            socketId: Math.floor(id / cellsPerSocket),
            dieId: 0,
            coreId: core,
            siblings: CpuSet.of(cpusOf(core)),
          }),
        ),
      ),
    };
  });
  return { arch: 'x86_64', cpuModel: undefined, cells, caches: banks };
}

/** All pages of a shape's pools, all free. */
export const memoryOf = (shape: Shape): CellMemory[] =>
  shape.cells.map((_, id) => ({
    id,
    freeKiB: undefined,
    pages: Object.entries(shape.pages ?? {}).map(([size, total]) => ({
      sizeKiB: Number(size),
      total,
      free: total,
    })),
  }));

/** Placement's view of an empty host that reserves nothing by default. */
export function hostOf(shape: Shape, options: Partial<HostOptions> = {}): PlacementHost {
  return placementHost(topologyOf(shape), {
    memory: memoryOf(shape),
    domains: [],
    placing: new Set(),
    hostCpus: CpuSet.empty,
    ...options,
  });
}
