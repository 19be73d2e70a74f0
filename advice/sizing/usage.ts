import type { VmRef } from '../advice.ts';

/** What a VM has, and what it used over a range of recorded series. */
export interface VmUsage extends VmRef {
  /** vCPUs that it has now. */
  readonly vcpus: number;
  /** vCPUs that it may have without a new definition; undefined where that is not recorded. */
  readonly maximumVcpus: number | undefined;
  /** Bytes: the most that the VM may have, and what the balloon currently leaves to it. */
  readonly maximumBytes: number;
  readonly currentBytes: number;
  /** libvirt forgets it once it is off: there is no definition for a next start. */
  readonly isTransient: boolean;
  /** Whether the tuning group (huge pages, devices, cells, topology) is exported; else the five below are unknown. */
  readonly isLayoutKnown: boolean;
  readonly isOnHugePages: boolean;
  /** Size of its largest pages; undefined where it has the host's default size, or none. */
  readonly hugePageBytes: number | undefined;
  /** Its memory stays on the host whatever its balloon takes: it is locked, or host devices may write to it. */
  readonly isMemoryFixed: boolean;
  /** NUMA cells of the guest, among which the definition divides its memory. */
  readonly guestCells: number;
  /** Sockets, cores and threads are defined, so their product must equal the number of vCPUs. */
  readonly hasTopology: boolean;
  readonly cpu: CpuUsage | undefined;
  /** Undefined where the guest reports nothing. */
  readonly memory: MemoryUsage | undefined;
  /** Why the range says nothing about the present size: the size was changed, or another VM had the name. */
  readonly unsure: string | undefined;
}

export interface CpuUsage {
  /** CPU demand, run and wait, in CPUs: means over five minutes, oldest first. */
  readonly demand: readonly Point[];
  /** The highest mean over five minutes, in CPUs. */
  readonly peakCpus: number;
  /** Time covered by figures. */
  readonly knownSeconds: number;
  /** CPU steal that is exceeded a tenth of the time, 0 to 1, mean over the vCPUs. */
  readonly stealP90: number;
}

export interface MemoryUsage {
  /** Used memory, in bytes: the highest of each day, oldest first. */
  readonly dailyPeaks: readonly Point[];
  readonly peakBytes: number;
  /** Page cache of the guest, median; undefined where it is not reported. */
  readonly cacheBytes: number | undefined;
  /**
   * Shares of the time, 0 to 1, in which the guest swapped in at all; swapped in more than 20 KiB/s with less than a
   * fifth usable; had less than a twentieth usable.
   */
  readonly swappingShare: number;
  readonly starvedShare: number;
  readonly lowShare: number;
  /** Memory of the VM that its guest does not count: firmware, page tables, a crash kernel. */
  readonly unseenBytes: number;
  /** Time covered by figures; 0 where they are stale because the guest no longer reports. */
  readonly knownSeconds: number;
}

export interface Point {
  readonly atSeconds: number;
  readonly value: number;
}

/** A host and its VMs over a range. */
export interface HostUsage {
  readonly instance: string;
  readonly fromSeconds: number;
  readonly toSeconds: number;
  readonly cpus: number;
  /** CPU demand of all VMs that is exceeded a twentieth of the time, in CPUs. */
  readonly demandP95Cpus: number;
  /** Bytes; available: the minimum over the range. Undefined where they are not reported. */
  readonly memoryBytes: number | undefined;
  readonly availableBytes: number | undefined;
  readonly vms: readonly VmUsage[];
}
