import type { Advice, Evidence } from '../advice.ts';
import { refOf } from '../commands.ts';
import type { Context } from '../context.ts';
import { isLasting, medianOf } from '../evidence.ts';
import { type GuestMemory, guestMemory } from './guests.ts';
import { moveAway } from './move-away.ts';
import { affected, guestEvidence, memoryFacts, STEP_KIB, size } from './parts.ts';
import { reclaim } from './reclaim.ts';
import { residentKiB } from './resident.ts';

/** Share of time in which tasks of the host wait for memory. */
const PRESSURE = 0.1;
/** Pages per second. */
const SWAP_IN = 100;

/** Whether the host itself lacks memory: its tasks wait for memory, or for pages that it reads from swap. */
export function isPressed(context: Context): boolean {
  return waitsForMemory(context) || isSwapping(context);
}

export function waitsForMemory({ observation: { host }, minSamples }: Context): boolean {
  return isLasting(host.memoryPressure, PRESSURE, minSamples);
}

const isSwapping = ({ observation: { host }, minSamples }: Context): boolean =>
  isLasting(host.swapHurts, 0, minSamples);

export function pressureEvidence(context: Context): Evidence[] {
  const { observation } = context;
  const { memoryPressure, ioPressure, swapInPages } = observation.host;
  const over = observation;
  return [
    ...medianOf('memory pressure (some)', memoryPressure, { unit: '%', scale: 100, limit: PRESSURE, over }),
    ...(isSwapping(context)
      ? medianOf('I/O pressure (some)', ioPressure, { unit: '%', scale: 100, over })
      : []),
    ...medianOf('swap-in of the host', swapInPages, { unit: 'pages/s', limit: SWAP_IN, over }),
  ];
}

/** Guests that swap on a host that cannot help them, or a host that swaps: one cause, however many suffer. */
export function hostMemoryShort(
  squeezed: readonly GuestMemory[],
  wantedKiB: number,
  pressed: boolean,
  context: Context,
): Advice {
  const { budget, running } = context;
  const shortKiB =
    Math.max(wantedKiB, 0) + Math.max(0, budget.reserveKiB - (budget.freeKiB ?? budget.reserveKiB));
  const missing =
    shortKiB >= STEP_KIB
      ? `; ${size(shortKiB)} are missing`
      : budget.freeKiB === undefined
        ? '; what it has free is not known'
        : '';
  // Huge pages are reserved whether guests use them or not, so they are not what is short.
  const holders = running
    .filter((vm) => vm.facts?.memory.hugepages === undefined)
    .flatMap((vm) => guestMemory(vm) ?? [])
    .map((each) => ({ vm: each.vm, ...holding(each) }))
    .toSorted((a, b) => b.kib - a.kib)
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
      ...(pressed ? pressureEvidence(context) : []),
      ...guestEvidence(squeezed, context),
    ],
    cause: `VMs may use more memory than the host has${missing}`,
    culprits: holders.map(({ vm, text }) => ({ ...refOf(vm), evidence: text })),
    remedies: [...reclaim(shortKiB, squeezed, context), ...moveAway(shortKiB, squeezed, context)],
    harm: Math.max(1, squeezed.length),
  };
}

/** Memory that a VM takes from the others: its resident part, whatever its balloon allows. */
function holding(each: GuestMemory): { readonly kib: number; readonly text: string } {
  const kib = residentKiB(each);
  return kib === undefined
    ? { kib: each.currentKiB, text: `may use ${size(each.currentKiB)}` }
    : { kib, text: `holds ${size(kib)}` };
}
