import type { Constraints } from './constraints.ts';
import type { Placement } from './placement.ts';
import type { Step } from './relief.ts';
import { shortageFor } from './strain.ts';

/**
 * The same moves in an order in which every target stays within the limits after each. Moves are found one host after another, and
 * some are replaced later, so that one may use room that a move listed after it makes.
 * @param placement before the moves; made afterwards
 * @returns in the given order where that is possible; what fits in no order is left out, and out of the placement
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
