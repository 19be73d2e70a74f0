import { expect, test } from 'vitest';
import { advise } from '../../advice/engine.ts';
import type { ObservedVm } from '../../advice/observation.ts';
import { hostOf, vmOf } from './made-host.ts';

/** A VM for which this share of the pairs of a vCPU and a byte lies on different cells. */
function spread(
  remoteShare: number,
  { guestCells = 0, widerThanCell = false, isDatabase = false } = {},
): ObservedVm {
  const vm = vmOf('vm', { places: [{ vcpus: 4, run: 0.4 }], isDatabase });
  return {
    ...vm,
    facts: { ...vm.facts, cpu: { ...vm.facts?.cpu, cells: Array.from({ length: guestCells }, () => ({})) } },
    sample: { ...vm.sample, local: { memoryMap: { remoteShare } }, fit: { widerThanCell } },
  } as unknown as ObservedVm;
}

const kindsOf = (vm: ObservedVm): string[] =>
  advise(hostOf([vm]), { minSamples: 5 })
    .map(({ kind }) => kind)
    .filter((kind) => /memory-remote|numa-split|wider/.test(kind));

test('a VM that fits a cell, with half of its memory on another, has remote memory', () => {
  expect(kindsOf(spread(0.5))).toEqual(['memory-remote']);
  expect(kindsOf(spread(0.5, { guestCells: 1 }))).toEqual(['memory-remote']);
  expect(kindsOf(spread(0.19))).toEqual([]);
});

test('guest cells that lie on two cells of the host are not remote memory, though half of all pairs are apart', () => {
  expect(kindsOf(spread(0.5, { guestCells: 2, isDatabase: true }))).toEqual([]);
  expect(kindsOf(spread(0.75, { guestCells: 4 }))).toEqual([]);
});

test('a database that exceeds a cell is one advice', () => {
  expect(kindsOf(spread(0.5, { widerThanCell: true, isDatabase: true }))).toEqual(['vm-wider-than-cell']);
  expect(kindsOf(spread(0.5, { widerThanCell: true }))).toEqual([]);
});
