import type { Context } from '../context.ts';
import { isLasting } from '../evidence.ts';
import type { ObservedVm } from '../observation.ts';

/** Of its available memory, what a guest that is not starved keeps usable. */
const USABLE_MIN = 0.05;
/** Pages per second that a guest reads back from disk because it lacks memory. */
const MAJOR_FAULTS = 5;
const SQUEEZED = 0.9;

/** What a guest may have at most without a restart, and what it has. */
export interface GuestMemory {
  readonly vm: ObservedVm;
  readonly currentKiB: number;
  /** Without what is not plugged of virtio-mem devices. */
  readonly roomKiB: number;
}

/** Guests that swap, or have next to nothing usable, for most of the window. */
export function starvedGuests({ running, minSamples }: Context): GuestMemory[] {
  return running.flatMap((vm) => {
    const memory = guestMemory(vm);
    return memory !== undefined && isStarved(vm, minSamples) ? [memory] : [];
  });
}

export const isSqueezed = ({ currentKiB, roomKiB }: GuestMemory): boolean => currentKiB < SQUEEZED * roomKiB;

export function guestMemory(vm: ObservedVm): GuestMemory | undefined {
  const { memoryKiB, maximumKiB } = vm.sample.summary;
  if (memoryKiB === undefined || maximumKiB === undefined) return undefined;
  const unpluggedKiB = (vm.facts?.memory.devices ?? []).reduce(
    (sum, { model, sizeKiB, requestedKiB }) =>
      model === 'virtio-mem' ? sum + (sizeKiB ?? 0) - (requestedKiB ?? 0) : sum,
    0,
  );
  return { vm, currentKiB: memoryKiB, roomKiB: maximumKiB - unpluggedKiB };
}

/** A guest without swap has next to nothing usable before it dies; with swap it swaps. */
function isStarved({ guest }: ObservedVm, minSamples: number): boolean {
  const { swapInKiB, majorFaults, usableShare } = guest;
  const isLow = usableShare.count >= minSamples && usableShare.shareAbove(USABLE_MIN) < 0.5;
  return isLow || isLasting(swapInKiB, 0, minSamples) || isLasting(majorFaults, MAJOR_FAULTS, minSamples);
}
