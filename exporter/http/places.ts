/** Limit on requests in flight that are not for a configured host: Prometheus needs a few. */
const REQUESTS_MAX = 40;
/** Limit per host: two Prometheus servers, and people. They share a sample. */
const REQUESTS_PER_HOST_MAX = 8;

/**
 * Slots for requests in flight. Each configured host has separate ones, since requests for a host that does not answer
 * hold theirs for seconds: with shared slots, hosts behind a failed network would block the scrapes of all others.
 */
export class Places {
  readonly #underWay = new Map<string | undefined, number>();

  /**
   * @param host of the configuration; undefined for other requests
   * @returns a function that frees the slot; undefined if all are taken
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
