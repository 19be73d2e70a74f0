import type { Remedy, Step } from '../advice.ts';
import { hasKnownDisks, isDatabase } from '../behaviour.ts';
import { refOf, virshStep } from '../commands.ts';
import type { Context } from '../context.ts';
import { canReturnMemory } from '../host-ties.ts';
import type { ObservedVm } from '../observation.ts';
import { type GuestMemory, guestMemory, starvedGuests, swapsIn } from './guests.ts';
import { STEP_KIB, size } from './parts.ts';
import { residentKiB } from './resident.ts';

/** Usable share of its available memory that a donor keeps, and that it must have to be one. */
const DONOR_KEEPS = 0.25;
const DONOR_MIN = 0.4;

/** A guest, and what its balloon may take from it. */
interface Donor extends GuestMemory {
  /** What the guest can spare of its balloon, in whole steps. */
  readonly spareKiB: number;
  /** Non-resident part of its balloon: inflating takes untouched pages first, which frees nothing on the host. */
  readonly untouchedKiB: number;
}

/**
 * Takes memory from guests that have more usable than they need.
 * @param shortKiB what the host lacks
 */
export function reclaim(shortKiB: number, squeezed: readonly GuestMemory[], context: Context): Remedy[] {
  if (shortKiB <= 0) return [];
  const steps: Step[] = [];
  const costs: string[] = [];
  const payers: GuestMemory[] = [];
  let missingKiB = Math.round(shortKiB);
  let takenKiB = 0;
  for (const donor of donors(context)) {
    if (missingKiB <= 0) break;
    const { vm, currentKiB, spareKiB, untouchedKiB } = donor;
    const kib = Math.min(spareKiB, Math.ceil((untouchedKiB + missingKiB) / STEP_KIB) * STEP_KIB);
    missingKiB -= kib - untouchedKiB;
    takenKiB += kib;
    payers.push(donor);
    steps.push(virshStep(context.uri, vm, 'setmem', String(Math.floor(currentKiB - kib)), '--live'));
    costs.push(`${vm.name} has ${size(currentKiB - kib)} instead of ${size(currentKiB)}, and smaller caches`);
  }
  // Not offered if others would pay for less than half of a cure.
  if (missingKiB > shortKiB / 2) return [];
  const freed = `the host has about ${size(shortKiB - missingKiB)} more free`;
  return [
    {
      change: `take ${size(takenKiB)} from guests that do not use it`,
      steps,
      cost: costs.join('; '),
      payers: payers.map(({ vm }) => refOf(vm)),
      gain:
        squeezed.length === 0 ? freed : `${freed}, and can deflate the balloons of guests that swap with it`,
      risk: `each keeps ${100 * DONOR_KEEPS} % of its memory usable, as measured; a burst may make it swap`,
      effect: 'live',
    },
  ];
}

/** Those that free most first, so that few have to give. */
function donors(context: Context): Donor[] {
  const { running, minSamples } = context;
  const starved = new Set(starvedGuests(context).map(({ vm }) => vm));
  return running
    .filter(
      (vm) =>
        !starved.has(vm) &&
        !swapsIn(vm, minSamples) &&
        canReturnMemory(vm) &&
        // Without figures of its disks, a database would not be recognized.
        hasKnownDisks(vm) &&
        !isDatabase(vm) &&
        vm.guest.usableShare.count >= minSamples &&
        (vm.guest.usableShare.quantile(0.05) ?? 0) >= DONOR_MIN,
    )
    .flatMap((vm) => donorOf(vm) ?? [])
    .toSorted((a, b) => b.spareKiB - b.untouchedKiB - (a.spareKiB - a.untouchedKiB));
}

function donorOf(vm: ObservedVm): Donor | undefined {
  const memory = guestMemory(vm);
  const resident = memory && residentKiB(memory);
  if (memory === undefined || resident === undefined) return undefined;
  const { currentKiB } = memory;
  const share = (vm.guest.usableShare.quantile(0.05) ?? 0) - DONOR_KEEPS;
  const spareKiB = Math.floor((currentKiB * share) / STEP_KIB) * STEP_KIB;
  const untouchedKiB = Math.max(0, currentKiB - resident);
  return spareKiB - untouchedKiB < STEP_KIB ? undefined : { ...memory, spareKiB, untouchedKiB };
}
