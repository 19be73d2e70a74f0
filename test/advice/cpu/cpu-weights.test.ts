import { expect, test } from 'vitest';
import { hasReducedShares, weightOf } from '../../../advice/cpu-weights.ts';
import { hostOf, vmOf } from '../made-host.ts';

/** Judges VMs with these vCPUs and shares: which of them are limited, and what they compete with. */
function judged(all: readonly (readonly [vcpus: number, shares: number | undefined])[]) {
  const vms = all.map(([vcpus], index) => vmOf(`vm-${index}`, { places: [{ vcpus, run: 0.1 }] }));
  const shares = new Map(
    vms.flatMap(({ uuid }, index) => {
      const own = all[index]?.[1];
      return own === undefined ? [] : [[uuid, own] as const];
    }),
  );
  const host = hostOf(vms, { shares });
  return {
    limited: vms.map((vm) => hasReducedShares(vm, host)),
    weights: vms.map((vm) => weightOf(vm, host)),
  };
}

test('with default shares all VMs have the same weight, and a VM with fewer is limited', () => {
  const v1 = judged([
    [1, 1_024],
    [8, 1_024],
    [4, 256],
    [4, 256],
    [4, 256],
    [2, 4_096],
    [2, undefined],
  ]);
  expect(v1.limited).toEqual([false, false, true, true, true, false, false]);
  expect(v1.weights).toEqual([1, 1, 0.25, 0.25, 0.25, 4, 1]);
  expect(
    judged([
      [1, 100],
      [2, 25],
    ]),
  ).toEqual({ limited: [false, true], weights: [1, 0.25] });
});

test('shares in proportion to vCPUs limit no VM, and one with fewer for each vCPU is limited', () => {
  const { limited, weights } = judged([
    [1, 1_024],
    [2, 2_048],
    [4, 4_096],
    [8, 2_048],
    [16, undefined],
  ]);
  expect(limited).toEqual([false, false, false, true, false]);
  expect(weights).toEqual([1, 2, 4, 2, 16]);
});

test('a default of control groups of version 2 is usual, also beside VMs with more', () => {
  expect(
    judged([
      [4, 100],
      [4, 300],
      [4, 300],
    ]).limited,
  ).toEqual([false, false, false]);
});

test('two VMs of two sizes with the same for each vCPU are enough, where none has a default', () => {
  expect(
    judged([
      [2, 2_048],
      [4, 4_096],
    ]).limited,
  ).toEqual([false, false]);
});

test('where no VM has a default, the most that one has is usual', () => {
  expect(
    judged([
      [4, 4_096],
      [4, 4_096],
      [4, 1_024 * 3],
    ]).limited,
  ).toEqual([false, false, true]);
  expect(judged([[2, undefined]])).toEqual({ limited: [false], weights: [1] });
});
