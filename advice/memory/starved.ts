import type { Advice } from '../advice.ts';
import { virshStep } from '../commands.ts';
import type { Context } from '../context.ts';
import { findOut } from '../no-change.ts';
import { isTransient, TRANSIENT } from '../transient.ts';
import type { GuestMemory } from './guests.ts';
import { affected, guestEvidence, memoryFacts, STEP_KIB, size } from './parts.ts';

/** Proposed growth of a guest that is starved at its maximum. */
const GROWTH = 0.25;
/** A guest that already has all memory that its VM may have, and needs more. */
export function guestStarved(each: GuestMemory, isHostShort: boolean, context: Context): Advice {
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
            change: `give it ${size(roomKiB + moreKiB)} from its next start on${isTransient(vm) ? TRANSIENT : ''}`,
            steps: isTransient(vm)
              ? []
              : [
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
          findOut(
            `find out what uses the memory in the guest${usesPools || hasDevices ? ', or define more memory by hand: huge pages, guest cells and memory devices have to fit' : '; this host has none to give'}`,
          ),
        ],
    harm: 1,
  };
}
