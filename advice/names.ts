import type { ObservedVm } from './observation.ts';

const SHOWN = 12;

/** For a sentence: all names, or the first of many and the number of the rest. */
export function namesOf(vms: readonly ObservedVm[]): string {
  const shown = vms.slice(0, SHOWN).map(({ name }) => name);
  return vms.length > SHOWN ? `${shown.join(', ')} and ${vms.length - SHOWN} more` : shown.join(', ');
}
