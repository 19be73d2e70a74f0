import type { Advice } from '../advice.ts';
import type { Context } from '../context.ts';
import { diskSettings, unsafeCache } from '../storage/disk-settings.ts';
import { storageAdvice } from '../storage/hot-spot.ts';
import { deepChains, diskErrors, oldSnapshots } from '../storage/images.ts';

/** Disks that wait or fail, then settings and images that slow them down. */
export function storageKinds(context: Context): Advice[] {
  return [storageAdvice, diskErrors, diskSettings, unsafeCache, deepChains, oldSnapshots].flatMap((find) =>
    find(context),
  );
}
