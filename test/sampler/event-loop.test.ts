import { describe, expect, test } from 'vitest';
import { EventLoop, mapYielding } from '../../sampler/event-loop.ts';

/** Blocks the event loop for this time. */
function work(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

describe('long work yields to the event loop', () => {
  test('lets what waits go first once its turn is over, and not before', async () => {
    let others = 0;
    const eventLoop = new EventLoop();
    setImmediate(() => others++);
    expect(eventLoop.isDue).toBe(false);
    work(10);
    expect(eventLoop.isDue).toBe(true);
    await eventLoop.yield();
    expect(others).toBe(1);
    expect(eventLoop.isDue).toBe(false);
  });

  test('others have their turn while a thousand things are begun', async () => {
    let turnsOfOthers = 0;
    const timer = setInterval(() => turnsOfOthers++, 1);
    await mapYielding(Array.from({ length: 20 }), async () => work(5));
    clearInterval(timer);
    expect(turnsOfOthers).toBeGreaterThan(5);
  });

  test('results come in the order of the items, however long each takes', async () => {
    const answers = [0, 1, 2].map(() => Promise.withResolvers<number>());
    const results = mapYielding(answers, ({ promise }) => promise);
    for (const item of [1, 2, 0]) {
      answers[item]?.resolve(item);
      await new Promise(setImmediate);
    }
    expect(await results).toEqual([0, 1, 2]);
  });

  test('a failure while other items still start fails the whole, and leaves no unhandled rejection', async () => {
    const failing = mapYielding([1, 2, 3], async (item) => {
      if (item === 1) throw new Error('the first');
      work(10);
      return item;
    });
    await expect(failing).rejects.toThrow('the first');
  });
});
