import { bytes } from '../../model/format.ts';
import type { Advice, Affected, Remedy, Step } from '../advice.ts';
import { isDatabase } from '../behaviour.ts';
import { refOf, virshStep } from '../commands.ts';
import type { Context } from '../context.ts';
import { factOf, isLasting, medianOf } from '../evidence.ts';
import { type GuestMemory, guestMemory, isSqueezed, starvedGuests } from './guests.ts';

const KIB_PER_GIB = 1_048_576;
const STEP_KIB = 262_144;
/** More than a guest has now, for one that is starved at its maximum. */
const GROWTH = 0.25;
/** Of its available memory, what stays usable to a guest that gives some to others. */
const DONOR_KEEPS = 0.25;
const DONOR_MIN = 0.4;
/** Share of time in which tasks of the host wait for memory. */
const PRESSURE = 0.1;
/** Pages per second. */
const SWAP_IN = 100;

export const size = (kib: number): string => bytes(kib * 1_024);

/** Guests that lack memory, and a host that does: first the cause, then what is left of the symptoms. */
export function memoryAdvice(context: Context): Advice[] {
  const starved = starvedGuests(context);
  const squeezed = starved.filter(isSqueezed);
  const wantedKiB = squeezed.reduce((sum, { currentKiB, roomKiB }) => sum + roomKiB - currentKiB, 0);
  const { host } = context.observation;
  const isPressed =
    isLasting(host.memoryPressure, PRESSURE, context.minSamples) ||
    isLasting(host.swapInPages, SWAP_IN, context.minSamples);
  const fits = !isPressed && wantedKiB > 0 && context.budget.take(wantedKiB);
  const isShort = isPressed || (squeezed.length > 0 && !fits);
  return [
    ...(isShort ? [hostMemoryShort(squeezed, wantedKiB, isPressed, context)] : []),
    ...(fits ? [balloonSqueezed(squeezed, context)] : []),
    ...starved.filter((each) => !isSqueezed(each)).map((each) => guestStarved(each, isShort, context)),
  ];
}

function balloonSqueezed(squeezed: readonly GuestMemory[], context: Context): Advice {
  const { uri, budget } = context;
  return {
    kind: 'balloon-squeezed',
    id: 'balloon-squeezed',
    severity: 'bad',
    title: `${squeezed.length === 1 ? 'a guest swaps' : `${squeezed.length} guests swap`} because the balloon took memory, and the host has memory to give`,
    victims: squeezed.map(affected),
    evidence: [...memoryFacts(context), ...guestEvidence(squeezed, context)],
    cause: 'the balloon holds memory that the guest needs',
    culprits: [],
    remedies: [
      {
        change: 'deflate the balloon to the maximum memory of the VM',
        steps: squeezed.map(({ vm, roomKiB }) =>
          virshStep(uri, vm, 'setmem', String(Math.floor(roomKiB)), '--live'),
        ),
        cost: `the host has ${size(budget.leftKiB + budget.reserveKiB)} left for all others, ${size(budget.reserveKiB)} of it as reserve`,
        payers: [],
        gain: 'the guest stops swapping',
        risk: 'a balloon manager may take it again: find out who set the balloon',
        effect: 'live',
      },
    ],
    harm: squeezed.length,
  };
}

function hostMemoryShort(
  squeezed: readonly GuestMemory[],
  wantedKiB: number,
  isPressed: boolean,
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
      ...(isPressed
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

function guestStarved(each: GuestMemory, isHostShort: boolean, context: Context): Advice {
  const { vm, roomKiB } = each;
  const { uri, budget } = context;
  const moreKiB = Math.ceil((roomKiB * GROWTH) / STEP_KIB) * STEP_KIB;
  const usesPools = vm.facts?.memory.hugepages !== undefined;
  const hasDevices = (vm.facts?.memory.devices?.length ?? 0) > 0 || (vm.facts?.cpu.cells.length ?? 0) > 0;
  const canGrow = !isHostShort && !usesPools && !hasDevices && budget.take(moreKiB);
  const targetKiB = String(Math.floor(roomKiB + moreKiB));
  return {
    kind: 'guest-memory-starved',
    id: `guest-memory-starved:${vm.uuid.slice(0, 8)}`,
    severity: 'bad',
    title: 'the guest needs more memory than the VM has',
    victims: [affected(each)],
    evidence: [...memoryFacts(context), ...guestEvidence([each], context)],
    cause: `its processes need more than ${size(roomKiB)}, all that the VM may have`,
    culprits: [],
    remedies: canGrow
      ? [
          {
            change: `give it ${size(roomKiB + moreKiB)} from its next start on`,
            steps: [
              virshStep(uri, vm, 'setmaxmem', targetKiB, '--config'),
              virshStep(uri, vm, 'setmem', targetKiB, '--config'),
            ],
            cost: `the host has ${size(budget.leftKiB + budget.reserveKiB)} left for all others, ${size(budget.reserveKiB)} of it as reserve`,
            payers: [],
            gain: 'unknown: how much the guest lacks is not measured',
            risk: 'a restart of the VM',
            effect: 'next boot',
          },
        ]
      : [
          {
            change: `find out what uses the memory in the guest${usesPools || hasDevices ? ', or define more memory by hand: huge pages, guest cells and memory devices have to fit' : '; this host has none to give'}`,
            steps: [],
            cost: 'none',
            payers: [],
            gain: 'unknown',
            risk: 'none',
            effect: 'nothing changes',
          },
        ],
    harm: 1,
  };
}

function affected({ vm, currentKiB, roomKiB }: GuestMemory): Affected {
  const swapIn = vm.guest.swapInKiB.median ?? 0;
  return { ...refOf(vm), evidence: `${size(currentKiB)} of ${size(roomKiB)}, swaps in ${size(swapIn)}/s` };
}

function memoryFacts({ budget }: Context) {
  return budget.freeKiB === undefined
    ? []
    : [factOf('memory that the host has free', budget.freeKiB / KIB_PER_GIB, 'GiB')];
}

function guestEvidence([worst]: readonly GuestMemory[], { observation }: Context) {
  if (worst === undefined) return [];
  return medianOf('swap-in of a guest', worst.vm.guest.swapInKiB, {
    unit: 'KiB/s',
    limit: 0,
    over: observation,
  });
}
