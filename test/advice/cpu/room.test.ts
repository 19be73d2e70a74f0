import { expect, test } from 'vitest';
import type { Context } from '../../../advice/context.ts';
import { targetsFor } from '../../../advice/cpu/room.ts';
import type { ObservedVm } from '../../../advice/observation.ts';
import { CpuSet } from '../../../model/cpu-set.ts';

/** CPUs 0 to 3 belong to cell 0, and 4 to 9 to cell 1. */
const context = {
  observation: { cellOf: new Map(Array.from({ length: 10 }, (_, cpu) => [cpu, cpu < 4 ? 0 : 1])) },
} as unknown as Context;

function targets(
  vcpus: number,
  cpus: string,
  bytes?: readonly (readonly [number, number])[],
  pins?: string,
): string[] {
  const local = bytes && { memoryMap: { nodeBytes: new Map(bytes) } };
  const facts = pins && { cpu: { vcpuPins: new Map(), cpuSet: CpuSet.parse(pins) } };
  const vm = { vcpus, sample: { local, facts, summary: { vcpus } } } as unknown as ObservedVm;
  return targetsFor(vm, CpuSet.parse(cpus), context).map(String);
}

test('a VM goes to the NUMA cell with most of its memory, where that has room, before it goes to two', () => {
  expect(
    targets(4, '0-9', [
      [0, 2],
      [1, 1],
    ]),
  ).toEqual(['0-3', '4-9', '0-9']);
  expect(
    targets(4, '0-9', [
      [0, 2],
      [1, 0],
    ]),
  ).toEqual(['0-3', '0-9']);
  expect(targets(4, '1-9', [[0, 2]])).toEqual(['1-9']);
});

test('where its memory is not known, the cell of its present pins is first, then that with most of these CPUs', () => {
  expect(targets(4, '0-9', undefined, '1')).toEqual(['0-3', '4-9', '0-9']);
  expect(targets(4, '0-9', undefined, '0-9')).toEqual(['4-9', '0-3', '0-9']);
  expect(targets(4, '0-9')).toEqual(['4-9', '0-3', '0-9']);
  expect(targets(7, '0-9')).toEqual(['0-9']);
  expect(targets(11, '0-9')).toEqual([]);
});
