/** Demand of one control group on the CPUs of a pool. */
export interface Demand {
  /** CPU seconds per second. */
  readonly demand: number;
  /** Weight of its control group divided by that group's demand: what each CPU second competes with. */
  readonly weight: number;
}

/**
 * All demand on one set of CPUs, and how much of it is served at a given level: a demand d of weight w gets d x min(1,
 * level x w). The level is the inverse of a price of CPU time, equal for all that compete for the same CPUs.
 */
export class Pool {
  /** Heaviest first: these are satisfied first. */
  readonly #weights: readonly number[];
  /** By n: demand of the first n; demand x weight of all others. */
  readonly #served: Float64Array;
  readonly #competing: Float64Array;

  /** Takes demands sorted by descending weight. */
  constructor(heaviestFirst: readonly Demand[]) {
    const count = heaviestFirst.length;
    this.#weights = heaviestFirst.map(({ weight }) => weight);
    this.#served = new Float64Array(count + 1);
    this.#competing = new Float64Array(count + 1);
    heaviestFirst.forEach(({ demand }, n) => {
      this.#served[n + 1] = (this.#served[n] as number) + demand;
    });
    for (let n = count - 1; n >= 0; n--) {
      const { demand, weight } = heaviestFirst[n] as Demand;
      this.#competing[n] = (this.#competing[n + 1] as number) + demand * weight;
    }
  }

  /** How many of its demands are fully served at this level. */
  satisfied(level: number): number {
    let [low, high] = [0, this.#weights.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#weights[middle] as number) * level >= 1) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** CPU seconds per second demanded by the first n. */
  demandOfFirst(n: number): number {
    return this.#served[n] as number;
  }

  /** CPU seconds per second that the others get per unit of level. */
  competingAfter(n: number): number {
    return this.#competing[n] as number;
  }

  get demand(): number {
    return this.#served[this.#weights.length] as number;
  }

  /** CPU seconds per second. */
  servedAt(level: number): number {
    if (level === Number.POSITIVE_INFINITY) return this.demand;
    const n = this.satisfied(level);
    return this.demandOfFirst(n) + level * this.competingAfter(n);
  }
}

/** Tolerance for rounding: demand that exceeds the capacity by less than this fraction still fits. */
const ROUNDING = 1e-6;

/** The level at which these pools together use up `cpus`; infinite if they demand no more than that. */
export function waterLevel(pools: readonly Pool[], cpus: number): number {
  const demand = pools.reduce((sum, pool) => sum + pool.demand, 0);
  if (demand <= cpus * (1 + ROUNDING)) return Number.POSITIVE_INFINITY;
  // Served time is piecewise linear and concave in the level: a tangent never overshoots the level sought.
  for (let level = 0; ; ) {
    let [served, competing] = [0, 0];
    for (const pool of pools) {
      const n = pool.satisfied(level);
      served += pool.demandOfFirst(n);
      competing += pool.competingAfter(n);
    }
    const next = competing <= 0 ? level : (cpus - served) / competing;
    if (!(next > level * (1 + 1e-12))) return level;
    level = next;
  }
}
