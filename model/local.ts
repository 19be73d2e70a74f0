import type { Pressure } from './host.ts';

/** What the host's kernel reports of one VM's process; each part absent where it was not requested or not available. */
export interface LocalFigures {
  /** By role: `vcpu`, `iothread`, `emulator`, `vhost`. */
  readonly threads?: ReadonlyMap<string, ThreadFigures> | undefined;
  readonly cgroup?: CgroupFigures | undefined;
  readonly memoryMap?: MemoryMapFigures | undefined;
  /** Groups that gave nothing, and why. */
  readonly missing: readonly { readonly group: string; readonly reason: LocalReason }[];
}

export type LocalReason =
  /** virtune does not run on the host, or is configured not to read there. */
  | 'not_local'
  /** No QEMU process of the domain was found. */
  | 'no_process'
  /** The kernel does not let virtune's user look. */
  | 'not_permitted'
  /** The kernel was asked and has not answered: something holds the process's memory map. */
  | 'unresponsive'
  /** The time for the sample was over before its turn. */
  | 'late';

export interface ThreadFigures {
  readonly threads: number;
  readonly cpuNs: number;
  /** Runnable, but no CPU was free. */
  readonly delayNs: number;
}

export interface CgroupFigures {
  /** Enforcement periods of CPU quotas, and those in which a quota held threads back; over all of the VM's groups. */
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
  /** Chance that an access by one of its vCPUs, where they last ran, goes to another node's memory. */
  readonly remoteShare: number | undefined;
  readonly hugeBytes: number | undefined;
  readonly ksmMergedBytes: number | undefined;
}
