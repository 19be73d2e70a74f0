import { CpuSet } from '../../model/cpu-set.ts';
import { WEIGHTS } from './cost.ts';
import { helpersOf } from './helper-seats.ts';
import { type Found, Search, type SearchOptions } from './search.ts';
import type { Floater, PlacementHost, PlacementRequest } from './types.ts';

/** A search in which all found have their seats. */
export interface Settled {
  readonly search: Search;
  readonly proven: boolean;
}

export interface SettleOptions extends SearchOptions {
  /** Nobody stays for its own sake. */
  readonly rebalance: boolean;
}

/** So many that have a place are tried in all combinations of who stays. */
const COMBINED = 6;

/**
 * Seats for all, moving as few of those that have a place as will do: none, then each one, then more. Undefined
 * when there are none; `proven` tells whether all ways were tried.
 */
export function settle(
  host: PlacementHost,
  requests: readonly PlacementRequest[],
  options: SettleOptions,
): Settled | None {
  const placed = options.rebalance ? [] : requests.filter(({ current }) => current !== undefined);
  const fresh = requests.filter((request) => !placed.includes(request));
  const attempt = new Attempt(host, requests, options);
  return placed.length <= COMBINED ? attempt.combined(fresh, placed) : attempt.fewest(fresh, placed);
}

class Attempt {
  readonly #host: PlacementHost;
  readonly #requests: readonly PlacementRequest[];
  readonly #options: SettleOptions;

  constructor(host: PlacementHost, requests: readonly PlacementRequest[], options: SettleOptions) {
    this.#host = host;
    this.#requests = requests;
    this.#options = options;
  }

  /** For as few as will do that move, the best there is, whoever they are; and whosever helpers go elsewhere. */
  combined(fresh: readonly PlacementRequest[], placed: readonly PlacementRequest[]): Settled | None {
    let proven = true;
    for (let size = 0; size <= placed.length; size++) {
      let best: { search: Search; outcome: Found } | undefined;
      for (const { movers, staying, loose, least } of leavers(placed, size)) {
        if (best !== undefined && best.outcome.cost <= least) continue;
        if (this.#options.budget.spent) {
          proven = false;
          break;
        }
        const search = this.#search();
        if (search.keep(staying, new Set(loose)).length > 0) continue;
        const outcome = search.find([...fresh, ...movers]);
        proven &&= outcome.proven;
        if (outcome.kind === 'found' && outcome.cost < (best?.outcome.cost ?? Number.POSITIVE_INFINITY)) {
          best = { search, outcome };
        }
      }
      if (best !== undefined) return settled(best.search, best.outcome, proven);
    }
    return proven ? { search: undefined, proven } : this.#anew();
  }

  /** Of many that have a place: all stay; but for helpers; but for one; as whoever is new leaves room; nobody. */
  fewest(fresh: readonly PlacementRequest[], placed: readonly PlacementRequest[]): Settled | None {
    const search = this.#search();
    const leaving = search.keep(placed);
    const staying = placed.filter((request) => !leaving.includes(request));
    const moving = [...fresh, ...leaving];
    const outcome = search.find(moving);
    if (outcome.kind === 'found') return settled(search, outcome, outcome.proven);
    return (
      this.#helpersMove(moving, staying) ??
      this.#oneMoves(search, moving, staying) ??
      this.#newFirst(moving, staying) ??
      this.#anew()
    );
  }

  #helpersMove(
    moving: readonly PlacementRequest[],
    staying: readonly PlacementRequest[],
  ): Settled | undefined {
    const search = this.#search();
    if (search.keep(staying, new Set(staying.filter(hasHelpers))).length > 0) return undefined;
    const outcome = search.find(moving);
    return outcome.kind === 'found' ? settled(search, outcome, false) : undefined;
  }

  #oneMoves(
    search: Search,
    moving: readonly PlacementRequest[],
    staying: readonly PlacementRequest[],
  ): Settled | undefined {
    let best: { mover: PlacementRequest; cost: number } | undefined;
    for (const mover of staying) {
      if (this.#options.budget.spent) break;
      search.release(mover);
      const outcome = search.find([...moving, mover], { quick: true });
      search.keep([mover]);
      if (outcome.kind === 'found' && outcome.cost < (best?.cost ?? Number.POSITIVE_INFINITY)) {
        best = { mover, cost: outcome.cost };
      }
    }
    if (best === undefined) return undefined;
    search.release(best.mover);
    const outcome = search.find([...moving, best.mover]);
    return outcome.kind === 'found' ? settled(search, outcome, false) : undefined;
  }

  /** Those that move choose first, off the cores of those that stay if they can; who is in the way moves too. */
  #newFirst(moving: readonly PlacementRequest[], staying: readonly PlacementRequest[]): Settled | undefined {
    const search = new Search(crowded(this.#host, staying), this.#requests, this.#options);
    const first = search.find(moving);
    if (first.kind === 'none') return undefined;
    search.hold(first);
    const outcome = search.find(search.keep(staying));
    return outcome.kind === 'found' ? settled(search, outcome, false) : undefined;
  }

  #anew(): Settled | None {
    const search = this.#search();
    const outcome = search.find(this.#requests);
    if (outcome.kind === 'found') return settled(search, outcome, false);
    return { search: undefined, proven: outcome.proven };
  }

  #search(): Search {
    return new Search(this.#host, this.#requests, this.#options);
  }
}

/** The host as if these VMs only shared the CPUs that they have: others may have them, and would rather not. */
function crowded(host: PlacementHost, staying: readonly PlacementRequest[]): PlacementHost {
  const floaters = staying.flatMap(({ guest, current }): Floater[] =>
    current?.kind === 'dedicated'
      ? [{ guest, cpus: CpuSet.of(current.vcpus.flatMap((cpus) => [...cpus])), narrow: true }]
      : [],
  );
  return { ...host, floaters: [...host.floaters, ...floaters] };
}

const hasHelpers = (request: PlacementRequest): boolean =>
  request.kind === 'dedicated' && helpersOf(request) > 0;

interface None {
  readonly search: undefined;
  readonly proven: boolean;
}

function settled(search: Search, outcome: Found, proven: boolean): Settled {
  search.hold(outcome);
  return { search, proven };
}

interface Leavers {
  readonly movers: readonly PlacementRequest[];
  readonly staying: readonly PlacementRequest[];
  /** Those that stay, whose helpers may go. */
  readonly loose: readonly PlacementRequest[];
  /** What their leaving costs. */
  readonly least: number;
}

/** All choices of so many that move; with each, first nobody's helpers go elsewhere, then one VM's, then more. */
function* leavers(placed: readonly PlacementRequest[], size: number): Generator<Leavers> {
  for (const movers of combinations(placed, size)) {
    const staying = placed.filter((request) => !movers.includes(request));
    const withHelpers = staying.filter(hasHelpers);
    for (let count = 0; count <= withHelpers.length; count++) {
      const least = size * WEIGHTS.moved + count * WEIGHTS.helpersMoved;
      for (const loose of combinations(withHelpers, count)) yield { movers, staying, loose, least };
    }
  }
}

/** All choices of so many, in the order of the items. */
export function* combinations<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  if (size === 0) yield [];
  else {
    for (const [at, item] of items.entries()) {
      for (const rest of combinations(items.slice(at + 1), size - 1)) yield [item, ...rest];
    }
  }
}
