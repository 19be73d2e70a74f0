import { type DemandProfile, type Hours, mergedHours, profileOf } from './demand.ts';
import { type ReadOptions, readHours } from './options.ts';
import type { HostVms } from './read-vms.ts';
import type { VmHistory } from './vm.ts';

/** What VMs needed over the range, by UUID, combined over all hosts that a VM was on. */
export function historyOf(
  hosts: Iterable<HostVms>,
  options: Pick<ReadOptions, 'nowSeconds' | 'rangeSeconds'>,
): (uuid: string, variance: number | undefined) => VmHistory {
  const whole = new Map<string, DemandProfile>();
  const parts = new Map<string, Hours[]>();
  const resident = new Map<string, number>();
  for (const of of hosts) {
    for (const [uuid, demand] of of.demand) {
      if (!(demand instanceof Float32Array)) whole.set(uuid, demand);
      else parts.set(uuid, [...(parts.get(uuid) ?? []), demand]);
    }
    for (const [uuid, bytes] of of.resident) resident.set(uuid, Math.max(resident.get(uuid) ?? 0, bytes));
  }
  const { firstHour } = readHours(options);
  return (uuid, variance) => ({
    demand: whole.get(uuid) ?? profileOf(mergedHours(parts.get(uuid) ?? []), firstHour),
    variance,
    residentBytes: resident.get(uuid),
  });
}
