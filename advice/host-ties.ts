import type { ObservedVm } from './observation.ts';

/**
 * Whether the guest drives devices of the host itself: their requests and packets are in no figure of libvirt, and its memory
 * stays where the devices reach it. Unknown counts as yes: without its XML, or in a recording of an older virtune.
 */
export function drivesHostDevices({ facts }: ObservedVm): boolean {
  return facts?.features === undefined || (facts.features.hostDevices ?? 0) > 0;
}
