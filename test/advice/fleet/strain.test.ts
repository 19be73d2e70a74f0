import { expect, test } from 'vitest';
import { constraintsOf } from '../../../advice/fleet/constraints.ts';
import { HYSTERESIS } from '../../../advice/fleet/fleet.ts';
import { planFleet } from '../../../advice/fleet/plan.ts';
import { goalOf, isOver, meets } from '../../../advice/fleet/strain.ts';
import { GIB, hostOf, vmOf } from './made-fleet.ts';

const { limits } = constraintsOf({
  limits: { contention: 0.1, memory: 0.9 },
  headroom: { memory: 0.2 },
});
const strain = (contention: number, memory: number) => ({ contention, memory, slot: 0 });

test('relief of what is above a limit aims below it, and what is within its limit only has to stay there', () => {
  expect(goalOf(strain(0.2, 0.95), limits)).toEqual({ contention: HYSTERESIS * 0.1, memory: 0.8 });
  expect(goalOf(strain(0.2, 0.9), limits)).toEqual({ contention: HYSTERESIS * 0.1, memory: 0.9 });
  expect(goalOf(strain(0.1, 0.95), limits)).toEqual({ contention: 0.1, memory: 0.8 });
  expect(goalOf(strain(0, 0), limits)).toEqual({ contention: 0.1, memory: 0.9 });
});

test('a limit that is just reached is kept, and so is a goal', () => {
  expect(isOver(strain(0.1, 0.9), limits)).toBe(false);
  expect(isOver(strain(0.101, 0.9), limits)).toBe(true);
  expect(isOver(strain(0.1, 0.901), limits)).toBe(true);
  expect(meets(strain(0.1, 0.9), { contention: 0.1, memory: 0.9 })).toBe(true);
  expect(meets(strain(0.101, 0), { contention: 0.1, memory: 0.9 })).toBe(false);
  expect(meets(strain(0, 0.901), { contention: 0.1, memory: 0.9 })).toBe(false);
});

test('of a lost host the largest VM is placed first, and huge pages count as memory', () => {
  const lost = hostOf('lost', [
    vmOf('ordinary', 1, { maximumBytes: 200 * GIB, neededBytes: 8 * GIB }),
    vmOf('huge', 1, { maximumBytes: 4 * GIB, neededBytes: 4 * GIB, hugePageBytes: 210 * GIB }),
  ]);
  const other = hostOf('other', [vmOf('there', 1, { maximumBytes: 200 * GIB, neededBytes: 8 * GIB })]);
  const { clusters } = planFleet(
    { hosts: [lost, other] },
    constraintsOf({ limits: { memory_overcommit: 1 } }),
  );
  // Neither fits; the first one that does not is named.
  expect(clusters[0]?.stranded.find(({ host }) => host.id === 'lost')).toMatchObject({
    vm: { name: 'huge' },
    lacks: 'huge pages',
  });
});
