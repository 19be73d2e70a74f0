import { expect, test } from 'vitest';
import { constraintsOf } from '../../../advice/fleet/constraints.ts';
import { inOrder } from '../../../advice/fleet/order.ts';
import { Placement } from '../../../advice/fleet/placement.ts';
import type { Step } from '../../../advice/fleet/relief.ts';
import { hostOf, vmOf } from './made-fleet.ts';

const constraints = constraintsOf({});

/** Hosts with 16 CPUs and one VM each; by number: the VM of a host, and its target. */
function orderOf(demands: readonly number[], moves: readonly (readonly [number, number])[]): string[] {
  const hosts = demands.map((cpus, host) => hostOf(`h${host}`, [vmOf(`vm${host}`, cpus)]));
  const placement = new Placement({ hosts }, constraints);
  const steps = moves.map(([from, to]): Step => {
    const placed = placement.at(from).vms[0] ?? expect.unreachable();
    return { placed, from, to, why: 'CPU contention' };
  });
  return inOrder(steps, placement, constraints).map(({ placed }) => placed.vm.name);
}

test('a move into room that another makes comes after it', () => {
  const moves = [
    [0, 1],
    [1, 2],
  ] as const;
  expect(orderOf([12, 12, 1], moves)).toEqual(['vm1', 'vm0']);
});

test('moves that fit as they are listed keep their order', () => {
  const moves = [
    [0, 2],
    [1, 2],
  ] as const;
  expect(orderOf([5, 6, 1], moves)).toEqual(['vm0', 'vm1']);
});

test('what fits in no order is left out', () => {
  const moves = [
    [0, 1],
    [1, 0],
    [2, 3],
  ] as const;
  expect(orderOf([12, 12, 1, 1], moves)).toEqual(['vm2']);
});
