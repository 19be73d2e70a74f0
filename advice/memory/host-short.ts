import type { Advice, Remedy, Step } from '../advice.ts';
import { isDatabase } from '../behaviour.ts';
import { refOf, virshStep } from '../commands.ts';
import type { Context } from '../context.ts';
import { isLasting, medianOf } from '../evidence.ts';
import { type GuestMemory, guestMemory } from './guests.ts';
import { affected, guestEvidence, memoryFacts, STEP_KIB, size } from './parts.ts';

/** Of its available memory, what stays usable to a guest that gives some to others. */
const DONOR_KEEPS = 0.25;
const DONOR_MIN = 0.4;
/** Share of time in which tasks of the host wait for memory. */
const PRESSURE = 0.1;
/** Pages per second. */
const SWAP_IN = 100;

/** Whether the host itself lacks memory: its tasks wait for it, or it reads pages from swap. */
export function isPressed({ observation: { host }, minSamples }: Context): boolean {
  return (
    isLasting(host.memoryPressure, PRESSURE, minSamples) || isLasting(host.swapInPages, SWAP_IN, minSamples)
  );
}

/** Guests that swap and a host that cannot help them, or a host that swaps: one cause, however many suffer. */
export function hostMemoryShort(
  squeezed: readonly GuestMemory[],
  wantedKiB: number,
  pressed: boolean,
  context: Context,
): Advice {
  const { budget, observation, running } = context;
  const shortKiB =
    Math.max(wantedKiB, 0) + Math.max(0, budget.reserveKiB - (budget.freeKiB ?? budget.reserveKiB));
  const holders = running
    .flatMap((vm) => guestMemory(vm) ?? [])
    .toSorted((a, b) => b.currentKiB - a.currentKiB)
    .slice(0, 10);
  return {
    kind: 'host-memory-short',
    id: 'host-memory-short',
    severity: 'bad',
    title:
      squeezed.length === 0
        ? 'the host lacks memory: its tasks wait for pages from swap'
        : `${squeezed.length === 1 ? 'a guest swaps' : `${squeezed.length} guests swap`}: the host has no memory to deflate their balloons with`,
    victims: squeezed.map(affected),
    evidence: [
      ...memoryFacts(context),
      ...(pressed
        ? [
            ...medianOf('memory pressure (some)', observation.host.memoryPressure, {
              unit: '%',
              scale: 100,
              limit: PRESSURE,
              over: observation,
            }),
            ...medianOf('swap-in of the host', observation.host.swapInPages, {
              unit: 'pages/s',
              limit: SWAP_IN,
              over: observation,
            }),
          ]
        : []),
      ...guestEvidence(squeezed, context),
    ],
    cause: `VMs may use more memory than the host has; ${size(shortKiB)} are missing`,
    culprits: holders.map(({ vm, currentKiB }) => ({ ...refOf(vm), evidence: `holds ${size(currentKiB)}` })),
    remedies: [...reclaim(shortKiB, squeezed, context), ...moveAway(shortKiB, context)],
    harm: Math.max(1, squeezed.length),
  };
}

/** From guests that have more usable memory than they need. */
function reclaim(shortKiB: number, squeezed: readonly GuestMemory[], context: Context): Remedy[] {
  if (shortKiB <= 0) return [];
  const steps: Step[] = [];
  const costs: string[] = [];
  const payers: GuestMemory[] = [];
  let missingKiB = shortKiB;
  for (const donor of donors(squeezed, context)) {
    if (missingKiB <= 0) break;
    const spareKiB = donor.currentKiB * ((donor.vm.guest.usableShare.quantile(0.05) ?? 0) - DONOR_KEEPS);
    const takenKiB = Math.floor(Math.min(spareKiB, missingKiB) / STEP_KIB) * STEP_KIB;
    if (takenKiB <= 0) continue;
    missingKiB -= takenKiB;
    payers.push(donor);
    steps.push(
      virshStep(context.uri, donor.vm, 'setmem', String(Math.floor(donor.currentKiB - takenKiB)), '--live'),
    );
    costs.push(
      `${donor.vm.name} has ${size(donor.currentKiB - takenKiB)} instead of ${size(donor.currentKiB)}, and smaller caches`,
    );
  }
  // Half a cure that others pay for is not offered.
  if (missingKiB > shortKiB / 2) return [];
  return [
    {
      change: `take ${size(shortKiB - missingKiB)} from guests that do not use it`,
      steps,
      cost: costs.join('; '),
      payers: payers.map(({ vm }) => refOf(vm)),
      gain: 'the host can deflate the balloons of guests that swap',
      risk: `each keeps ${100 * DONOR_KEEPS} % of its memory usable by what was measured; a burst in it may swap`,
      effect: 'live',
    },
  ];
}

function donors(squeezed: readonly GuestMemory[], { running, minSamples }: Context): GuestMemory[] {
  const victims = new Set(squeezed.map(({ vm }) => vm));
  return running
    .filter(
      (vm) =>
        !victims.has(vm) &&
        vm.facts?.memory.hugepages === undefined &&
        !isDatabase(vm) &&
        vm.guest.usableShare.count >= minSamples &&
        (vm.guest.usableShare.quantile(0.05) ?? 0) >= DONOR_MIN,
    )
    .flatMap((vm) => guestMemory(vm) ?? [])
    .toSorted((a, b) => b.currentKiB - a.currentKiB);
}

/** The fewest VMs whose memory is enough. Huge pages of a VM return to their pool, not to the others. */
function moveAway(shortKiB: number, { running }: Context): Remedy[] {
  const movable = running
    .filter((vm) => vm.facts?.memory.hugepages === undefined && !isDatabase(vm))
    .flatMap((vm) => guestMemory(vm) ?? [])
    .toSorted((a, b) => b.roomKiB - a.roomKiB);
  const leaving: GuestMemory[] = [];
  let missingKiB = shortKiB;
  for (const each of movable) {
    if (missingKiB <= 0) break;
    leaving.push(each);
    // It gives what it holds, and no longer wants what it lacks.
    missingKiB -= each.roomKiB;
  }
  if (leaving.length === 0 || missingKiB > 0) return [];
  return [
    {
      change: `move ${leaving.map(({ vm }) => vm.name).join(', ')} to another host: ${size(leaving.reduce((sum, { roomKiB }) => sum + roomKiB, 0))}`,
      steps: [],
      cost: 'none on this host; each VM is paused for a moment at the end of its migration',
      payers: leaving.map(({ vm }) => refOf(vm)),
      gain: 'the other guests can have the memory that they need',
      risk: 'a migration copies all memory over the network; choose a host with memory to spare',
      effect: 'live',
    },
  ];
}
