import { setImmediate } from 'node:timers/promises';

/** Longest stretch of work before keepalives, replies and other scrapers are served. */
const STRETCH_MS = 4;

/** Yields to the event loop within work that is long because there are thousands of VMs. */
export class EventLoop {
  #sinceMs = performance.now();

  /** Whether it is time to yield. */
  get isDue(): boolean {
    return performance.now() - this.#sinceMs >= STRETCH_MS;
  }

  /** Lets everything else that is pending run first. */
  async yield(): Promise<void> {
    await setImmediate();
    this.#sinceMs = performance.now();
  }
}

/** Runs work in pieces, and yields between them when it is time. @returns the result of the work */
export async function inTurns<T>(pieces: Iterator<void, T>): Promise<T> {
  const eventLoop = new EventLoop();
  // What was computed just before may have used up this turn of the loop.
  await eventLoop.yield();
  for (;;) {
    const { done, value } = pieces.next();
    if (done === true) return value;
    if (eventLoop.isDue) await eventLoop.yield();
  }
}

/** The result of `begin` for each item, in order; all are started before the first is awaited. */
export async function mapYielding<T, R>(
  items: readonly T[],
  begin: (item: T) => Promise<R>,
  eventLoop: EventLoop = new EventLoop(),
): Promise<R[]> {
  const begun: Promise<R>[] = [];
  for (const item of items) {
    if (eventLoop.isDue) await eventLoop.yield();
    const result = begin(item);
    // Awaited all together below; until then a rejection must not count as unhandled.
    result.catch(() => undefined);
    begun.push(result);
  }
  return Promise.all(begun);
}

/** The result of `read` for each item, in order, with at most `limit` in flight. */
export async function mapAtMost<T, R>(
  items: readonly T[],
  limit: number,
  read: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const eventLoop = new EventLoop();
  const entries = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of entries) {
      results[index] = await read(item);
      if (eventLoop.isDue) await eventLoop.yield();
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  return results;
}
