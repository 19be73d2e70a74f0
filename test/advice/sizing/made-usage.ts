import type { CpuUsage, HostUsage, MemoryUsage, Point, VmUsage } from '../../../advice/sizing/usage.ts';

export const GIB = 1024 ** 3;
export const DAY = 86_400;
export const WEEK = 7 * DAY;
const STEP = 300;
const END = 1_800_000_000;

/** A figure every five minutes, or every `stepSeconds`. */
export function points(
  value: (seconds: number) => number,
  spanSeconds = WEEK,
  stepSeconds = STEP,
): readonly Point[] {
  return Array.from({ length: spanSeconds / stepSeconds }, (_, index) => {
    const seconds = (index + 1) * stepSeconds;
    return { atSeconds: END - spanSeconds + seconds, value: value(seconds) };
  });
}

/** Demand in CPUs by seconds since the start of the range. */
export function cpuOf(
  demand: (seconds: number) => number,
  over: Partial<CpuUsage> = {},
  spanSeconds = WEEK,
): CpuUsage {
  const all = points(demand, spanSeconds);
  return {
    demand: all,
    peakCpus: Math.max(...all.map(({ value }) => value)),
    knownSeconds: spanSeconds,
    stealP90: 0,
    ...over,
  };
}

/** @param peakGib peak of used memory by day */
export function memoryOf(
  peakGib: (day: number) => number,
  over: Partial<MemoryUsage> = {},
  spanSeconds = WEEK,
): MemoryUsage {
  const dailyPeaks = points((seconds) => peakGib(seconds / DAY - 1) * GIB, spanSeconds, DAY);
  return {
    dailyPeaks,
    peakBytes: Math.max(...dailyPeaks.map(({ value }) => value)),
    cacheBytes: GIB,
    swappingShare: 0,
    starvedShare: 0,
    lowShare: 0,
    unseenBytes: 0,
    knownSeconds: spanSeconds,
    ...over,
  };
}

let id = 0;
/** A VM with 8 vCPUs and 16 GiB that needs half of each. */
export function vmOf(name: string, over: Partial<VmUsage> = {}): VmUsage {
  return {
    uuid: `${String(++id).padStart(8, '0')}-0000-4000-8000-000000000000`,
    name,
    vcpus: 8,
    maximumVcpus: over.vcpus ?? 8,
    maximumBytes: 16 * GIB,
    currentBytes: 16 * GIB,
    isLayoutKnown: true,
    isOnHugePages: false,
    hugePageBytes: undefined,
    isTransient: false,
    isMemoryFixed: false,
    guestCells: 0,
    hasTopology: false,
    cpu: cpuOf(() => 6),
    memory: memoryOf(() => 12),
    unsure: undefined,
    ...over,
  };
}

/** 32 CPUs and 128 GiB, half of them in use. */
export function hostOf(vms: readonly VmUsage[], over: Partial<HostUsage> = {}): HostUsage {
  return {
    instance: 'kvm1:9177',
    fromSeconds: END - WEEK,
    toSeconds: END,
    cpus: 32,
    demandP95Cpus: 16,
    memoryBytes: 128 * GIB,
    availableBytes: 64 * GIB,
    vms,
    ...over,
  };
}

/** The same host with a shorter history. */
export const since = (spanSeconds: number): Partial<HostUsage> => ({ fromSeconds: END - spanSeconds });
