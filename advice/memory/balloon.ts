import type { Advice } from '../advice.ts';
import { virshStep } from '../commands.ts';
import type { Context } from '../context.ts';
import { type GuestMemory, isSqueezed, starvedGuests } from './guests.ts';
import { hostMemoryShort, isPressed } from './host-short.ts';
import { affected, guestEvidence, memoryFacts, size } from './parts.ts';
import { hostPressed } from './pressed.ts';
import { guestStarved } from './starved.ts';

/** Guests that lack memory, and a host that does: first the cause, then the remaining symptoms. */
export function memoryAdvice(context: Context): Advice[] {
  const starved = starvedGuests(context);
  const squeezed = starved.filter(isSqueezed);
  const wantedKiB = squeezed.reduce((sum, { currentKiB, roomKiB }) => sum + roomKiB - currentKiB, 0);
  const { budget } = context;
  const pressed = isPressed(context);
  // A host may swap for reasons other than the memory use of its VMs.
  const suffices = (budget.freeKiB ?? 0) >= budget.reserveKiB;
  const fits = suffices && wantedKiB > 0 && budget.take(wantedKiB);
  const isShort = (squeezed.length > 0 && !fits) || (pressed && !suffices);
  return [
    ...(isShort ? [hostMemoryShort(squeezed, wantedKiB, pressed, context)] : []),
    ...(pressed && !isShort ? [hostPressed(context)] : []),
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
    title: `${squeezed.length === 1 ? 'a guest swaps because its balloon is' : `${squeezed.length} guests swap because their balloons are`} inflated, although the host has memory to spare`,
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
        risk: 'a balloon manager may inflate it again: find out who set the balloon',
        effect: 'live',
      },
    ],
    harm: squeezed.length,
  };
}
