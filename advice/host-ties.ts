import type { ObservedVm } from './observation.ts';

/** What a move costs, for any purpose. */
export const MIGRATION_RISK =
  'a migration copies all memory over the network, and disks that only this host has';

/**
 * Whether the guest drives host devices: libvirt has no figures of their requests and packets, and its memory stays
 * where the devices access it. Unknown counts as yes: without its XML, or in an older recording.
 */
export function drivesHostDevices({ facts }: ObservedVm): boolean {
  return facts?.features === undefined || (facts.features.hostDevices ?? 0) > 0;
}

/**
 * Whether libvirt would migrate it live now, as far as its host shows (qemuMigrationSrcIsAllowed in
 * src/qemu/qemu_migration.c); virtune advise --fleet applies the same rules.
 */
export function canMigrate(vm: ObservedVm): boolean {
  const { facts, sample } = vm;
  return (
    !drivesHostDevices(vm) &&
    facts?.features?.launchSecurity === undefined &&
    facts?.features?.tpm !== 'passthrough' &&
    sample.summary.marks?.hasSnapshot !== true &&
    sample.extras?.job?.active !== true &&
    sample.outcome.kind !== 'unresponsive'
  );
}

/**
 * Whether memory that its balloon takes becomes free on the host. QEMU discards no page that a host device may access
 * (VFIO, vDPA) or that is encrypted (ram_block_discard_disable), the kernel discards none that is locked (madvise(2)),
 * and huge pages return to their pool.
 */
export function canReturnMemory(vm: ObservedVm): boolean {
  const { facts } = vm;
  return (
    !drivesHostDevices(vm) &&
    facts?.features?.launchSecurity === undefined &&
    facts?.memory.locked === false &&
    facts.memory.hugepages === undefined
  );
}
