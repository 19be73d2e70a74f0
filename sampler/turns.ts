import { setImmediate } from 'node:timers/promises';

/** Work on end, before others have their turn of the event loop: keepalives, replies, other scrapers. */
const TURN_MS = 4;

/** Gives the event loop its turn within work that is long because there are thousands of VMs. */
export class Turns {
  #beganMs = performance.now();

  /** Goes on at once while the turn is young; else after everything else that waits. */
  async pass(): Promise<void> {
    if (performance.now() - this.#beganMs >= TURN_MS) await this.next();
  }

  /** After everything else that waits. */
  async next(): Promise<void> {
    await setImmediate();
    this.#beganMs = performance.now();
  }
}

/** What `begin` gives for each item, in their order; all are begun before the first is waited for. */
export async function mapInTurns<T, R>(
  items: readonly T[],
  begin: (item: T) => Promise<R>,
  turns: Turns = new Turns(),
): Promise<R[]> {
  const begun: Promise<R>[] = [];
  for (const item of items) {
    await turns.pass();
    const result = begin(item);
    // Whoever waits below hears of it; until then it is nobody's unhandled rejection.
    result.catch(() => undefined);
    begun.push(result);
  }
  return Promise.all(begun);
}

/** What `read` gives for each item, in their order, `limit` of them under way at once. */
export async function mapAtMost<T, R>(
  items: readonly T[],
  limit: number,
  read: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const turns = new Turns();
  const entries = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of entries) {
      results[index] = await read(item);
      await turns.pass();
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  return results;
}
