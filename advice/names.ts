import type { ObservedVm } from './observation.ts';

const SHOWN = 12;

/** For a sentence; of many VMs the first, and how many more there are. */
export function namesOf(vms: readonly ObservedVm[]): string {
  const shown = vms.slice(0, SHOWN).map(({ name }) => name);
  return vms.length > SHOWN ? `${shown.join(', ')} and ${vms.length - SHOWN} more` : shown.join(', ');
}
