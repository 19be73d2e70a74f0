/** Hours of a day (UTC) by which demand is compared: VMs that are busy at different hours share CPUs well. */
export const SLOTS = 24;

/** Hosts and VMs of one or several clusters, with what they needed over the range that was read. */
export interface Fleet {
  readonly hosts: readonly FleetHost[];
}

export interface FleetHost {
  /** Unique within the fleet. */
  readonly id: string;
  /** VMs move only within a cluster. Empty: the label is missing. */
  readonly cluster: string;
  /** Prometheus' label `instance`: `kvm1:9177`. */
  readonly instance: string;
  /** Online CPUs. */
  readonly cpus: number;
  /** Those dedicated to pinned vCPUs. */
  readonly dedicatedCpus: number;
  /** Memory outside of huge page pools, in bytes. */
  readonly memoryBytes: number;
  /** The part that the host itself uses: kernel, daemons, overhead of QEMU. */
  readonly ownMemoryBytes: number;
  /** Huge page pools, in bytes. */
  readonly hugePageBytes: number;
  readonly cpuModel: string | undefined;
  /** Shared storage that it has mounted; see FleetVm.storage. */
  readonly storage: ReadonlySet<string>;
  readonly isInMaintenance: boolean;
  /** Contention measured on the host over the last hour, as a share of CPU demand, where it is known. */
  readonly measuredContention: number | undefined;
  /** CPU shortfall in that hour, on average, where it is known. */
  readonly measuredShortfallCpus: number | undefined;
  /** It is swapping in, with tasks waiting for memory or I/O. */
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
  /** Its definition survives a shutdown; unknown where libvirt did not report it. */
  readonly isPersistent: boolean | undefined;
  /** It starts with its host, or once at its next boot. libvirt stores that only on the host; unknown as above. */
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

/** Goals of a plan, as shares between 0 and 1 unless noted otherwise. */
export interface FleetLimits {
  /** Contention above which a host has to be relieved. */
  readonly contention: number;
  /** Share of the host's memory above which it has to be relieved. */
  readonly memory: number;
  /** Maximum memory of VMs / memory of the host, on targets of moves. */
  readonly memoryOvercommit: number;
  /** CPUs and memory that stay free on each target. */
  readonly cpuHeadroom: number;
  readonly memoryHeadroom: number;
}

/**
 * Contention: what VMware calls significant CPU ready time, as in DomainCpuStealHigh. Memory: as in
 * HostMemoryHeadroomLow. Overcommit: Nova's ram_allocation_ratio, as in HostMemoryOvercommitHigh. A relieved host must
 * grow by 5 % of its memory before it exceeds the limit again.
 */
export const DEFAULT_LIMITS: FleetLimits = {
  contention: 0.05,
  memory: 0.9,
  memoryOvercommit: 1,
  cpuHeadroom: 0.1,
  memoryHeadroom: 0.15,
};

/**
 * Hysteresis: how far below the contention limit a plan aims. A relieved host must get noticeably worse before it is
 * touched again, and a target keeps the same distance from becoming the next host to relieve.
 */
export const HYSTERESIS = 0.8;
