import type { Advice, VmRef } from './advice.ts';

/** Whether advice has to do with a VM: it hurts it, it is caused by it, or a change is made to it. */
export function isAbout(advice: Advice, matches: (vm: VmRef) => boolean): boolean {
  return (
    advice.victims.some(matches) ||
    advice.culprits.some(matches) ||
    advice.remedies.some(
      ({ steps, payers }) => payers.some(matches) || steps.some(({ vm }) => vm !== undefined && matches(vm)),
    )
  );
}
