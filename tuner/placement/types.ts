import type { CpuSet } from '../../model/cpu-set.ts';

/** A core that VMs may have: what is left of it after CPUs that are offline, isolated away or kept for the host. */
export interface Core {
  /** `socket/die/core`, or whatever tells cores of one host apart. */
  readonly id: string;
  readonly cell: number;
  readonly socket: number;
  readonly die: number;
  /** Cores with the same one share a last-level cache; the cell's id where the host does not tell. */
  readonly cache: string;
  /** Its threads, ascending. */
  readonly cpus: readonly number[];
  /** Threads that the core has in silicon, usable or not: 2 on an SMT host. */
  readonly threads: number;
}

export interface PlacementCell {
  readonly id: number;
  readonly freeKiB: number | undefined;
  /** Free pages by size, KiB, before anything that is placed now. */
  readonly freePages: ReadonlyMap<number, number>;
  /** To each cell; 10 is local. */
  readonly distances: ReadonlyMap<number, number>;
}

/** A host as placement sees it. Pure data, made from the host's facts by `placementHost`. */
export interface PlacementHost {
  readonly cores: readonly Core[];
  /** Memory-only cells are among them. */
  readonly cells: readonly PlacementCell[];
  /** Kept for the host itself: where emulators and iothreads may go when they get no CPUs of their own. */
  readonly housekeeping: CpuSet;
  /** CPUs that other VMs, running or defined, are dedicated to, and by whom. */
  readonly taken: ReadonlyMap<number, readonly string[]>;
}

/** `require`: only cores with SMT, whole ones; `prefer`: whole cores first; `isolate`: one vCPU a core, its siblings left idle. */
export type ThreadPolicy = 'require' | 'prefer' | 'isolate';

/** What a VM wants of the host. */
export interface PlacementRequest {
  readonly guest: string;
  /** vCPUs of each guest cell; one entry for a VM without cells. */
  readonly cells: readonly { readonly vcpus: number; readonly memoryKiB: number }[];
  readonly threads: ThreadPolicy;
  /** CPUs of its own that the emulator gets, off the vCPUs' cores; 0: it goes with the housekeeping CPUs, or its cells' where there are none. */
  readonly emulatorCpus: number;
  readonly ioThreadCpus: number;
  /** Hugepages that its memory is to come from. */
  readonly pageKiB: number | undefined;
  /** Where it is today: kept where it can be. */
  readonly current: Assignment | undefined;
}

export interface Assignment {
  readonly guest: string;
  /** The host cell of each guest cell. */
  readonly cells: readonly number[];
  /** The host CPU of each vCPU. */
  readonly vcpus: readonly number[];
  readonly emulator: CpuSet;
  readonly ioThreads: CpuSet;
}

export interface Refusal {
  readonly guest: string;
  readonly code: 'NO_CORES' | 'NO_PAGES' | 'NO_MEMORY' | 'WIDER_THAN_CELL' | 'WIDER_THAN_HOST' | 'NO_SMT' | 'NO_CELL';
  /** With figures: "cell 0 has 3 free cores, db01 needs 4". */
  readonly text: string;
  /** What would make room: "free by moving web02". */
  readonly next: string | undefined;
}

export type Placement =
  | { readonly kind: 'placed'; readonly assignments: readonly Assignment[]; readonly moved: readonly string[]; readonly score: number }
  | { readonly kind: 'refused'; readonly refusals: readonly Refusal[] };
