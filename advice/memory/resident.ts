import type { GuestMemory } from './guests.ts';

/**
 * What the host would gain if this VM's QEMU exited; undefined where its resident memory is unknown. Merged pages, as
 * far as known, remain for the other guests that share them.
 */
export function residentKiB({ vm: { sample } }: GuestMemory): number | undefined {
  const { rssKiB } = sample.summary;
  const mergedKiB = (sample.local?.memoryMap?.ksmMergedBytes ?? 0) / 1_024;
  return rssKiB === undefined ? undefined : Math.max(0, rssKiB - mergedKiB);
}
