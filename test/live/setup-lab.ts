import { down, up } from './lab/main.ts';

/** A second lab beside the first needs guests of each kind, not a crowd. */
const GUESTS = process.env['VIRTUNE_NAMESPACED'] === undefined ? 60 : 4;

/** The lab goes down afterwards, unless VIRTUNE_LAB_KEEP is set. */
export async function setup(): Promise<() => Promise<void>> {
  await up(GUESTS);
  return async () => {
    if (process.env['VIRTUNE_LAB_KEEP'] === undefined) await down();
  };
}
