/** Interchangeable CPUs: every CPU set contains all of them or none. */
export interface Site {
  readonly cpus: number;
}

/** Load that may run on some of the sites. */
export interface Load {
  /** CPU seconds per second. */
  readonly amount: number;
  /** Indexes of sites. */
  readonly sites: readonly number[];
}

/** Loads that demand more than all the sites they may use, and those sites. */
export interface Shortage {
  readonly loads: ReadonlySet<number>;
  readonly sites: ReadonlySet<number>;
}

/** CPU seconds per second below which a load is ignored. */
const NEGLIGIBLE = 1e-6;

/**
 * Spreads loads over the sites that they may use, like a load balancer without migration cost. Undefined if everything
 * fits; else the loads that do not fit, and all sites that they may use. Maximum flow by Dinic's algorithm ("Algorithm
 * for solution of a problem of maximum flow in networks with power estimation", 1970), and its minimum cut.
 */
export function shortageOf(loads: readonly Load[], sites: readonly Site[]): Shortage | undefined {
  return new Routing(loads, sites).shortage();
}

class Routing {
  readonly #loads: readonly Load[];
  /** Amount of each load not placed yet, and free capacity of each site. */
  readonly #unplaced: Float64Array;
  readonly #free: Float64Array;
  /** By load, then by index in its sites. */
  readonly #flows: readonly Float64Array[];
  /** By site: the loads that may use it, and the site's index in each load's list. */
  readonly #users: readonly (readonly [load: number, at: number])[][];
  /** Distance from a load with an unplaced amount; -1: unreachable. */
  readonly #loadSteps: Int32Array;
  readonly #siteSteps: Int32Array;
  /** Next edge to try; dead ends are not retried within a round. */
  readonly #nextSite: Int32Array;
  readonly #nextUser: Int32Array;

  constructor(loads: readonly Load[], sites: readonly Site[]) {
    this.#loads = loads;
    this.#unplaced = Float64Array.from(loads, ({ amount }) => amount);
    this.#free = Float64Array.from(sites, ({ cpus }) => cpus);
    this.#flows = loads.map((load) => new Float64Array(load.sites.length));
    const users = sites.map((): [number, number][] => []);
    loads.forEach((load, index) => {
      load.sites.forEach((site, at) => {
        users[site]?.push([index, at]);
      });
    });
    this.#users = users;
    this.#loadSteps = new Int32Array(loads.length);
    this.#siteSteps = new Int32Array(sites.length);
    this.#nextSite = new Int32Array(loads.length);
    this.#nextUser = new Int32Array(sites.length);
  }

  shortage(): Shortage | undefined {
    this.#placeNarrowestFirst();
    while (this.#unplaced.some((amount) => amount > NEGLIGIBLE)) {
      if (!this.#measure()) return this.#reached();
      this.#nextSite.fill(0);
      this.#nextUser.fill(0);
      this.#unplaced.forEach((_, load) => {
        for (let amount = this.#unplaced[load] as number; amount > NEGLIGIBLE; ) {
          const placed = this.#place(load, amount);
          if (placed <= 0) break;
          amount -= placed;
          this.#unplaced[load] = amount;
        }
      });
    }
    return undefined;
  }

  /** Usually enough on its own: pinned load goes where it must, the rest fills what is left. */
  #placeNarrowestFirst(): void {
    const order = this.#loads.map((_, index) => index);
    order.sort((a, b) => this.#widthOf(a) - this.#widthOf(b));
    for (const index of order) {
      const { amount, sites } = this.#loads[index] as Load;
      const flows = this.#flows[index] as Float64Array;
      const free = sites.reduce((sum, site) => sum + (this.#free[site] as number), 0);
      const part = free <= 0 ? 0 : Math.min(1, amount / free);
      sites.forEach((site, at) => {
        const placed = part * (this.#free[site] as number);
        flows[at] = placed;
        this.#free[site] = (this.#free[site] as number) - placed;
      });
      this.#unplaced[index] = Math.max(0, amount - part * free);
    }
  }

  #widthOf(load: number): number {
    return this.#loads[load]?.sites.length ?? 0;
  }

  /** Breadth-first distances from loads with an unplaced amount; false if no free site can be reached. */
  #measure(): boolean {
    this.#loadSteps.fill(-1);
    this.#siteSteps.fill(-1);
    let frontier = [...this.#unplaced.keys()].filter((load) => (this.#unplaced[load] as number) > NEGLIGIBLE);
    for (const load of frontier) this.#loadSteps[load] = 0;
    let found = false;
    for (let steps = 1; frontier.length > 0 && !found; steps += 2) {
      const next: number[] = [];
      for (const load of frontier) {
        for (const site of this.#loads[load]?.sites ?? []) {
          if (this.#siteSteps[site] !== -1) continue;
          this.#siteSteps[site] = steps;
          if ((this.#free[site] as number) > NEGLIGIBLE) found = true;
          for (const [user, at] of this.#users[site] ?? []) {
            if (this.#loadSteps[user] !== -1 || (this.#flows[user]?.[at] ?? 0) <= NEGLIGIBLE) continue;
            this.#loadSteps[user] = steps + 1;
            next.push(user);
          }
        }
      }
      frontier = next;
    }
    return found;
  }

  /** Places up to `amount` of a load, moving other loads on if necessary; returns how much was placed. */
  #place(load: number, amount: number): number {
    const sites = this.#loads[load]?.sites ?? [];
    const flows = this.#flows[load] as Float64Array;
    for (let at = this.#nextSite[load] as number; at < sites.length; at++) {
      this.#nextSite[load] = at;
      const site = sites[at] as number;
      if (this.#siteSteps[site] !== (this.#loadSteps[load] as number) + 1) continue;
      const placed = this.#makeRoom(site, amount);
      if (placed > 0) {
        flows[at] = (flows[at] as number) + placed;
        return placed;
      }
    }
    this.#nextSite[load] = sites.length;
    return 0;
  }

  /** Takes up to `amount` of a site: what is free, or what one of its users can place elsewhere. */
  #makeRoom(site: number, amount: number): number {
    const free = this.#free[site] as number;
    if (free > NEGLIGIBLE) {
      const taken = Math.min(free, amount);
      this.#free[site] = free - taken;
      return taken;
    }
    const users = this.#users[site] ?? [];
    for (let next = this.#nextUser[site] as number; next < users.length; next++) {
      this.#nextUser[site] = next;
      const [user, at] = users[next] as readonly [number, number];
      const flows = this.#flows[user] as Float64Array;
      if (this.#loadSteps[user] !== (this.#siteSteps[site] as number) + 1) continue;
      if ((flows[at] as number) <= NEGLIGIBLE) continue;
      const moved = this.#place(user, Math.min(amount, flows[at] as number));
      if (moved > 0) {
        flows[at] = (flows[at] as number) - moved;
        return moved;
      }
    }
    this.#nextUser[site] = users.length;
    return 0;
  }

  #reached(): Shortage {
    const indexes = (steps: Int32Array): ReadonlySet<number> =>
      new Set([...steps.keys()].filter((index) => steps[index] !== -1));
    return { loads: indexes(this.#loadSteps), sites: indexes(this.#siteSteps) };
  }
}
