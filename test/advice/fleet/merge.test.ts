import { expect, test } from 'vitest';
import { constraintsOf } from '../../../advice/fleet/constraints.ts';
import { withoutRepeatedMoves } from '../../../advice/fleet/merge.ts';
import { costOf, hasTimeToConverge } from '../../../advice/fleet/move-cost.ts';
import { Placement } from '../../../advice/fleet/placement.ts';
import type { Step } from '../../../advice/fleet/relief.ts';
import { GIB, hostOf, vmOf } from './made-fleet.ts';

const constraints = constraintsOf({});

/** Hosts with 16 CPUs and one VM each: `[vm, from, to]`, where a VM is named by the number of its first host. */
function mergedOf(
  demands: readonly number[],
  moves: readonly (readonly [vm: number, from: number, to: number, why?: Step['why']])[],
): string[] {
  const fleet = { hosts: demands.map((cpus, host) => hostOf(`h${host}`, [vmOf(`vm${host}`, cpus)])) };
  const placement = new Placement(fleet, constraints);
  const placedOf = demands.map((_, host) => placement.at(host).vms[0] ?? expect.unreachable());
  const steps = moves.map(
    ([vm, from, to, why = 'CPU contention']): Step => ({
      placed: placedOf[vm] ?? expect.unreachable(),
      from,
      to,
      why,
    }),
  );
  return withoutRepeatedMoves(steps, fleet, constraints).map(
    ({ placed, from, to, why }) => `${placed.vm.name}: ${from} -> ${to}, ${why}`,
  );
}

test('a VM that moves twice moves once, to where it ends, for the reason of the first move', () => {
  const moves = [
    [0, 0, 1],
    [0, 1, 2, 'memory'],
  ] as const;
  expect(mergedOf([4, 1, 1], moves)).toEqual(['vm0: 0 -> 2, CPU contention']);
});

test('a VM that returns to where it was does not move, and other moves stay', () => {
  const moves = [
    [0, 0, 1],
    [2, 2, 1],
    [0, 1, 0],
  ] as const;
  expect(mergedOf([4, 1, 2], moves)).toEqual(['vm2: 2 -> 1, CPU contention']);
});

test('one move takes the place of the last where its target has room only then', () => {
  const moves = [
    [0, 0, 1],
    [2, 2, 3],
    [0, 1, 2],
  ] as const;
  expect(mergedOf([10, 1, 10, 1], moves)).toEqual([
    'vm2: 2 -> 3, CPU contention',
    'vm0: 0 -> 2, CPU contention',
  ]);
});

test('moves of different VMs stay as they are', () => {
  const moves = [
    [0, 0, 1],
    [2, 2, 1],
  ] as const;
  expect(mergedOf([4, 1, 2], moves)).toEqual(['vm0: 0 -> 1, CPU contention', 'vm2: 2 -> 1, CPU contention']);
});

test('a migration copies memory again as fast as the guest dirties it', () => {
  const of = (dirtyBytesPerSecond: number | undefined, hugePageBytes = 0) =>
    costOf([vmOf('a', 1, { neededBytes: 8 * GIB, hugePageBytes, dirtyBytesPerSecond })], GIB);
  expect(of(undefined)).toEqual({ bytes: 8 * GIB, seconds: 8, cpuSeconds: 16 });
  expect(of(0.5 * GIB)).toEqual({ bytes: 16 * GIB, seconds: 16, cpuSeconds: 32 });
  // Above four fifths of the bandwidth the migration would not converge.
  expect(of(2 * GIB).seconds).toBeCloseTo(40, 9);
  expect(of(0, 8 * GIB).seconds).toBe(16);
  const converges = (dirtyBytesPerSecond: number | undefined) =>
    hasTimeToConverge(vmOf('a', 1, { dirtyBytesPerSecond }), 10);
  expect([undefined, 8, 8.1].map(converges)).toEqual([true, true, false]);
});
