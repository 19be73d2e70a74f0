import type { VmCandidate } from './candidate.ts';
import type { HostState } from './state.ts';

/* Shared by the placement searches: a bound on their steps, their width, and choices of items. */

/** Steps left to a search, about one per candidate: bounds the work, with the same result on any machine. */
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

  /** Sets steps aside for one part of the search; `take` returns those left over. */
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

/** How widely to search. */
export interface SearchWidth {
  readonly exhaustive: boolean;
  /** Options tried for the first, second, ... guest cell; the last number applies to all further ones. */
  readonly cells: readonly number[];
  /** Candidates to collect. */
  readonly candidates: number;
  /** Cores tried for each helper. */
  readonly helperCores: number;
}

/** The few candidates worth trying on a large host. */
export const LIKELY: SearchWidth = { exhaustive: false, cells: [8, 2, 1], candidates: 8, helperCores: 1 };
/** All candidates, with a cap on very large numbers. */
export const ALL: SearchWidth = { exhaustive: true, cells: [512], candidates: 512, helperCores: 8 };

/** Cost of a VM leaving its present place for this candidate. */
export type CandidateMoveCost = (candidate: VmCandidate) => number;

/** Context of the search for candidates. Functions that take it leave `state` unchanged. */
export interface SearchContext {
  readonly state: HostState;
  readonly budget: Budget;
  readonly moveCost: CandidateMoveCost;
}

/** All combinations of `size` items, in the order of the items. */
export function* combinations<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  if (size === 0) yield [];
  else {
    for (const [at, item] of items.entries()) {
      for (const rest of combinations(items.slice(at + 1), size - 1)) yield [item, ...rest];
    }
  }
}
