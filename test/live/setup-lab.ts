import { startLibvirtd } from './lab/daemon.ts';
import { bareGuests, bootGuest, CROWD } from './lab/guests.ts';
import { canBoot } from './lab/initramfs.ts';
import { down, up } from './lab/main.ts';
import { virsh } from './lab/virsh.ts';

/** A second lab beside the first needs guests of each kind, not a crowd. */
const NAMESPACED_GUESTS = 4;

/** Number of guests in another Debian's root. */
const BARE_GUESTS = 14;

/** Number of bare guests that the tests find in the lab. */
export const LAB_GUESTS =
  process.env['VIRTUNE_LAB_ROOT'] !== undefined
    ? BARE_GUESTS
    : process.env['VIRTUNE_NAMESPACED'] !== undefined
      ? NAMESPACED_GUESTS
      : CROWD;

/** Sets up the lab with so many guests, here or in the other Debian's root in which this runs. */
export async function upHere(guests: number): Promise<void> {
  if (process.env['VIRTUNE_LAB_ROOT'] === undefined) return up(guests);
  // Nothing can be installed inside another Debian's root: an old one may have no guest that boots.
  await startLibvirtd();
  if (canBoot()) await bootGuest();
  bareGuests(guests);
  virsh('capabilities');
}

/** Tears the lab down afterwards, unless VIRTUNE_LAB_KEEP is set. */
export async function setup(): Promise<() => Promise<void>> {
  await upHere(LAB_GUESTS);
  return async () => {
    if (process.env['VIRTUNE_LAB_KEEP'] === undefined) await down();
  };
}
