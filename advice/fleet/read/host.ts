import { swapHurts } from '../../../model/host-rates.ts';
import type { FleetHost, FleetVm } from '../fleet.ts';
import { partsOf } from './host-id.ts';
import { AVAILABLE_MEMORY, MAINTENANCE, ORDINARY_MEMORY, PRESSURE, SWAPPED_IN } from './queries.ts';
import type { Snapshot } from './snapshot.ts';
import { type HostPool, hostPoolsOf } from './storage.ts';

export interface HostFacts {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly usedBytes: number;
  readonly isSwapping: boolean;
  readonly pools: readonly HostPool[];
}

/** The figures needed to judge a host, or why it cannot be judged. */
export function hostFacts(now: Snapshot): HostFacts | string {
  const cpus = now.value('libvirt_host_cpus', { state: 'online' });
  const memoryBytes = now.value(ORDINARY_MEMORY);
  const available = now.value(AVAILABLE_MEMORY);
  if (cpus === undefined) return 'no figure of its CPUs (libvirt_host_cpus)';
  if (memoryBytes === undefined)
    return `no figure of its memory (${ORDINARY_MEMORY}): are the recording rules loaded?`;
  if (available === undefined) {
    return `no figure of available memory (${AVAILABLE_MEMORY}): it needs virtune on the host, or libvirt 12.3`;
  }
  // Reading swap counts as I/O pressure; CPU pressure is unrelated.
  const waits = ['memory', 'io'].flatMap((resource) => now.values(PRESSURE, { share: 'some', resource }));
  return {
    cpus,
    memoryBytes,
    usedBytes: memoryBytes * Math.max(0, 1 - available),
    isSwapping: swapHurts(now.value(SWAPPED_IN) ?? 0, waits),
    pools: hostPoolsOf(now.labels('libvirt_storage_pool_info')),
  };
}

/** Means over the last hour; absent where unknown. */
export interface MeasuredHost {
  readonly contention?: number | undefined;
  readonly shortfallCpus?: number | undefined;
}

/** @param residentNowBytes current memory of its VMs, by the same measure as their need */
export function fleetHost(
  id: string,
  now: Snapshot,
  facts: HostFacts,
  vms: readonly FleetVm[],
  residentNowBytes: number,
  measured: MeasuredHost,
): FleetHost {
  const [cpu] = now.labels('libvirt_host_cpu_info');
  return {
    id,
    ...partsOf(id),
    cpus: facts.cpus,
    dedicatedCpus: now.value('libvirt_host_cpus_dedicated') ?? 0,
    memoryBytes: facts.memoryBytes,
    ownMemoryBytes: Math.max(0, facts.usedBytes - residentNowBytes),
    hugePageBytes: now.value('libvirt_host_memory_bytes', { kind: 'hugepages' }) ?? 0,
    cpuModel: cpu?.['model'],
    storage: new Set(facts.pools.flatMap(({ key }) => key ?? [])),
    // The series exists as long as the maintenance lasts; its value is a time.
    isInMaintenance: now.value(MAINTENANCE) !== undefined,
    measuredContention: measured.contention,
    measuredShortfallCpus: measured.shortfallCpus,
    isSwapping: facts.isSwapping,
    vms,
  };
}
