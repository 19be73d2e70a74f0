import { randomInt } from 'node:crypto';

export interface FairQueueLimits {
  /** Items of one client. */
  readonly perClient: number;
  /** Items of all clients. */
  readonly total: number;
}

/**
 * A bounded queue that takes turns between clients: every second turn goes to the client that has waited longest, the
 * others to a random item of a random client. With few clients each is served soon; with so many that the longest wait
 * exceeds a client's timeout, each still gets its share of chances. When the queue is full, a random item of one of the
 * clients with the most items is evicted, so a flood evicts itself first.
 */
export class FairQueue<T> {
  readonly #limits: FairQueueLimits;
  readonly #pick: (below: number) => number;
  /** In the order in which clients are served next. */
  readonly #clients = new Map<string, T[]>();
  #size = 0;
  #isRandomTurn = false;

  /** @param pick a random integer from 0 up to but excluding its argument */
  constructor(limits: FairQueueLimits, pick: (below: number) => number = randomInt) {
    this.#limits = limits;
    this.#pick = pick;
  }

  /** Returns the evicted item, which may be this one; undefined if there was room. */
  add(client: string, item: T): T | undefined {
    const items = this.#clients.get(client) ?? [];
    items.push(item);
    this.#clients.set(client, items);
    this.#size++;
    if (items.length > this.#limits.perClient) return this.#evict(client, items);
    if (this.#size <= this.#limits.total) return undefined;
    const longest = Math.max(...[...this.#clients.values()].map(({ length }) => length));
    const floods = [...this.#clients].filter((each) => each[1].length === longest);
    return this.#evict(...(floods[this.#pick(floods.length)] as [string, T[]]));
  }

  /** Whether adding an item of this client would evict one. */
  isFullFor(client: string): boolean {
    return (
      this.#size >= this.#limits.total || (this.#clients.get(client)?.length ?? 0) >= this.#limits.perClient
    );
  }

  /** Removes and returns items whose client no longer waits. */
  discard(isStale: (item: T) => boolean): T[] {
    const stale: T[] = [];
    for (const [client, items] of [...this.#clients]) {
      const alive = items.filter((item) => !isStale(item) || stale.push(item) === 0);
      if (alive.length === 0) this.#clients.delete(client);
      else this.#clients.set(client, alive);
    }
    this.#size -= stale.length;
    return stale;
  }

  /** The next item; its client moves to the end of the line. */
  take(): T | undefined {
    if (this.#size === 0) return undefined;
    const turn = this.#isRandomTurn ? this.#pick(this.#clients.size) : 0;
    const [client, items] = [...this.#clients][turn] as [string, T[]];
    const [item] = items.splice(this.#isRandomTurn ? this.#pick(items.length) : 0, 1);
    this.#isRandomTurn = !this.#isRandomTurn;
    this.#clients.delete(client);
    if (items.length > 0) this.#clients.set(client, items);
    this.#size--;
    return item;
  }

  #evict(client: string, items: T[]): T | undefined {
    const [evicted] = items.splice(this.#pick(items.length), 1);
    if (items.length === 0) this.#clients.delete(client);
    this.#size--;
    return evicted;
  }
}

/**
 * What counts as one client: an IPv4 address, an IPv6 /64 (usually one customer), or everything over a Unix socket,
 * where the address is undefined.
 */
export function clientOf(address: string | undefined): string {
  if (address === undefined) return 'local';
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (!plain.includes(':')) return plain;
  const [before = '', after] = plain.split('::', 2);
  const head = before === '' ? [] : before.split(':');
  const tail = after === undefined || after === '' ? [] : after.split(':');
  const zeros = after === undefined ? 0 : Math.max(0, 8 - head.length - tail.length);
  const groups = [...head, ...Array<string>(zeros).fill('0'), ...tail];
  return `${groups.slice(0, 4).join(':')}::/64`;
}
