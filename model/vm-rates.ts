import type { MemoryRates } from './guest-report.ts';
import type { DomainRates, Rates } from './rates.ts';
import type { BlockStats, NetStats } from './stats/types.ts';

/** Rates of one VM as a whole, per second of wall time; absent where there is no earlier figure to compare with. */
export interface VmRates {
  /** CPU seconds per second of all its threads: 2 is two whole CPUs. Known even for a VM whose QEMU hangs. */
  readonly cpuUsage: number | undefined;
  /** Run / wall time, mean over its vCPUs. */
  readonly usage: number | undefined;
  /** Delay / wall time, mean over its vCPUs: what the guest sees as steal, VMware's ready. */
  readonly steal: number | undefined;
  /** Wait / wall time, mean over its vCPUs. */
  readonly wait: number | undefined;
  /** Delay / (delay + run) over its vCPUs. */
  readonly contention: number | undefined;
  /** Over all its disks and NICs; a figure that none of them has is absent. */
  readonly disk: Rates<BlockStats>;
  readonly net: Rates<NetStats>;
  readonly memory: MemoryRates;
}

/** Sums up the rates of a VM's vCPUs, disks and NICs. */
export function vmRatesOf(rates: DomainRates | undefined, cpuUsage: number | undefined): VmRates {
  return {
    cpuUsage,
    usage: meanShare(rates, 'timeNs'),
    steal: meanShare(rates, 'delayNs'),
    wait: meanShare(rates, 'waitNs'),
    contention: rates?.contention,
    disk: summed(rates?.blocks.values() ?? []),
    net: summed(rates?.nets.values() ?? []),
    memory: rates?.memory ?? {},
  };
}

/** A vCPU time as a share of wall time: 0.1 is a tenth. Mean over the vCPUs that have it; undefined where none has. */
function meanShare(
  rates: DomainRates | undefined,
  time: 'timeNs' | 'delayNs' | 'waitNs',
): number | undefined {
  let ns = 0;
  let vcpus = 0;
  for (const vcpu of rates?.vcpus.values() ?? []) {
    const rate = vcpu[time];
    if (rate === undefined) continue;
    ns += rate;
    vcpus++;
  }
  return vcpus === 0 ? undefined : shareOf(ns / vcpus);
}

/** Nanoseconds per second, as a share of wall time. */
export function shareOf(nsPerSecond: number | undefined): number | undefined {
  return nsPerSecond === undefined ? undefined : nsPerSecond / 1e9;
}

/** Sums the figures of several devices; a figure that none of them has is absent. */
function summed<T extends object>(devices: Iterable<T>): T {
  const sum: Record<string, number> = {};
  for (const device of devices) {
    for (const name in device) {
      const value = device[name];
      if (typeof value === 'number') sum[name] = (sum[name] ?? 0) + value;
    }
  }
  return sum as T;
}

/** Sum of two rates; undefined only if both are. */
export function eitherSum(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined && b === undefined ? undefined : (a ?? 0) + (b ?? 0);
}

/** Mean request latency, ms; undefined while there are no requests. */
export function latencyMs(ns: number | undefined, requests: number | undefined): number | undefined {
  return ns === undefined || requests === undefined || requests <= 0 ? undefined : ns / requests / 1e6;
}

/** Mean latency of reads and writes together, ms; undefined while there are none. */
export function requestLatencyMs(disk: Rates<BlockStats>): number | undefined {
  return latencyMs(eitherSum(disk.readNs, disk.writeNs), eitherSum(disk.readRequests, disk.writeRequests));
}
