import type { Affected, Evidence } from '../advice.ts';
import { amount } from '../amounts.ts';
import { refOf } from '../commands.ts';
import type { Context } from '../context.ts';
import { factOf, medianOf } from '../evidence.ts';
import type { GuestMemory } from './guests.ts';

const KIB_PER_GIB = 1_048_576;
/** Amounts of memory that advice moves are whole steps of this size. */
export const STEP_KIB = 262_144;

export const size = (kib: number): string => amount(kib * 1_024);

/** A guest that lacks memory. */
export function affected({ vm, currentKiB, roomKiB }: GuestMemory): Affected {
  const swapIn = vm.guest.swapInKiB.median ?? 0;
  return { ...refOf(vm), evidence: `${size(currentKiB)} of ${size(roomKiB)}, swaps in ${size(swapIn)}/s` };
}

/** What the host has; empty where it did not report it. */
export function memoryFacts({ budget }: Context): Evidence[] {
  return budget.freeKiB === undefined
    ? []
    : [factOf('memory that the host has free', budget.freeKiB / KIB_PER_GIB, 'GiB')];
}

/** Of the first of these guests. */
export function guestEvidence([worst]: readonly GuestMemory[], { observation }: Context): Evidence[] {
  if (worst === undefined) return [];
  return medianOf('swap-in of a guest', worst.vm.guest.swapInKiB, {
    unit: 'KiB/s',
    limit: 0,
    over: observation,
  });
}
