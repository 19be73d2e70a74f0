import { startLibvirtd } from './lab/daemon.ts';
import { bareGuests, bootGuest } from './lab/guests.ts';
import { canBoot } from './lab/initramfs.ts';
import { down, up } from './lab/main.ts';
import { virsh } from './lab/virsh.ts';

/** A second lab beside the first needs guests of each kind, not a crowd. */
const GUESTS = process.env['VIRTUNE_NAMESPACED'] === undefined ? 60 : 4;

/** In another Debian's root. */
const BARE_GUESTS = 14;

/** The lab goes down afterwards, unless VIRTUNE_LAB_KEEP is set. */
export async function setup(): Promise<() => Promise<void>> {
  if (process.env['VIRTUNE_LAB_ROOT'] === undefined) await up(GUESTS);
  else {
    // Nothing can be installed in another Debian's root here, so that one made long ago may have no guest that boots.
    await startLibvirtd();
    if (canBoot()) await bootGuest();
    bareGuests(BARE_GUESTS);
    virsh('capabilities');
  }
  return async () => {
    if (process.env['VIRTUNE_LAB_KEEP'] === undefined) await down();
  };
}
