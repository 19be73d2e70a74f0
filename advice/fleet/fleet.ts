/** Hours of a day (UTC) by which demand is compared: VMs that are busy at different hours share CPUs well. */
export const SLOTS = 24;

/** Hosts and VMs of one or several clusters, with what they needed over the range that was read. */
export interface Fleet {
  readonly hosts: readonly FleetHost[];
}

export interface FleetHost {
  /** Unique within the fleet. */
  readonly id: string;
  /** VMs move only within a cluster. Empty: no label of that name. */
  readonly cluster: string;
  /** As Prometheus has it in `instance`: `kvm1:9177`. */
  readonly instance: string;
  /** Online CPUs. */
  readonly cpus: number;
  /** Of these, CPUs that pinned vCPUs have to themselves. */
  readonly dedicatedCpus: number;
  /** Memory outside of huge page pools, in bytes. */
  readonly memoryBytes: number;
  /** Of this memory, what the host itself uses: kernel, daemons, overhead of QEMU. */
  readonly ownMemoryBytes: number;
  /** Huge page pools, in bytes. */
  readonly hugePageBytes: number;
  readonly cpuModel: string | undefined;
  /** Shared storage that it has mounted; see FleetVm.storage. */
  readonly storage: ReadonlySet<string>;
  readonly isInMaintenance: boolean;
  /** Contention as measured on the host over the last hour, where it is known: a share of CPU demand. */
  readonly measuredContention: number | undefined;
  /** CPUs that it lacked on average in that hour for no vCPU to wait, where it is known. */
  readonly measuredShortfallCpus: number | undefined;
  /** It swaps in, and tasks wait for memory or I/O, now. */
  readonly isSwapping: boolean;
  readonly vms: readonly FleetVm[];
}

export interface FleetVm {
  readonly uuid: string;
  readonly name: string;
  readonly vcpus: number;
  /** CPU demand (run + delay) by hour of the day, in CPUs: SLOTS figures. */
  readonly demandCpus: ArrayLike<number>;
  /** Variance of that demand within an hour, in CPUs squared. */
  readonly burstVariance: number;
  /** Maximum memory outside of huge pages, in bytes. */
  readonly maximumBytes: number;
  /** Memory outside of huge pages that it needs on a host, in bytes: the most that was resident. */
  readonly neededBytes: number;
  readonly hugePageBytes: number;
  /** Memory that the guest dirties, in bytes per second, where it was measured. */
  readonly dirtyBytesPerSecond: number | undefined;
  /** Its vCPUs are pinned. */
  readonly isPinned: boolean;
  /** Its definition survives a shutdown; unknown where libvirt did not say. */
  readonly isPersistent: boolean | undefined;
  /** It starts with its host, or once at the host's next boot. libvirt keeps that on the host alone; unknown as above. */
  readonly autostart: 'always' | 'once' | 'never' | undefined;
  /** Why it cannot move, whatever the target; absent where it can. */
  readonly stays: string | undefined;
  readonly cpuMode: string | undefined;
  /** Of a `custom` CPU. */
  readonly cpuModel: string | undefined;
  /** It has a disk that only its host can reach. */
  readonly isLocal: boolean;
  /** Shared storage that it needs on its host. */
  readonly storage: readonly string[];
  /** From metadata. */
  readonly labels: ReadonlyMap<string, string>;
}

/** What a plan has to reach, as shares between 0 and 1 unless said otherwise. */
export interface FleetLimits {
  /** Contention above which a host has to be relieved. */
  readonly contention: number;
  /** Share of the host's memory above which it has to be relieved. */
  readonly memory: number;
  /** Maximum memory of VMs / memory of the host, where VMs are moved to. */
  readonly memoryOvercommit: number;
  /** CPUs and memory that stay free on each target. */
  readonly cpuHeadroom: number;
  readonly memoryHeadroom: number;
}

/**
 * Contention: what VMware calls significant CPU ready time, as DomainCpuStealHigh. Memory: as HostMemoryHeadroomLow. Overcommit:
 * Nova's ram_allocation_ratio, as HostMemoryOvercommitHigh. A relieved host has to gain 5 % of its memory before it is over
 * the limit again.
 */
export const DEFAULT_LIMITS: FleetLimits = {
  contention: 0.05,
  memory: 0.9,
  memoryOvercommit: 1,
  cpuHeadroom: 0.1,
  memoryHeadroom: 0.15,
};

/**
 * How far below the limit of contention a plan goes: a host that was relieved has to get noticeably worse before it is touched
 * again, and a target stays as far away from becoming the next host to relieve.
 */
export const CALM = 0.8;
