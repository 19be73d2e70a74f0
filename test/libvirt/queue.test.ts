import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Queue } from '../../libvirt/client/queue.ts';

test('whatever is added, taken and removed, the rest leaves in the order it came', () => {
  const step = fc.oneof(
    fc.record({ what: fc.constant('push' as const), item: fc.nat(50) }),
    fc.record({ what: fc.constant('shift' as const) }),
    fc.record({ what: fc.constant('remove' as const), item: fc.nat(50) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 5_000 }), (steps) => {
      const queue = new Queue<number>();
      const expected: number[] = [];
      for (const each of steps) {
        if (each.what === 'push') {
          queue.push(each.item);
          expected.push(each.item);
        } else if (each.what === 'shift') expect(queue.shift()).toBe(expected.shift());
        else {
          queue.remove(each.item);
          const at = expected.indexOf(each.item);
          if (at >= 0) expected.splice(at, 1);
        }
        expect(queue.size).toBe(expected.length);
      }
    }),
    { numRuns: 50 },
  );
});
