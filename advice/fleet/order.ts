import type { Constraints } from './constraints.ts';
import type { Placement } from './placement.ts';
import type { Step } from './relief.ts';
import { shortageFor } from './strain.ts';

/**
 * Reorders moves so that every target stays within the limits after each. Moves are found host by host, and some are
 * replaced later, so a move may use room that is only made by a move listed after it.
 * @param placement before the moves; updated by them
 * @returns in the given order where possible; moves that fit in no order are dropped, also from the placement
 */
export function inOrder(
  steps: readonly Step[],
  placement: Placement,
  constraints: Constraints,
): readonly Step[] {
  const ordered: Step[] = [];
  let left = steps;
  for (;;) {
    const blocked: Step[] = [];
    for (const step of left) (tryMove(step, placement, constraints) ? ordered : blocked).push(step);
    if (blocked.length === 0 || blocked.length === left.length) return ordered;
    left = blocked;
  }
}

/** Moves the VM if it is there and its target stays within the limits. */
function tryMove(step: Step, placement: Placement, constraints: Constraints): boolean {
  const placed = placement.at(step.from).vms.find(({ vm }) => vm === step.placed.vm);
  if (placed === undefined) return false;
  placement.move(placed, step.to);
  const { host, need } = placement.at(step.to);
  const fits =
    shortageFor(host, need, constraints.limits) === undefined &&
    placed.apart.every((key) => placement.membersOn(key, step.to) === 1);
  if (!fits) placement.move(placed, step.from);
  return fits;
}
