import type { FleetVm } from '../fleet.ts';
import type { DemandProfile } from './demand.ts';
import type { Snapshot } from './snapshot.ts';
import { type SharedPool, storageOf } from './storage.ts';

/** libvirt's states (virDomainState): vCPUs run in the first ones, and memory is held in the others. */
const RUNNING = [1, 2];
const HOLDS_MEMORY = [3, 4, 7];
/** Below this, the demand of a VM is not known well enough to move it. */
const LEAST_HOURS = 6;

/** Whether the VM has memory on its host. */
export const isActive = (now: Snapshot): boolean => [...RUNNING, ...HOLDS_MEMORY].includes(stateOf(now));

export const isRunning = (now: Snapshot): boolean => RUNNING.includes(stateOf(now));

const stateOf = (now: Snapshot): number => now.values('libvirt_domain_info_state')[0] ?? 0;

export interface VmInputs {
  readonly uuid: string;
  readonly name: string;
  readonly now: Snapshot;
  readonly demand: DemandProfile;
  /** Variance of demand over the whole range, in CPUs squared. */
  readonly variance: number | undefined;
  /** The most memory that was resident, over the range and on all its hosts. */
  readonly residentBytes: number | undefined;
  readonly isHostSwapping: boolean;
  readonly pools: readonly SharedPool[];
  readonly sharedStorage: readonly string[];
}

/** The VM, or what is missing to plan with it. */
export function fleetVm(inputs: VmInputs): FleetVm | string {
  const { uuid, name, now, demand, variance, residentBytes, isHostSwapping } = inputs;
  const vcpus = now.value('libvirt_domain_vcpu_current');
  const maximumBytes = now.value('libvirt_domain_info_maximum_memory_bytes');
  const currentBytes = now.value('libvirt_domain_info_memory_usage_bytes') ?? maximumBytes;
  if (vcpus === undefined) return 'libvirt_domain_vcpu_current';
  if (maximumBytes === undefined || currentBytes === undefined)
    return 'libvirt_domain_info_maximum_memory_bytes';
  const isOnHugePages = now.value('libvirt_domain_hugepages') === 1;
  // What a host has swapped out is not resident, and yet the guest needs it.
  const residentNeed = isHostSwapping
    ? Math.max(residentBytes ?? 0, currentBytes)
    : (residentBytes ?? currentBytes);
  const storage = storageOf(
    now.labels('libvirt_domain_block_stats_info'),
    inputs.pools,
    inputs.sharedStorage,
  );
  const [tuning] = now.labels('libvirt_domain_tuning_info');
  return {
    uuid,
    name,
    vcpus,
    demandCpus: demand.demandCpus,
    burstVariance: Math.max(0, (variance ?? 0) - demand.varianceBetweenHours),
    maximumBytes: isOnHugePages ? 0 : maximumBytes,
    neededBytes: isOnHugePages ? (residentBytes ?? 0) : residentNeed,
    hugePageBytes: isOnHugePages ? maximumBytes : 0,
    dirtyBytesPerSecond: now.value('libvirt_domain_dirty_rate_bytes_per_second'),
    isPinned: (now.value('libvirt_domain_vcpus_pinned') ?? 0) > 0,
    isPersistent: flagOf(now.value('libvirt_domain_persistent')),
    stays: whyStays(inputs, storage.isLocal),
    cpuMode: tuning?.['cpu_mode'],
    cpuModel: tuning?.['cpu_model'],
    isLocal: storage.isLocal,
    storage: storage.keys,
    labels: labelsOf(now),
  };
}

const flagOf = (value: number | undefined): boolean | undefined =>
  value === undefined ? undefined : value === 1;

/** What libvirt refuses to migrate live, or what is not known well enough. */
function whyStays({ now, demand }: VmInputs, isLocal: boolean): string | undefined {
  const [features] = now.labels('libvirt_domain_features_info');
  if (!isRunning(now)) return 'it does not run';
  // The tuning group has both: without it neither pins nor devices of the host are known.
  if (now.value('libvirt_domain_vcpus_pinned') === undefined)
    return 'its pins and devices are not exported (group tuning)';
  if (features?.['host_devices'] !== undefined) return 'it drives devices of its host';
  if (features?.['launch_security'] !== undefined) return 'its memory is encrypted (confidential computing)';
  if (features?.['tpm'] === 'passthrough') return "it uses its host's TPM";
  if (isLocal) return 'it has a disk on its host alone';
  if ((now.value('libvirt_domain_snapshots') ?? 0) > 0) return 'libvirt does not migrate a VM with snapshots';
  if (now.states('libvirt_domain_job_active').length > 0) return 'a job of libvirt is running on it';
  if (now.states('virtune_domain_outcome').some(({ outcome }) => outcome === 'unresponsive'))
    return 'it does not respond';
  if (demand.hoursKnown < LEAST_HOURS) return `less than ${LEAST_HOURS} hours of its demand are known`;
  return undefined;
}

/** Of the configuration's own metadata, and OpenStack's names. */
function labelsOf(now: Snapshot): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const labels of [
    ...now.labels('libvirt_domain_openstack_info'),
    ...now.labels('libvirt_domain_metadata_info'),
  ]) {
    for (const [name, value] of Object.entries(labels)) if (!IDENTITY.has(name)) found.set(name, value);
  }
  return found;
}

const IDENTITY: ReadonlySet<string> = new Set(['__name__', 'cluster', 'job', 'instance', 'domain']);
