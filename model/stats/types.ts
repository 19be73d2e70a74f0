import type { ResctrlMonitor } from './monitors.ts';

/** Figures of one domain at one moment. What libvirt did not report is absent, never zero. */
export interface DomainStats {
  /** virDomainState */
  state?: number;
  reason?: number;
  cpu: CpuStats;
  balloon: BalloonStats;
  vcpuCurrent?: number;
  vcpuMaximum?: number;
  /** By vCPU id; ids may have gaps. */
  vcpus: ReadonlyMap<number, VcpuStats>;
  /** By libvirt's running index, which does not identify a device: use `name`. */
  nets: ReadonlyMap<number, NetStats>;
  blocks: ReadonlyMap<number, BlockStats>;
  /** By iothread id; ids may have gaps. */
  ioThreads: ReadonlyMap<number, IoThreadStats>;
  dirtyRate: DirtyRateStats;
  /** Counts of hardware and software events by name, for those that the domain's XML enables. */
  perf: ReadonlyMap<string, number>;
  /** KVM's statistics of the whole VM, by KVM's names. */
  kvm: KvmStats;
  /** By libvirt's running index, as requested in the domain's XML. */
  cacheMonitors: ReadonlyMap<number, ResctrlMonitor>;
  bandwidthMonitors: ReadonlyMap<number, ResctrlMonitor>;
  energyMonitors: ReadonlyMap<number, ResctrlMonitor>;
  /** MiB per second that each vCPU dirtied, where that was measured per vCPU. */
  vcpuDirtyRate: ReadonlyMap<number, number>;
  /** Statistics that this version does not know, from a newer libvirt, by libvirt's name; undefined for text. */
  unknown: ReadonlyMap<string, number | undefined>;
}

export interface CpuStats {
  timeNs?: number;
  userNs?: number;
  systemNs?: number;
  haltPollSuccessNs?: number;
  haltPollFailNs?: number;
}

/** The balloon's figures, including the 13 tags of dommemstat. */
export interface BalloonStats {
  /** dommemstat's `actual`. */
  currentKiB?: number;
  maximumKiB?: number;
  swapInKiB?: number;
  swapOutKiB?: number;
  majorFaults?: number;
  minorFaults?: number;
  unusedKiB?: number;
  availableKiB?: number;
  usableKiB?: number;
  rssKiB?: number;
  lastUpdateSeconds?: number;
  diskCachesKiB?: number;
  hugetlbAllocations?: number;
  hugetlbFailures?: number;
}

export interface VcpuStats {
  /** virVcpuState: 0 offline, 1 running, 2 blocked. */
  state?: number;
  timeNs?: number;
  /** Time waiting for I/O, as the scheduler counts it (needs CONFIG_SCHEDSTATS). */
  waitNs?: number;
  /** Time runnable without a CPU: what the guest sees as steal. */
  delayNs?: number;
  halted?: boolean;
  /** KVM's own statistics of the vCPU (libvirt 8.9 and QEMU 7.1 or newer). */
  kvm?: KvmStats;
}

/** `exits.sum`: KVM's name, then `sum` (only grows), `cur` (now) or `max` (highest so far). */
export type KvmStats = ReadonlyMap<string, number>;

export interface NetStats {
  name?: string;
  rxBytes?: number;
  rxPackets?: number;
  rxErrors?: number;
  rxDrops?: number;
  txBytes?: number;
  txPackets?: number;
  txErrors?: number;
  txDrops?: number;
}

export interface BlockStats {
  /** The target, `vda`. */
  name?: string;
  path?: string;
  backingIndex?: number;
  readRequests?: number;
  readBytes?: number;
  readNs?: number;
  writeRequests?: number;
  writeBytes?: number;
  writeNs?: number;
  flushRequests?: number;
  flushNs?: number;
  errors?: number;
  allocationBytes?: number;
  capacityBytes?: number;
  physicalBytes?: number;
  thresholdBytes?: number;
  /** By operation (`read`, `write`, `zone_append`, `flush`) and bin index; only where the disk's XML enables it. */
  latency?: ReadonlyMap<string, ReadonlyMap<number, LatencyBin>>;
  /** By libvirt's running index; only where the disk's XML has `<statistic interval=''/>`. */
  windows?: ReadonlyMap<number, BlockWindow>;
  /** By libvirt's name (BLOCK_LIMITS); those that do not apply are absent. */
  limits?: ReadonlyMap<string, number>;
}

/** What QEMU measured for a disk in the last `intervalSeconds`. */
export interface BlockWindow {
  intervalSeconds?: number;
  /** By operation, as in `latency`. */
  readonly operations: Map<string, WindowOperation>;
}

/** Latencies are absent where no request of the operation ended in the window. */
export interface WindowOperation {
  minNs?: number;
  maxNs?: number;
  averageNs?: number;
  averageQueueDepth?: number;
}

/** Requests that took at least `startNs`, up to the start of the next bin. */
export interface LatencyBin {
  startNs?: number;
  count?: number;
}

export interface IoThreadStats {
  pollMaxNs?: number;
  pollGrow?: number;
  pollShrink?: number;
  /** Weight of the latest interval in the adaptive polling time, as a power of two (libvirt 12.3). */
  pollWeight?: number;
}

/** virDomainDirtyRateStatus: a measurement has completed, so there are figures. */
export const DIRTY_RATE_MEASURED = 2;

export interface DirtyRateStats {
  status?: number;
  startTimeSeconds?: number;
  periodSeconds?: number;
  megabytesPerSecond?: number;
}

/** Memory that the guest cannot release: available less usable, or less unused where usable is not reported. */
export function memoryUsedKiB({ availableKiB, usableKiB, unusedKiB }: BalloonStats): number | undefined {
  const free = usableKiB ?? unusedKiB;
  return availableKiB === undefined || free === undefined ? undefined : availableKiB - free;
}
