import type { Constraints } from './constraints.ts';
import type { Fleet } from './fleet.ts';
import { inOrder } from './order.ts';
import { Placement } from './placement.ts';
import type { Step } from './relief.ts';

/**
 * The same moves, with a VM that moves twice moved once, to its final host: in place of its first or of its last move,
 * if there is an order in which all targets still stay within the limits.
 */
export function withoutRepeatedMoves(
  steps: readonly Step[],
  fleet: Fleet,
  constraints: Constraints,
): readonly Step[] {
  let list = steps;
  for (;;) {
    const twice = list.find(
      ({ placed }, index) => list.findIndex((other) => other.placed === placed) < index,
    );
    if (twice === undefined) return list;
    const shorter = alternatives(list, twice)
      .map((each) => ({ each, ordered: inOrder(each, new Placement(fleet, constraints), constraints) }))
      .find(({ each, ordered }) => ordered.length === each.length);
    if (shorter === undefined) return list;
    list = shorter.ordered;
  }
}

function alternatives(list: readonly Step[], { placed }: Step): Step[][] {
  const own = list.filter((step) => step.placed === placed);
  const [first, second] = own as [Step, Step];
  if (first.from === second.to) return [list.filter((step) => step !== first && step !== second)];
  return [
    list.flatMap((step) => (step === first ? [{ ...first, to: second.to }] : step === second ? [] : [step])),
    list.flatMap((step) =>
      step === second ? [{ ...second, from: first.from, why: first.why }] : step === first ? [] : [step],
    ),
  ];
}
