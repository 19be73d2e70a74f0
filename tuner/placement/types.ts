import type { CpuSet } from '../../model/cpu-set.ts';

/** A core that VMs may have: what is left of it after CPUs that are offline or kept for the host. */
export interface Core {
  readonly cell: number;
  /** Tells dies of one host apart. */
  readonly die: string;
  /** Cores with the same one share a last-level cache; the cell's where the host does not tell. */
  readonly cache: string;
  /** The threads that VMs may have, ascending. */
  readonly cpus: readonly number[];
  /** Threads that it has online, the host's own among them: with more of these than CPUs it is not whole. */
  readonly threads: number;
  /** All of its CPUs are kept from the kernel's scheduler (isolcpus). */
  readonly isolated: boolean;
  /** A slower core of a hybrid CPU (an E core). */
  readonly efficiency?: boolean | undefined;
}

export interface PlacementCell {
  readonly id: number;
  /** Memory in pages of the usual size that no VM bound to the cell has been promised; absent when not told. */
  readonly freeKiB: number | undefined;
  /** Free pages by size, KiB, before anything that is placed now, and less what VMs bound here will boot with. */
  readonly freePages: ReadonlyMap<number, number>;
  /** To each cell; 10 is local. */
  readonly distances: ReadonlyMap<number, number>;
  /** CPUs kept for the host itself: where emulators and iothreads go when they get none of their own. */
  readonly housekeeping: CpuSet;
  /** vCPUs of running VMs that float here; one that floats over two cells is half in each. */
  readonly floatingVcpus: number;
}

export interface Claim {
  readonly guest: string;
  /** Helpers: its emulator and its iothreads. */
  readonly by: 'vcpus' | 'helpers';
}

/** A VM that has no CPUs to itself, and where it may run. */
export interface Floater {
  readonly guest: string;
  readonly cpus: CpuSet;
  /** It is confined to less than a cell: who takes CPUs here takes them from it. */
  readonly narrow: boolean;
}

/** A host as placement sees it. Pure data, made from the host's facts by `placementHost`. */
export interface PlacementHost {
  /** By cell and CPU. */
  readonly cores: readonly Core[];
  /** By id. Memory-only cells are among them. */
  readonly cells: readonly PlacementCell[];
  /** Kept from the kernel's scheduler: VMs that float may not go there, those with CPUs of their own should. */
  readonly isolated: CpuSet;
  /** CPUs that other VMs, running or defined, have to themselves. */
  readonly taken: ReadonlyMap<number, readonly Claim[]>;
  readonly floaters: readonly Floater[];
  /** Pages by size, KiB, that VMs bound to no one cell will boot with: they may lie in any. */
  readonly floatingPages: ReadonlyMap<number, number>;
}

/**
 * Nova's words (hw:cpu_thread_policy). `require`: only whole cores with SMT; `prefer`: whole cores first, then
 * single threads of shared ones; `isolate`: one vCPU a core, its siblings left idle.
 */
export type ThreadPolicy = 'require' | 'prefer' | 'isolate';

interface Request {
  readonly guest: string;
  /** Hugepages that its memory comes from. */
  readonly pageKiB: number | undefined;
  /** Its memory must fit where it is placed (numatune strict): hugepages always must. */
  readonly bound: boolean;
  /** Host cells of the PCI devices and network cards that it uses: it is better off near these. */
  readonly deviceCells?: readonly number[] | undefined;
}

