import type { CpuSet } from '../../model/cpu-set.ts';

/*
 * Input of a placement (a host's inventory, requests of VMs) and its output (assignments, refusals).
 */

/** A core that VMs may use, without CPUs that are offline or reserved for the host. */
export interface Core {
  readonly cell: number;
  /** Key of its die, unique on the host. */
  readonly die: string;
  /** Key of its last-level cache, or of the cell if the host reports no caches. */
  readonly cache: string;
  /** The threads that VMs may use, ascending. */
  readonly cpus: readonly number[];
  /**
   * Number of its online threads, including those reserved for the host: if it exceeds `cpus`, the core is not whole.
   */
  readonly threads: number;
  /** All its CPUs are isolated from the kernel's scheduler (isolcpus). */
  readonly isolated: boolean;
  /** A slower core of a hybrid CPU (an E core). */
  readonly efficiency?: boolean | undefined;
}

export interface PlacementCell {
  readonly id: number;
  /** Memory in base pages that is not reserved by VMs bound to the cell; absent when unknown. */
  readonly freeKiB: number | undefined;
  /** Free huge pages by size in KiB, without those that VMs bound here will take at their next boot. */
  readonly freePages: ReadonlyMap<number, number>;
  /** NUMA distance to each cell; 10 is local. */
  readonly distances: ReadonlyMap<number, number>;
  /** CPUs reserved for the host: emulator threads and iothreads without dedicated CPUs run here too. */
  readonly housekeeping: CpuSet;
  /** vCPUs of running VMs that float here; one that floats over two cells counts as half in each. */
  readonly floatingVcpus: number;
}

/** CPUs dedicated to another VM. */
export interface Claim {
  readonly guest: string;
  /** Helpers: its emulator threads and iothreads. */
  readonly by: 'vcpus' | 'helpers';
}

/** Another VM whose vCPUs float: they have no dedicated CPUs and may run on any of these. */
export interface Floater {
  readonly guest: string;
  readonly cpus: CpuSet;
  /** It is confined to less than a cell, so it has nowhere else to run. */
  readonly narrow: boolean;
}

/** The inventory of a host. Pure data, made by `placementHost` (inventory.ts). */
export interface PlacementHost {
  /** By cell and CPU. */
  readonly cores: readonly Core[];
  /** By id, memory-only cells included. */
  readonly cells: readonly PlacementCell[];
  /** Isolated from the kernel's scheduler: floating VMs cannot use them, VMs with dedicated CPUs should. */
  readonly isolated: CpuSet;
  /** CPUs dedicated to other VMs, running or defined. */
  readonly taken: ReadonlyMap<number, readonly Claim[]>;
  readonly floaters: readonly Floater[];
  /** Huge pages by size in KiB that VMs not bound to a single cell will take at their next boot, from any cell. */
  readonly floatingPages: ReadonlyMap<number, number>;
}

/**
 * Like Nova's hw:cpu_thread_policy. `require`: only whole cores with SMT; `prefer`: whole cores first, then single
 * threads of shared cores; `isolate`: one vCPU per core, its sibling threads left idle.
 */
export type ThreadPolicy = 'require' | 'prefer' | 'isolate';

interface Request {
  readonly guest: string;
  /** Size of the huge pages that back its memory. */
  readonly pageKiB: number | undefined;
  /** Its memory must fit in its cells (numatune strict); huge pages always have to. */
  readonly bound: boolean;
  /** Host cells whose memory its control group allows; absent: all. */
  readonly allowedMemoryCells?: CpuSet | undefined;
  /** Host cells of the PCI devices and network cards that it uses; it should be placed near them. */
  readonly deviceCells?: readonly number[] | undefined;
}

