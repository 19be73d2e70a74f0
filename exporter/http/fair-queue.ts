import { randomInt } from 'node:crypto';

export interface FairQueueLimits {
  /** Items of one client. */
  readonly perClient: number;
  /** Items of all clients. */
  readonly total: number;
}

/**
 * A bounded queue that serves clients by turns: every second turn is that of the client that has waited longest, the
 * others go to a random item of a random client. With few clients each is served soon; with so many that the longest
 * wait is more than a client's timeout, each still has its share of chances. When the queue is full, a random item of
 * a client that has most in it makes room, so a flood displaces itself first.
 */
export class FairQueue<T> {
  readonly #limits: FairQueueLimits;
  readonly #pick: (below: number) => number;
  /** In the order in which clients are served next. */
  readonly #clients = new Map<string, T[]>();
  #size = 0;
  #isRandomTurn = false;

  /** @param pick a random whole number from 0, less than the one given */
  constructor(limits: FairQueueLimits, pick: (below: number) => number = randomInt) {
    this.#limits = limits;
    this.#pick = pick;
  }

  /** Returns the item that had to make room, which can be this one; undefined when there was room. */
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

  /** Whether an item of this client would displace another. */
  isFullFor(client: string): boolean {
    return (
      this.#size >= this.#limits.total || (this.#clients.get(client)?.length ?? 0) >= this.#limits.perClient
    );
  }

  /** Takes out, and returns, the items that nobody waits for any more. */
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

  /** The next item; its client is then last in turn. */
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
 * What counts as one client: an IPv4 address, an IPv6 /64 (one customer has all of it), or all that come over a Unix
 * socket, whose address is undefined.
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
