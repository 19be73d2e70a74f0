import { describe, expect, test } from 'vitest';
import { mapInTurns, Turns } from '../../sampler/turns.ts';

/** Holds the loop until a turn is over. */
function work(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

describe('work in turns', () => {
  test('lets what waits go first once its turn is over, and not before', async () => {
    let others = 0;
    const turns = new Turns();
    setImmediate(() => others++);
    await turns.pass();
    expect(others).toBe(0);
    work(10);
    await turns.pass();
    expect(others).toBe(1);
  });

  test('others have their turn while a thousand things are begun', async () => {
    let turnsOfOthers = 0;
    const timer = setInterval(() => turnsOfOthers++, 1);
    await mapInTurns(Array.from({ length: 20 }), async () => work(5));
    clearInterval(timer);
    expect(turnsOfOthers).toBeGreaterThan(5);
  });

  test('results come in the order of the items, however long each takes', async () => {
    const waits = [30, 1, 10];
    const results = await mapInTurns(waits, async (ms) => {
      await new Promise((resolve) => setTimeout(resolve, ms));
      return ms;
    });
    expect(results).toEqual(waits);
  });

  test('one that fails while others are still begun fails the whole, and is nobody’s unhandled rejection', async () => {
    const failing = mapInTurns([1, 2, 3], async (item) => {
      if (item === 1) throw new Error('the first');
      work(10);
      return item;
    });
    await expect(failing).rejects.toThrow('the first');
  });
});
