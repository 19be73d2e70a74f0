import type { Remedy } from '../advice.ts';
import { isDatabase } from '../behaviour.ts';
import { refOf } from '../commands.ts';
import type { Context } from '../context.ts';
import { canMigrate, MIGRATION_RISK } from '../host-ties.ts';
import { namesOf } from '../names.ts';
import { type GuestMemory, guestMemory } from './guests.ts';
import { size } from './parts.ts';
import { residentKiB } from './resident.ts';

/**
 * The fewest VMs whose memory suffices. A VM's huge pages return to their pool and do not help others.
 * @param shortKiB what the host lacks
 */
export function moveAway(shortKiB: number, squeezed: readonly GuestMemory[], { running }: Context): Remedy[] {
  const wanting = new Set(squeezed.map(({ vm }) => vm));
  const movable = running
    .filter((vm) => vm.facts?.memory.hugepages === undefined && !isDatabase(vm) && canMigrate(vm))
    .flatMap((vm) => {
      const memory = guestMemory(vm);
      const resident = memory && residentKiB(memory);
      if (memory === undefined || resident === undefined) return [];
      // Moving it frees what it holds, and removes its own demand for more.
      return { vm, kib: resident + (wanting.has(vm) ? memory.roomKiB - memory.currentKiB : 0) };
    })
    .toSorted((a, b) => b.kib - a.kib);
  const leaving: typeof movable = [];
  let missingKiB = shortKiB;
  for (const each of movable) {
    if (missingKiB <= 0) break;
    leaving.push(each);
    missingKiB -= each.kib;
  }
  if (leaving.length === 0 || missingKiB > 0) return [];
  return [
    {
      change: `move ${namesOf(leaving.map(({ vm }) => vm))} to another host, which makes up for ${size(shortKiB - missingKiB)}`,
      steps: [],
      cost: 'none on this host; each VM is paused for a moment at the end of its migration',
      payers: leaving.map(({ vm }) => refOf(vm)),
      gain: 'the other guests can have the memory that they need',
      risk: `${MIGRATION_RISK}; choose a host with memory to spare`,
      effect: 'live',
    },
  ];
}
