import type { Pressure } from './host.ts';

/** What the host's kernel reports about a VM's process; parts not requested or not available are absent. */
export interface LocalFigures {
  /** By role: `vcpu`, `iothread`, `emulator`, `vhost`. */
  readonly threads?: ReadonlyMap<string, ThreadFigures> | undefined;
  readonly cgroup?: CgroupFigures | undefined;
  readonly memoryMap?: MemoryMapFigures | undefined;
  /** Groups without figures, and why. */
  readonly missing: readonly { readonly group: string; readonly reason: LocalReason }[];
}

export type LocalReason =
  /** virtune does not run on the host, or is configured not to read there. */
  | 'not_local'
  /** No QEMU process of the domain was found. */
  | 'no_process'
  /** virtune's user lacks the permission. */
  | 'not_permitted'
  /** The read is still pending: something holds the lock of the process's memory map. */
  | 'unresponsive'
  /** The sample's time was over before its turn. */
  | 'late';

export interface ThreadFigures {
  readonly threads: number;
  readonly cpuNs: number;
  /** Time runnable without a CPU. */
  readonly delayNs: number;
}

export interface CgroupFigures {
  /** Enforcement periods of CPU quotas, and those that were throttled; over all of the VM's groups. */
  readonly periods: number | undefined;
  readonly throttledPeriods: number | undefined;
  readonly throttledNs: number | undefined;
  readonly memoryBytes: number | undefined;
  /** Kernels with cgroup v2 only. */
  readonly pressure: ReadonlyMap<string, Pressure>;
}

export interface MemoryMapFigures {
  /** By NUMA node of the host. */
  readonly nodeBytes: ReadonlyMap<number, number>;
  /** Probability that a memory access of a vCPU, where it last ran, goes to another node. */
  readonly remoteShare: number | undefined;
  readonly hugeBytes: number | undefined;
  readonly ksmMergedBytes: number | undefined;
}
