import { expect, test, vi } from 'vitest';
import {
  type DrainFailure,
  type Filled,
  QueueDrain,
  type Shipped,
} from '../../../exporter/queue/queue-drain.ts';
import { RepeatFilter } from '../../../exporter/repeat-filter.ts';

const down: DrainFailure = { outcome: 'unreachable', error: new Error('the server is away') };

/** Drains the queue with these results of requests. */
async function drain(results: readonly (Shipped | Error)[]) {
  const logged: string[] = [];
  const waitsMs: number[] = [];
  let forgotten = 0;
  let at = 0;
  const done = Promise.withResolvers<void>();
  const log = (message: string): void => {
    logged.push(message);
  };
  const queue = {
    onAppend: () => undefined,
    get state() {
      return { bytes: 0, documents: results.length - at, oldestAtMs: undefined };
    },
  };
  const one = new QueueDrain({
    queue,
    fill: async () => {
      if (at < results.length) return 'filled';
      done.resolve();
      return 'empty';
    },
    ship: async () => {
      const result = results[at++] as Shipped | Error;
      if (result instanceof Error) throw result;
      return result;
    },
    forget: async () => {
      forgotten++;
    },
    accepts: 'the server accepts documents',
    repeats: new RepeatFilter(log),
    log,
    random: () => 1,
    wait: async (ms) => {
      waitsMs.push(ms);
    },
  });
  one.start();
  await done.promise;
  const before = forgotten;
  await one.stop(0);
  return { logged, waitsMs, forgotten: before };
}

test('pauses grow from 1 s while a server fails, and begin at 1 s again after it has accepted something', async () => {
  const { waitsMs } = await drain([down, down, down, 'accepted', down, 'accepted']);
  expect(waitsMs).toEqual([1_000, 2_000, 4_000, 1_000]);
});

test('a failure is logged once while it lasts, its end with the time that it took, and the next one again', async () => {
  const { logged } = await drain([down, down, 'accepted', 'accepted', down, 'accepted']);
  const outage = [
    'the server is away; virtune retries',
    expect.stringMatching(/^the server accepts documents again after \d+ s$/),
  ];
  expect(logged).toEqual([...outage, ...outage]);
});

test('a busy server keeps its connection and is not asked before the time that it names', async () => {
  const busy = { ...down, outcome: 'busy', retryAfterMs: 9_000 };
  expect(await drain([busy, 'accepted'])).toMatchObject({ waitsMs: [9_000], forgotten: 0 });
  expect(await drain([down, 'accepted'])).toMatchObject({ waitsMs: [1_000], forgotten: 1 });
});

test('what is sent in another way is sent at once, and ends no failure', async () => {
  const { logged, waitsMs } = await drain([down, 'again', 'again', down, 'accepted']);
  expect(waitsMs).toEqual([1_000, 2_000]);
  expect(logged).toHaveLength(2);
});

test('a disk that fails does not end the loop', async () => {
  const { logged } = await drain([new Error('no space left'), 'accepted']);
  expect(logged[0]).toBe('no space left; virtune retries');
});

/** A drain of a queue with this many documents, one per request. */
function drainOf(documents: number, ship: () => Promise<Shipped>) {
  const logged: string[] = [];
  const log = (message: string): void => {
    logged.push(message);
  };
  let left = documents;
  let forgotten = 0;
  const queue = {
    onAppend: (): void => undefined,
    get state() {
      return { bytes: 0, documents: left, oldestAtMs: undefined };
    },
  };
  const one = new QueueDrain({
    queue,
    fill: async () => (left > 0 ? 'filled' : 'empty'),
    ship: async () => {
      const result = await ship();
      if (result === 'accepted') left--;
      return result;
    },
    forget: async () => {
      forgotten++;
    },
    accepts: 'the server accepts documents',
    repeats: new RepeatFilter(log),
    log,
    random: () => 1,
    wait: async () => undefined,
  });
  const append = (): void => {
    left++;
    queue.onAppend();
  };
  return { one, append, logged, left: () => left, forgotten: () => forgotten };
}

test('a drain that is stopped empties the queue first, and gives up its connections once', async () => {
  const { one, left, forgotten } = drainOf(3, async () => 'accepted');
  one.start();
  await one.stop(600_000);
  expect([left(), forgotten()]).toEqual([0, 1]);
});

test('what is appended to an empty queue is sent', async () => {
  const sent = Promise.withResolvers<void>();
  const { one, append, left } = drainOf(0, async () => {
    sent.resolve();
    return 'accepted';
  });
  one.start();
  await new Promise((resolve) => setImmediate(resolve));
  append();
  await sent.promise;
  await one.stop(0);
  expect(left()).toBe(0);
});

/** A drain of a queue that reports documents, while `fill` determines what each attempt finds. */
function stuckDrain(fill: (count: number, append: () => void) => Filled) {
  const queue = {
    onAppend: (): void => undefined,
    state: { bytes: 100, documents: 1, oldestAtMs: undefined },
  };
  let fills = 0;
  const one = new QueueDrain({
    queue,
    fill: async () => {
      fills++;
      await turn();
      return fill(fills, () => queue.onAppend());
    },
    ship: async () => expect.fail('there is nothing to send'),
    forget: async () => undefined,
    accepts: 'the server accepts documents',
    repeats: new RepeatFilter(() => undefined),
    log: () => undefined,
    random: () => 1,
  });
  return { one, append: () => queue.onAppend(), fills: () => fills };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
async function manyTurns(): Promise<void> {
  for (let turns = 0; turns < 50; turns++) await turn();
}

test('a queue that has documents and nothing to take is looked at once for each record that comes in', async () => {
  const { one, append, fills } = stuckDrain(() => 'empty');
  one.start();
  await manyTurns();
  expect(fills()).toBe(1);
  append();
  await manyTurns();
  expect(fills()).toBe(2);
  // A stop does not wait for more, either.
  await one.stop(600_000);
});

test('what comes in while a queue is looked at is not missed', async () => {
  const { one, fills } = stuckDrain((count, append) => {
    if (count === 1) append();
    return 'empty';
  });
  one.start();
  await manyTurns();
  expect(fills()).toBe(2);
  await one.stop(0);
});

test('a queue of which nothing was to be sent goes on with what comes after that', async () => {
  const { one, fills } = stuckDrain((count) => (count < 5 ? 'again' : 'empty'));
  one.start();
  await manyTurns();
  expect(fills()).toBe(5);
  await one.stop(0);
});

test('the end of a failure is logged with the seconds that it lasted', async () => {
  const done = Promise.withResolvers<void>();
  const now = vi.spyOn(performance, 'now');
  try {
    now.mockReturnValue(50_000);
    let requests = 0;
    const { one, logged } = drainOf(2, async () => {
      requests++;
      if (requests === 1) return down;
      now.mockReturnValue(57_400);
      if (requests === 3) done.resolve();
      return 'accepted';
    });
    one.start();
    await done.promise;
    await one.stop(0);
    expect(logged.at(-1)).toBe('the server accepts documents again after 7 s');
  } finally {
    now.mockRestore();
  }
});
