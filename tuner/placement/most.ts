import { Budget } from './budget.ts';
import { hardestFirst } from './order.ts';
import { Search } from './search.ts';
import type { MoveCost } from './seats.ts';
import { combinations, settle } from './settle.ts';
import type { PlacementHost, PlacementRequest } from './types.ts';

/** All VMs of which as many as can be have their seats. */
export interface Most {
  readonly search: Search;
  /** Those that have none. */
  readonly refused: readonly PlacementRequest[];
  /** All ways were tried: no more could be seated, and not at less cost. */
  readonly proven: boolean;
}

export interface MostOptions {
  readonly rebalance: boolean;
  readonly moveCost: MoveCost;
}

/** Steps after which the best so far will do: about a second's work on a large host. */
const STEPS = 300_000;
/** Of so many VMs, the fewest that have to be refused are sought in all combinations. */
const COMBINED = 10;

/** Seats all VMs, or else all but as few as possible. */
export function settleMost(
  host: PlacementHost,
  requests: readonly PlacementRequest[],
  options: MostOptions,
): Most {
  const all = settle(host, requests, { ...options, budget: new Budget(STEPS) });
  if (all.search !== undefined) return { ...all, refused: [] };
  const few = requests.length <= COMBINED ? refuseFewest(host, requests, options) : undefined;
  if (few !== undefined) return few;
  const asAsked = refuseLast(host, requests, options);
  const hardness = hardestFirst(() => false);
  const easiest = refuseLast(
    host,
    requests.toSorted((a, b) => hardness(b, a)),
    options,
  );
  return easiest.refused.length < asAsked.refused.length ? easiest : asAsked;
}

/**
 * Of a few VMs, all choices of whom to refuse: those without a place before those with one, the last asked for
 * first. Those that have no room even alone are among them in any case. Undefined when that takes too long.
 */
function refuseFewest(
  host: PlacementHost,
  requests: readonly PlacementRequest[],
  given: MostOptions,
): Most | undefined {
  const options = { ...given, budget: new Budget(STEPS) };
  const hopeless = requests.filter((request) => !new Search(host, [request], options).fits(request));
  const others = requests.filter((request) => !hopeless.includes(request)).reverse();
  const dispensable = [
    ...others.filter(({ current }) => current === undefined),
    ...others.filter(({ current }) => current !== undefined),
  ];
  let proven = true;
  for (let size = hopeless.length > 0 ? 0 : 1; size <= dispensable.length; size++) {
    for (const more of combinations(dispensable, size)) {
      if (options.budget.spent) return undefined;
      const refused = requests.filter((request) => hopeless.includes(request) || more.includes(request));
      const seated = requests.filter((request) => !refused.includes(request));
      const settled = settle(host, seated, options);
      proven &&= settled.proven;
      if (settled.search !== undefined) return { search: settled.search, refused, proven };
    }
  }
  return undefined;
}

/** Of many: those that have a place come first, then all in this order, as far as there is room. */
function refuseLast(host: PlacementHost, requests: readonly PlacementRequest[], options: MostOptions): Most {
  const search = new Search(host, requests, { ...options, budget: new Budget(STEPS) });
  const placed = options.rebalance ? [] : requests.filter(({ current }) => current !== undefined);
  const leaving = search.keep(placed);
  const helpers = search.find([], { quick: true });
  if (helpers.kind === 'found') search.hold(helpers);
  const unplaced = requests.filter((request) => !placed.includes(request));
  const waiting = [...leaving, ...search.releaseLoose(), ...unplaced];
  const refused = waiting.filter((request) => {
    const outcome = search.find([request], { quick: true });
    if (outcome.kind === 'found') search.hold(outcome);
    return outcome.kind === 'none';
  });
  return { search, refused, proven: false };
}
