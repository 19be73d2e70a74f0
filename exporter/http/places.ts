/** Requests in flight that are for no configured host: Prometheus needs a few. */
const REQUESTS_MAX = 40;
/** Requests in flight for one host: two Prometheus servers, and people. They share a sample. */
const REQUESTS_PER_HOST_MAX = 8;

/**
 * Places for requests in flight. Each configured host has its own, since those of a host that does not answer are taken for
 * seconds: with common places, hosts behind a network that is away would keep the scrapes of all others from being answered.
 */
export class Places {
  readonly #underWay = new Map<string | undefined, number>();

  /**
   * @param host of the configuration; undefined for a request that is for none
   * @returns leaves the place; undefined where all are taken
   */
  take(host: string | undefined): (() => void) | undefined {
    const taken = this.#underWay.get(host) ?? 0;
    if (taken >= maxOf(host)) return undefined;
    this.#underWay.set(host, taken + 1);
    return () => {
      const left = (this.#underWay.get(host) ?? 1) - 1;
      if (left > 0) this.#underWay.set(host, left);
      else this.#underWay.delete(host);
    };
  }
}

export function maxOf(host: string | undefined): number {
  return host === undefined ? REQUESTS_MAX : REQUESTS_PER_HOST_MAX;
}