/** A VM that gets dedicated CPUs. */
export interface DedicatedRequest extends Request {
  readonly kind: 'dedicated';
  /** Guest NUMA cells; a VM without NUMA counts as one cell. With `sharedVcpus` they hold vCPUs 0 to n-1, each once. */
  readonly cells: readonly GuestCellRequest[];
  /** vCPUs that use the shared CPU pools of the VM's cells (Nova's `mixed`); absent: none. */
  readonly sharedVcpus?: CpuSet | undefined;
  readonly threads: ThreadPolicy;
  /** Threads per core in the guest's topology: this many consecutive vCPUs should be sibling threads. */
  readonly guestThreads: number;
  /** Dedicated CPUs for the emulator threads, on cores without vCPUs; 0: they run on the housekeeping CPUs. */
  readonly emulatorCpus: number;
  /** Likewise for all its iothreads together; 0: they run on the CPUs of the emulator threads. */
  readonly ioThreadCpus: number;
  /** Its present place, kept if possible; undefined: it is placed as a new VM. */
  readonly current: Assignment | undefined;
  /** The host cell of each guest cell, if it must stay there because its memory cannot move. */
  readonly keepCells?: readonly number[] | undefined;
}

export interface GuestCellRequest {
  readonly vcpus: CpuSet;
  readonly memoryKiB: number;
  /** The host cell of its memory, for example a memory-only cell; absent: the cell of its vCPUs. */
  readonly memoryCell?: number | undefined;
}

/** A VM whose vCPUs share the CPUs of one cell that are not dedicated: the cell's shared CPU pool. */
export interface NodeRequest extends Request {
  readonly kind: 'node';
  readonly vcpus: number;
  readonly memoryKiB: number;
  readonly current: Assignment | undefined;
}

/** What a VM asks of the host. A VM without placement settings has no request and counts as an other VM. */
export type PlacementRequest = DedicatedRequest | NodeRequest;

export interface Assignment {
  readonly guest: string;
  readonly kind: PlacementRequest['kind'];
  /** The host cell of each guest cell. */
  readonly cells: readonly number[];
  /** The host cell of each guest cell's memory. */
  readonly memoryCells: readonly number[];
  /** Where each vCPU may run: one CPU if dedicated. */
  readonly vcpus: readonly CpuSet[];
  /** vCPUs of a VM with dedicated CPUs that share CPUs nevertheless. */
  readonly sharedVcpus?: CpuSet | undefined;
  readonly emulator: CpuSet;
  readonly ioThreads: CpuSet;
}

export type RefusalCode =
  /** Not enough free CPUs, though the empty host has enough. */
  | 'NO_CORES'
  | 'NO_PAGES'
  | 'NO_MEMORY'
  /** A guest cell has more vCPUs than the largest host cell has CPUs for VMs. */
  | 'WIDER_THAN_CELL'
  | 'WIDER_THAN_HOST'
  /** Sibling threads are required, and no core of the host has two for VMs. */
  | 'NO_SMT'
  /** More guest cells than host cells, or memory from a cell that the host lacks. */
  | 'NO_CELL'
  /** VMs that share CPUs would exceed the ratio limit. */
  | 'RATIO_LIMIT'
  /** It would break an invariant of domains; the text begins with the invariant's code. */
  | 'UNSAFE';

export interface Refusal {
  readonly guest: string;
  readonly code: RefusalCode;
  /** With figures, for example: "cell 0 has 3 free cores, db01 needs 4". */
  readonly text: string;
  /** What would make room, tried and found to work, for example: "move web02 off CPUs 2-3". */
  readonly next: string | undefined;
}

/** A VM outside the placement that may still run on CPUs that the placement dedicates to others. */
export interface Overlap {
  readonly guest: string;
  readonly cpus: CpuSet;
  readonly with: readonly string[];
}

/** A place for each VM; or the reasons why some have none, and the places of the rest. */
export interface Placement {
  readonly kind: 'placed' | 'refused';
  /** In the order of the requests. */
  readonly assignments: readonly Assignment[];
  readonly refusals: readonly Refusal[];
  /** VMs whose vCPUs leave their present place. */
  readonly moved: readonly string[];
  /** VMs that get other CPUs of the same cells to leave more CPUs to share; their memory stays. */
  readonly repinned?: readonly string[] | undefined;
  readonly overlaps: readonly Overlap[];
  /** Cost of the assignments, without unit, 0 at best; see cost.ts. */
  readonly cost: number;
  /** The search was exhaustive: no placement costs less, and refusals are final. */
  readonly proven: boolean;
}
