import type { GuestMemory } from './guests.ts';

/**
 * What the host would have if the QEMU of this VM ended; undefined where its resident memory is not known. Merged pages stay
 * for the other guests that have them, as far as they are known.
 */
export function residentKiB({ vm: { sample } }: GuestMemory): number | undefined {
  const { rssKiB } = sample.summary;
  const mergedKiB = (sample.local?.memoryMap?.ksmMergedBytes ?? 0) / 1_024;
  return rssKiB === undefined ? undefined : Math.max(0, rssKiB - mergedKiB);
}
