import fc from 'fast-check';
import { expect, test } from 'vitest';
import { clientOf, FairQueue } from '../../exporter/http/fair-queue.ts';

const LIMITS = { perClient: 3, total: 6 };

test('clients are served in turn, each in the order in which it came, where chance says so', () => {
  const queue = new FairQueue<string>(LIMITS, () => 0);
  for (const item of ['a1', 'a2', 'a3', 'b1', 'c1', 'b2']) queue.add(item.charAt(0), item);
  const order = Array.from({ length: 7 }, () => queue.take());
  expect(order).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3', undefined]);
});

test('every second turn is that of the client that has waited longest, the others go to any item of any client', () => {
  const queue = new FairQueue<string>(LIMITS, (below) => below - 1);
  for (const item of ['a1', 'a2', 'b1', 'b2', 'b3', 'c1']) queue.add(item.charAt(0), item);
  const order = Array.from({ length: 7 }, () => queue.take());
  expect(order).toEqual(['a1', 'a2', 'b1', 'b3', 'c1', 'b2', undefined]);
});

test('with more clients than can be served before one gives up, each has its chance', () => {
  const clients = 1_000;
  const served = new Set<string>();
  for (let round = 0; round < 60; round++) {
    // All come back in the same order: in that order, only the first few would ever be served.
    const queue = new FairQueue<string>({ perClient: 1, total: clients });
    for (let n = 0; n < clients; n++) queue.add(`${n}`, `${n}`);
    for (let taken = 0; taken < 200; taken++) served.add(queue.take() ?? '');
  }
  expect(served.size).toBeGreaterThan(900);
});

test('items without a client that waits are taken out, and make room', () => {
  const queue = new FairQueue<string>(LIMITS, () => 0);
  for (const item of ['a1', 'a2', 'a3', 'b1', 'c1']) queue.add(item.charAt(0), item);
  expect([queue.isFullFor('a'), queue.isFullFor('b')]).toEqual([true, false]);
  expect(queue.discard((item) => item === 'a1' || item === 'a3' || item === 'c1')).toEqual([
    'a1',
    'a3',
    'c1',
  ]);
  expect(queue.isFullFor('a')).toBe(false);
  for (const item of ['d1', 'd2', 'd3']) queue.add('d', item);
  expect([queue.isFullFor('b'), queue.add('b', 'b2')]).toEqual([false, undefined]);
  expect(queue.isFullFor('e')).toBe(true);
  expect(Array.from({ length: 7 }, () => queue.take())).toEqual([
    'a2',
    'b1',
    'd1',
    'b2',
    'd2',
    'd3',
    undefined,
  ]);
});

test('a client at its limit displaces one of its requests at random, so that the newest is not always refused', () => {
  const picks = [0, 3];
  const queue = new FairQueue<string>(LIMITS, () => picks.shift() ?? 0);
  for (const item of ['a1', 'a2', 'a3']) expect(queue.add('a', item)).toBeUndefined();
  expect(queue.add('a', 'a4')).toBe('a1');
  expect(queue.add('a', 'a5')).toBe('a5');
});

test('in a full queue the client with most in it makes room for another', () => {
  const queue = new FairQueue<string>(LIMITS, () => 0);
  for (const item of ['a1', 'a2', 'a3', 'b1', 'b2', 'c1']) queue.add(item.charAt(0), item);
  expect(queue.add('d', 'd1')).toBe('a1');
});

test('whatever comes, nothing is lost or served twice, and no limit is passed', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'))), (steps) => {
      const queue = new FairQueue<number>(LIMITS);
      const inside = new Map<number, string>();
      for (const [item, client] of steps.entries()) {
        if (client === null) {
          const taken = queue.take();
          expect(taken === undefined).toBe(inside.size === 0);
          if (taken !== undefined) expect(inside.delete(taken)).toBe(true);
          continue;
        }
        inside.set(item, client);
        const evicted = queue.add(client, item);
        if (evicted !== undefined) expect(inside.delete(evicted)).toBe(true);
        expect(inside.size).toBeLessThanOrEqual(LIMITS.total);
        expect([...inside.values()].filter((each) => each === client).length).toBeLessThanOrEqual(
          LIMITS.perClient,
        );
      }
      for (let item = queue.take(); item !== undefined; item = queue.take())
        expect(inside.delete(item)).toBe(true);
      expect(inside.size).toBe(0);
    }),
  );
});

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::7', '2001:db8:1:2::/64'],
  ['2001:db8::7', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  [undefined, 'local'],
])('%s is one client with all of %s', (address, client) => {
  expect(clientOf(address)).toBe(client);
});
