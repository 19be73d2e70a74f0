import type { CpuSet } from '../model/cpu-set.ts';
import type { DomainFacts } from '../model/domain/domain.ts';
import type { MissingReason } from '../model/missing.ts';
import type { DomainSample, HostSample } from '../sampler/host-sample.ts';
import type { Residency } from './residency.ts';
import type { Series } from './series.ts';

/** What one host did over a window: the only input of advice. Figures that were not reported have empty series. */
export interface HostObservation {
  /** libvirt URI that the samples came from; commands connect to it. */
  readonly uri: string;
  /** Samples with rates in the window, and wall clock times of the first and the last, ms since 1970. */
  readonly samples: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly newest: HostSample;
  /** Online CPUs; undefined where the host did not report its topology. */
  readonly cpus: CpuSet | undefined;
  /** Those isolated from the scheduler's load balancing; undefined where unknown, as on a remote host. */
  readonly isolated?: CpuSet | undefined;
  /** CPUs that the control group of VMs may use; undefined where it does not limit them. */
  readonly vmCpus?: CpuSet | undefined;
  /** NUMA cell of each CPU. */
  readonly cellOf: ReadonlyMap<number, number>;
  readonly host: HostSeries;
  readonly vms: readonly ObservedVm[];
  /** Which vCPU was seen on which CPU. Its keys are UUIDs. */
  readonly residency: Residency;
  /** `cpu_shares` currently in effect in the kernel, by UUID; absent where they were not read. */
  readonly cpuShares?: ReadonlyMap<string, number> | undefined;
}

export interface HostSeries {
  /** CPUs that were busy with VMs, the host or both. */
  readonly busyCpus: Series;
  /** Share of time in which some tasks waited (PSI), 0 to 1. */
  readonly memoryPressure: Series;
  readonly ioPressure: Series;
  /** Pages per second read back from swap. */
  readonly swapInPages: Series;
  /** Whether each of these hurt: 1, or 0. */
  readonly swapHurts: Series;
}

/** One VM over the window. Series restart with each run of the VM. */
export interface ObservedVm {
  readonly uuid: string;
  /** Untrusted text. */
  readonly name: string;
  readonly sample: DomainSample;
  readonly facts: DomainFacts | undefined;
  readonly running: boolean;
  readonly vcpus: number;
  /** vCPUs that may run on the same CPUs, each set with its figures. */
  readonly places: readonly PlaceSeries[];
  /** CPUs: run and delay per second, over all vCPUs. */
  readonly runCpus: Series;
  readonly delayCpus: Series;
  /** Mean over its vCPUs, 0 to 1: what the guest sees as steal. */
  readonly steal: Series;
  /** delay / (delay + run), 0 to 1. */
  readonly contention: Series;
  /** CPUs that all its threads used. */
  readonly usedCpus: Series;
  /** Share of periods in which a CPU quota throttled it, 0 to 1; empty where control groups are not read. */
  readonly throttled: Series;
  /** By target. */
  readonly disks: ReadonlyMap<string, DiskSeries>;
  /** By name. */
  readonly nics: ReadonlyMap<string, NicSeries>;
  /** What its guest reports. */
  readonly guest: GuestSeries;
  /** Why groups of figures are missing. */
  readonly missing: ReadonlyMap<string, MissingReason>;
}

export interface PlaceSeries {
  /** Undefined: anywhere. */
  readonly cpus: CpuSet | undefined;
  readonly vcpus: number;
  readonly runCpus: Series;
  readonly delayCpus: Series;
}

export interface DiskSeries {
  /** Reads and writes, per second. */
  readonly requests: Series;
  readonly flushes: Series;
  readonly bytes: Series;
  /** Of reads and writes together, ms, in samples that had any. */
  readonly latencyMs: Series;
  readonly flushLatencyMs: Series;
  /** Requests in flight, mean over the sample. */
  readonly inFlight: Series;
  /** Failed requests per second. */
  readonly errors: Series;
  /** Use of the most exhausted limit, 0 to 1 and above. */
  readonly limitUse: Series;
}

export interface NicSeries {
  /** Received and sent, per second. */
  readonly packets: Series;
  readonly drops: Series;
}

export interface GuestSeries {
  readonly swapInKiB: Series;
  /** Per second. */
  readonly majorFaults: Series;
  /** Usable / available memory, 0 to 1. */
  readonly usableShare: Series;
}
