import fc from 'fast-check';
import { expect, test } from 'vitest';
import { clientOf, FairQueue } from '../../exporter/http/fair-queue.ts';

const LIMITS = { perClient: 3, total: 6 };

test('clients are served in turn, each in the order in which it came', () => {
  const queue = new FairQueue<string>(LIMITS);
  for (const item of ['a1', 'a2', 'a3', 'b1', 'c1', 'b2']) queue.add(item.charAt(0), item);
  const order = Array.from({ length: 7 }, () => queue.take());
  expect(order).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3', undefined]);
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
