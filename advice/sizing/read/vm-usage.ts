import type { Snapshot } from '../../fleet/read/snapshot.ts';
import type { CpuUsage, MemoryUsage, Point, VmUsage } from '../usage.ts';
import { STEP_SECONDS, type UsageQueries } from './queries.ts';

/** libvirt's states (virDomainState) in which vCPUs run. */
const RUNNING = [1, 2];
const HOUR_SECONDS = 3_600;

/** What was read about one VM. */
export interface VmFigures {
  readonly now: Snapshot;
  readonly uuid: string | undefined;
  /** All UUIDs that had its name within the range. */
  readonly uuids: readonly string[];
  readonly demand: readonly Point[] | undefined;
  readonly stepSeconds: number;
  readonly dailyPeaks: readonly Point[];
  readonly figure: (key: keyof UsageQueries['perVm']) => number | undefined;
}

/** Undefined for a VM that does not run, or whose size is unknown. */
export function vmUsage(name: string, figures: VmFigures, spanSeconds: number): VmUsage | undefined {
  const { now, uuid } = figures;
  const vcpus = now.value('libvirt_domain_vcpu_current');
  const maximumBytes = now.value('libvirt_domain_info_maximum_memory_bytes');
  const isRunning = RUNNING.includes(now.value('libvirt_domain_info_state') ?? 0);
  if (!isRunning || vcpus === undefined || maximumBytes === undefined || uuid === undefined) return undefined;
  const currentBytes = now.value('libvirt_domain_info_memory_usage_bytes') ?? maximumBytes;
  return {
    uuid,
    name,
    vcpus,
    maximumVcpus: now.value('libvirt_domain_vcpu_maximum'),
    maximumBytes,
    currentBytes,
    isTransient: now.value('libvirt_domain_persistent') === 0,
    isLayoutKnown: now.value('libvirt_domain_hugepages') !== undefined,
    isOnHugePages: now.value('libvirt_domain_hugepages') === 1,
    hugePageBytes: now.value('libvirt_domain_hugepage_size_bytes'),
    isMemoryFixed: isMemoryFixed(now),
    guestCells: now.value('libvirt_domain_numa_cells') ?? 0,
    hasTopology: now.value('libvirt_domain_cpu_sockets') !== undefined,
    cpu: cpuUsage(figures),
    memory: memoryUsage(figures, currentBytes, spanSeconds),
    unsure: unsure(figures),
  };
}

/** QEMU inhibits the balloon of a VM with host devices (VFIO), and the kernel keeps locked pages. */
function isMemoryFixed(now: Snapshot): boolean {
  const [features] = now.labels('libvirt_domain_features_info');
  return features?.['host_devices'] !== undefined || now.value('libvirt_domain_memory_locked') === 1;
}

function unsure({ uuid, uuids, figure }: VmFigures): string | undefined {
  if (uuids.some((each) => each !== uuid)) return 'another VM had its name within the range';
  return (figure('resizes') ?? 0) > 0 ? 'its size was changed within the range' : undefined;
}

function cpuUsage({ demand, stepSeconds, figure }: VmFigures): CpuUsage | undefined {
  const peakCpus = figure('peakCpus');
  if (demand === undefined || peakCpus === undefined) return undefined;
  return {
    demand,
    peakCpus,
    knownSeconds: demand.length * stepSeconds,
    stealP90: figure('stealP90') ?? 0,
  };
}

function memoryUsage(
  { now, dailyPeaks, figure }: VmFigures,
  currentBytes: number,
  spanSeconds: number,
): MemoryUsage | undefined {
  const peakBytes = figure('peakBytes');
  if (peakBytes === undefined) return undefined;
  const availableBytes = now.value('libvirt_domain_memory_stats_available_bytes') ?? currentBytes;
  // A guest whose driver hangs leaves stale figures; a reporting guest's change many times per hour.
  const isStill = (figure('updates') ?? 0) < (0.9 * spanSeconds) / HOUR_SECONDS;
  return {
    dailyPeaks,
    peakBytes,
    cacheBytes: figure('cacheBytes'),
    swappingShare: figure('swappingShare') ?? 0,
    starvedShare: figure('starvedShare') ?? 0,
    lowShare: figure('lowShare') ?? 0,
    unseenBytes: Math.max(0, currentBytes - availableBytes),
    knownSeconds: isStill ? 0 : (figure('points') ?? 0) * STEP_SECONDS,
  };
}
