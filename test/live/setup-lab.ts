import { startLibvirtd } from './lab/daemon.ts';
import { down, up } from './lab/main.ts';

/** A second lab beside the first needs guests of each kind, not a crowd. */
const GUESTS = process.env['VIRTUNE_NAMESPACED'] === undefined ? 60 : 4;

/** The lab goes down afterwards, unless VIRTUNE_LAB_KEEP is set. */
export async function setup(): Promise<() => Promise<void>> {
  // In another Debian's root what was installed with it has to do, and a test there brings its own guests.
  if (process.env['VIRTUNE_LAB_ROOT'] === undefined) await up(GUESTS);
  else await startLibvirtd();
  return async () => {
    if (process.env['VIRTUNE_LAB_KEEP'] === undefined) await down();
  };
}
