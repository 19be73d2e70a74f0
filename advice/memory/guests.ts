import type { Context } from '../context.ts';
import { isLasting } from '../evidence.ts';
import type { ObservedVm } from '../observation.ts';

/** Usable share of the available memory below which a guest is starved. */
const USABLE_MIN = 0.05;
/** With more than this usable, a guest that reads pages back lost them earlier or maps files; it lacks no memory. */
const USABLE_ENOUGH = 0.2;
/** Pages per second read back from disk, and the equivalent swap-in: as in the alert GuestMemoryStarved. */
export const MAJOR_FAULTS = 5;
export const SWAP_IN_KIB = 20;
const SQUEEZED = 0.9;

/** What a guest has, and the most that it can get without a restart. */
export interface GuestMemory {
  readonly vm: ObservedVm;
  readonly currentKiB: number;
  /** Without the unplugged part of virtio-mem devices. */
  readonly roomKiB: number;
}

/** Guests with almost no usable memory, or with little while they read pages back from disk, for most of the window. */
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

/** Whether a guest reads back from swap, for lack of memory now or earlier. */
export const swapsIn = ({ guest }: ObservedVm, minSamples: number): boolean =>
  isLasting(guest.swapInKiB, SWAP_IN_KIB, minSamples);

/** Without swap a guest dies with almost nothing usable; with swap it swaps. Major faults also count mapped files. */
function isStarved(vm: ObservedVm, minSamples: number): boolean {
  const { majorFaults, usableShare } = vm.guest;
  const swaps = swapsIn(vm, minSamples);
  if (usableShare.count < minSamples) return swaps;
  const isBelow = (share: number): boolean => usableShare.shareAbove(share) < 0.5;
  const reads = swaps || isLasting(majorFaults, MAJOR_FAULTS, minSamples);
  return isBelow(USABLE_MIN) || (reads && isBelow(USABLE_ENOUGH));
}
