import type { FleetVm } from '../fleet.ts';
import type { DemandProfile } from './demand.ts';
import type { ReadOptions } from './options.ts';
import type { Snapshot } from './snapshot.ts';
import { type HostPool, storageOf } from './storage.ts';

/** libvirt's states (virDomainState) in which vCPUs run, and those in which only memory is held. */
const RUNNING = [1, 2];
const HOLDS_MEMORY = [3, 4, 7];
/** Below this, a VM's demand is not known well enough to move it. */
const LEAST_HOURS = 6;
const NO_LABELS: ReadonlyMap<string, string> = new Map();

/** Current state of a VM, from its series. Kept small, since a fleet may have a million VMs. */
export interface VmFacts {
  readonly vcpus: number;
  readonly isRunning: boolean;
  readonly isOnHugePages: boolean;
  readonly maximumBytes: number;
  readonly currentBytes: number;
  readonly residentBytes: number | undefined;
  readonly dirtyBytesPerSecond: number | undefined;
  readonly isPinned: boolean;
  readonly isPersistent: boolean | undefined;
  readonly autostart: FleetVm['autostart'];
  readonly stays: string | undefined;
  readonly cpuMode: string | undefined;
  readonly cpuModel: string | undefined;
  readonly isLocal: boolean;
  readonly storage: readonly string[];
  readonly labels: ReadonlyMap<string, string>;
}

/**
 * The facts of a VM that has memory on its host; undefined for one that has none, or the name of the missing series.
 * @param pools of its host
 */
export function vmFacts(
  now: Snapshot,
  pools: readonly HostPool[],
  options: Pick<ReadOptions, 'sharedStorage' | 'labels'>,
): VmFacts | string | undefined {
  const state = now.values('libvirt_domain_info_state')[0] ?? 0;
  const isRunning = RUNNING.includes(state);
  if (!isRunning && !HOLDS_MEMORY.includes(state)) return undefined;
  const vcpus = now.value('libvirt_domain_vcpu_current');
  const maximumBytes = now.value('libvirt_domain_info_maximum_memory_bytes');
  if (vcpus === undefined) return 'libvirt_domain_vcpu_current';
  if (maximumBytes === undefined) return 'libvirt_domain_info_maximum_memory_bytes';
  const disks = storageOf(now.labels('libvirt_domain_block_stats_info'), pools, options.sharedStorage);
  const [tuning] = now.labels('libvirt_domain_tuning_info');
  const persistent = now.value('libvirt_domain_persistent');
  return {
    vcpus,
    isRunning,
    isOnHugePages: now.value('libvirt_domain_hugepages') === 1,
    maximumBytes,
    currentBytes: now.value('libvirt_domain_info_memory_usage_bytes') ?? maximumBytes,
    residentBytes: now.value('libvirt_domain_memory_stats_rss_bytes'),
    dirtyBytesPerSecond: now.value('libvirt_domain_dirty_rate_bytes_per_second'),
    isPinned: (now.value('libvirt_domain_vcpus_pinned') ?? 0) > 0,
    isPersistent: persistent === undefined ? undefined : persistent === 1,
    autostart: autostartOf(now),
    stays: whyStays(now, isRunning, disks.isLocal),
    cpuMode: tuning?.['cpu_mode'],
    cpuModel: tuning?.['cpu_model'],
    isLocal: disks.isLocal,
    storage: disks.keys,
    labels: labelsOf(now, options.labels),
  };
}

/** The second series exists since libvirt 11.2. */
function autostartOf(now: Snapshot): FleetVm['autostart'] {
  const always = now.value('libvirt_domain_autostart');
  if (always === 1) return 'always';
  if (now.value('libvirt_domain_autostart_once') === 1) return 'once';
  return always === undefined ? undefined : 'never';
}

/** VMs that libvirt refuses to migrate live, or that are not known well enough. */
function whyStays(now: Snapshot, isRunning: boolean, isLocal: boolean): string | undefined {
  const [features] = now.labels('libvirt_domain_features_info');
  if (!isRunning) return 'it does not run';
  // The tuning group exports both: without it neither pins nor host devices are known.
  if (now.value('libvirt_domain_vcpus_pinned') === undefined) {
    return 'its pins and devices are not exported (group tuning)';
  }
  if (features?.['host_devices'] !== undefined) return 'it drives devices of its host';
  if (features?.['launch_security'] !== undefined) return 'its memory is encrypted (confidential computing)';
  if (features?.['tpm'] === 'passthrough') return "it uses its host's TPM";
  if (isLocal) return 'it has a disk on its host alone';
  if ((now.value('libvirt_domain_snapshots') ?? 0) > 0) return 'libvirt does not migrate a VM with snapshots';
  if (now.states('libvirt_domain_job_active').length > 0) return 'a job of libvirt is running on it';
  if (now.states('virtune_domain_outcome').some(({ outcome }) => outcome === 'unresponsive')) {
    return 'it does not respond';
  }
  return undefined;
}

/** Labels that constraints use, from the configured metadata and from OpenStack's. */
function labelsOf(now: Snapshot, wanted: ReadonlySet<string>): ReadonlyMap<string, string> {
  const all = [...now.labels('libvirt_domain_openstack_info'), ...now.labels('libvirt_domain_metadata_info')];
  const found = all.flatMap((labels) => Object.entries(labels).filter(([name]) => wanted.has(name)));
  return found.length === 0 ? NO_LABELS : new Map(found);
}

const IDLE: DemandProfile = { demandCpus: new Float32Array(24), hoursKnown: 0, varianceBetweenHours: 0 };

export interface VmHistory {
  /** Absent where no demand is known. */
  readonly demand: DemandProfile | undefined;
  /** Variance over the whole range, in CPUs squared. */
  readonly variance: number | undefined;
  /** The most resident memory over the range and on all its hosts. */
  readonly residentBytes: number | undefined;
}

/** The VM with what it needed over the range; undefined if it runs and its demand is unknown. */
export function fleetVm(
  { uuid, name }: { readonly uuid: string; readonly name: string },
  facts: VmFacts,
  { demand, variance, residentBytes }: VmHistory,
  isHostSwapping: boolean,
): FleetVm | undefined {
  const { isRunning, isOnHugePages, currentBytes, residentBytes: _, maximumBytes, stays, ...same } = facts;
  if (isRunning && demand === undefined) return undefined;
  // A paused VM has no demand, but keeps its memory.
  const known = isRunning && demand !== undefined ? demand : IDLE;
  // Memory that a host has swapped out is not resident, but the guest still needs it.
  const needed = isHostSwapping
    ? Math.max(residentBytes ?? 0, currentBytes)
    : (residentBytes ?? currentBytes);
  return {
    uuid,
    name,
    ...same,
    demandCpus: known.demandCpus,
    burstVariance: isRunning ? Math.max(0, (variance ?? 0) - known.varianceBetweenHours) : 0,
    maximumBytes: isOnHugePages ? 0 : maximumBytes,
    neededBytes: isOnHugePages ? (residentBytes ?? 0) : needed,
    hugePageBytes: isOnHugePages ? maximumBytes : 0,
    stays:
      stays ??
      (known.hoursKnown < LEAST_HOURS ? `less than ${LEAST_HOURS} hours of its demand are known` : undefined),
  };
}
