import { expect, test } from 'vitest';
import { type DrainFailure, QueueDrain, type Shipped } from '../../../exporter/queue/queue-drain.ts';
import { RepeatFilter } from '../../../exporter/repeat-filter.ts';

const down: DrainFailure = { outcome: 'unreachable', error: new Error('the server is away') };

/** Runs through these results of requests, until the queue is empty. */
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
      if (at < results.length) return true;
      done.resolve();
      return false;
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
