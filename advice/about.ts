import type { Advice, VmRef } from './advice.ts';

/** Whether advice concerns a VM: as a victim, as a culprit, or because a remedy changes it. */
export function isAbout(advice: Advice, matches: (vm: VmRef) => boolean): boolean {
  return (
    advice.victims.some(matches) ||
    advice.culprits.some(matches) ||
    advice.remedies.some(
      ({ steps, payers }) => payers.some(matches) || steps.some(({ vm }) => vm !== undefined && matches(vm)),
    )
  );
}