/** A VM whose vCPUs get CPUs to themselves. */
export interface DedicatedRequest extends Request {
  readonly kind: 'dedicated';
  /** One for a VM without cells. Together with `sharedVcpus` they hold vCPUs 0 to n-1, each once. */
  readonly cells: readonly GuestCellRequest[];
  /** vCPUs that share what is left in the VM's cells (Nova's `mixed`); absent: none. */
  readonly sharedVcpus?: CpuSet | undefined;
  readonly threads: ThreadPolicy;
  /** Threads of a core in the guest's own topology: so many vCPUs in a row should share a core. */
  readonly guestThreads: number;
  /** CPUs of its own that the emulator gets, off any vCPU's core; 0: it goes with the housekeeping CPUs. */
  readonly emulatorCpus: number;
  /** The same for all of its iothreads together; 0: they go where the emulator goes. */
  readonly ioThreadCpus: number;
  /** What it has now by an earlier placement: kept where it can be. Left out, it is placed as if new. */
  readonly current: Assignment | undefined;
  /** The host cell of each guest cell, where it has to stay there: its memory does not move. */
  readonly keepCells?: readonly number[] | undefined;
}

export interface GuestCellRequest {
  readonly vcpus: CpuSet;
  readonly memoryKiB: number;
  /** The host cell that its memory is to come from, a memory-only one say; absent: its vCPUs' own. */
  readonly memoryCell?: number | undefined;
}

/** A VM whose vCPUs share the CPUs of one cell with others, those left that nobody has to himself. */
export interface NodeRequest extends Request {
  readonly kind: 'node';
  readonly vcpus: number;
  readonly memoryKiB: number;
  readonly current: Assignment | undefined;
}

/** What a VM wants of the host. One that wants no place at all is not asked for, and counts as one of the others. */
export type PlacementRequest = DedicatedRequest | NodeRequest;

export interface Assignment {
  readonly guest: string;
  readonly kind: PlacementRequest['kind'];
  /** The host cell of each guest cell. */
  readonly cells: readonly number[];
  /** The host cell of each guest cell's memory. */
  readonly memoryCells: readonly number[];
  /** Where each vCPU may run: on one CPU when dedicated. */
  readonly vcpus: readonly CpuSet[];
  /** Of a dedicated VM, the vCPUs that share CPUs all the same. */
  readonly sharedVcpus?: CpuSet | undefined;
  readonly emulator: CpuSet;
  readonly ioThreads: CpuSet;
}

export type RefusalCode =
  /** Not enough free CPUs, though an empty host would do. */
  | 'NO_CORES'
  | 'NO_PAGES'
  | 'NO_MEMORY'
  /** A guest cell has more vCPUs than any host cell could give. */
  | 'WIDER_THAN_CELL'
  | 'WIDER_THAN_HOST'
  /** Threads of one core are required, and the host has no such cores. */
  | 'NO_SMT'
  /** More guest cells than host cells, or memory from a cell that is not there. */
  | 'NO_CELL'
  /** VMs that share CPUs would get too few of them. */
  | 'RATIO_LIMIT'
  /** It would break what must hold in any domain: its text begins with the invariant's code. */
  | 'UNSAFE';

export interface Refusal {
  readonly guest: string;
  readonly code: RefusalCode;
  /** With figures: "cell 0 has 3 free cores, db01 needs 4". */
  readonly text: string;
  /** What would make room, tried out: "free by moving web02". */
  readonly next: string | undefined;
}

/** A VM outside of the placement that may still run on CPUs that it gives away. */
export interface Overlap {
  readonly guest: string;
  readonly cpus: CpuSet;
  readonly with: readonly string[];
}

/** Where all that was asked for goes; or why some of it goes nowhere, and where the rest would. */
export interface Placement {
  readonly kind: 'placed' | 'refused';
  /** In the order of the requests. */
  readonly assignments: readonly Assignment[];
  readonly refusals: readonly Refusal[];
  /** Those with a place today whose vCPUs go elsewhere. */
  readonly moved: readonly string[];
  /** Those that get other CPUs of the same cells, so that more are left to share; their memory stays. */
  readonly repinned?: readonly string[] | undefined;
  readonly overlaps: readonly Overlap[];
  /** The objective's cost of the assignments, 0 at best; see objective.ts. */
  readonly cost: number;
  /** All ways were tried: no placement costs less, and a refusal is final. */
  readonly proven: boolean;
}
