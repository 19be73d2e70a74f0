import { down, up } from './lab/main.ts';

const GUESTS = 60;

/** The lab goes down afterwards, unless VIRTUNE_LAB_KEEP is set. */
export async function setup(): Promise<() => Promise<void>> {
  await up(GUESTS);
  return async () => {
    if (process.env['VIRTUNE_LAB_KEEP'] === undefined) await down();
  };
}
