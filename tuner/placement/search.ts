import type { VmCandidate } from './candidate.ts';
import type { HostState } from './state.ts';

/* What searches of placements share: a bound on their steps, their width, and choices of items. */

/** Steps that a search may still take, about one a candidate: bounded work, and the same result on any machine. */
export class Budget {
  #left: number;

  constructor(steps: number) {
    this.#left = steps;
  }

  get spent(): boolean {
    return this.#left <= 0;
  }

  spend(steps: number): void {
    this.#left -= steps;
  }

  /** Moves steps to a budget for one part of the search; `take` moves back what that part leaves. */
  lend(steps: number): Budget {
    const part = new Budget(Math.min(steps, Math.max(0, this.#left)));
    this.#left -= part.#left;
    return part;
  }

  take(part: Budget): void {
    this.#left += part.#left;
    part.#left = 0;
  }
}

/** How many candidates to look at. */
export interface SearchWidth {
  readonly exhaustive: boolean;
  /** Options tried for the first, second, ... guest cell; the last number holds for the rest. */
  readonly cells: readonly number[];
  /** Candidates listed. */
  readonly candidates: number;
  /** Cores tried for each helper. */
  readonly helperCores: number;
}

/** The few that are worth a try on a large host. */
export const LIKELY: SearchWidth = { exhaustive: false, cells: [8, 2, 1], candidates: 8, helperCores: 1 };
/** All, unless there are very many. */
export const ALL: SearchWidth = { exhaustive: true, cells: [512], candidates: 512, helperCores: 8 };

/** What leaving its present place would cost a VM. */
export type CandidateMoveCost = (candidate: VmCandidate) => number;

/** What candidates are found with. Functions that take it leave `state` as it was. */
export interface SearchContext {
  readonly state: HostState;
  readonly budget: Budget;
  readonly moveCost: CandidateMoveCost;
}

/** All choices of `size` items, in the order of the items. */
export function* combinations<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  if (size === 0) yield [];
  else {
    for (const [at, item] of items.entries()) {
      for (const rest of combinations(items.slice(at + 1), size - 1)) yield [item, ...rest];
    }
  }
}
