import { percent, ratio } from '../../model/format.ts';
import type { Affected, Evidence } from '../advice.ts';
import { amount } from '../amounts.ts';
import { refOf } from '../commands.ts';
import type { Context } from '../context.ts';
import { factOf, medianOf } from '../evidence.ts';
import { type GuestMemory, MAJOR_FAULTS, SWAP_IN_KIB } from './guests.ts';

const KIB_PER_GIB = 1_048_576;
/** Granularity of the memory amounts that advice moves. */
export const STEP_KIB = 262_144;

export const size = (kib: number): string => amount(kib * 1_024);

/** A guest that lacks memory, with the figures that show it. */
export function affected({ vm, currentKiB, roomKiB }: GuestMemory): Affected {
  const { usableShare, swapInKiB, majorFaults } = vm.guest;
  const [usable, swapIn = 0, faults = 0] = [usableShare.median, swapInKiB.median, majorFaults.median];
  const parts = [
    `${size(currentKiB)} of ${size(roomKiB)}`,
    ...(usable === undefined ? [] : [`${percent(100 * usable)} % usable`]),
    ...(swapIn > 0 ? [`swaps in ${size(swapIn)}/s`] : []),
    ...(swapIn === 0 && faults > MAJOR_FAULTS ? [`${ratio(faults)} major faults/s`] : []),
  ];
  return { ...refOf(vm), evidence: parts.join(', ') };
}

/** What the host has; empty where it did not report it. */
export function memoryFacts({ budget }: Context): Evidence[] {
  return budget.freeKiB === undefined
    ? []
    : [factOf('memory that the host has free', budget.freeKiB / KIB_PER_GIB, 'GiB')];
}

/** Evidence of the first of these guests. */
export function guestEvidence([worst]: readonly GuestMemory[], { observation }: Context): Evidence[] {
  if (worst === undefined) return [];
  const { usableShare, swapInKiB, majorFaults } = worst.vm.guest;
  const over = observation;
  const swapIn = medianOf('swap-in of a guest', swapInKiB, { unit: 'KiB/s', limit: SWAP_IN_KIB, over });
  const faults = medianOf('major faults of a guest', majorFaults, { unit: '/s', limit: MAJOR_FAULTS, over });
  return [
    ...medianOf('usable memory of a guest', usableShare, { unit: '%', scale: 100, over }),
    ...((swapInKiB.median ?? 0) > 0 ? swapIn : []),
    ...((majorFaults.median ?? 0) > MAJOR_FAULTS ? faults : []),
  ];
}
