import { expect, test } from 'vitest';
import { gainText, isWorthwhile, shareOf, type WhatIf, whatIf } from '../../../advice/cpu/what-if.ts';
import { CpuLoad } from '../../../advice/cpu-load.ts';
import { hostOf, vmOf } from '../made-host.ts';

const result = (
  [shortBefore, shortAfter]: readonly [number, number],
  [contendedBefore, contendedAfter]: readonly [number, number],
): WhatIf => ({
  shortBefore,
  shortAfter,
  contendedBefore,
  contendedAfter,
  harmed: [],
  served: new Map(),
  before: new Map(),
});

test('a change is worthwhile that halves what the victims are short of', () => {
  expect(isWorthwhile(result([0.4, 0.2], [1, 1]))).toBe(true);
  expect(isWorthwhile(result([0.4, 0.21], [1, 0]))).toBe(false);
  // A quota keeps them off CPUs that have time left.
  expect(isWorthwhile(result([0.01, 0.004], [0, 0]))).toBe(true);
  expect(isWorthwhile(result([0, 0], [0, 0]))).toBe(false);
  expect(isWorthwhile({ ...result([0.4, 0], [1, 0]), harmed: [{ uuid: 'a', name: 'a' }] })).toBe(false);
});

test('for victims that have their share, a change is worthwhile that halves what runs on CPUs without time left', () => {
  expect(isWorthwhile(result([0.02, 0.02], [1, 0.5]))).toBe(true);
  expect(isWorthwhile(result([0.02, 0], [1, 0.6]))).toBe(false);
});

test('the gain begins with what was measured', () => {
  const vm = vmOf('waits', { places: [{ vcpus: 2, run: 0.6, delay: 0.4 }] });
  const from = (of: WhatIf): string => /from (.*), computed/.exec(gainText(of, [vm]))?.[1] ?? '';
  expect(from(result([0.8, 0.2], [1, 1]))).toBe('40.0 % to about 10.0 %');
  expect(from(result([0, 0], [1, 0.5]))).toBe('40.0 % to about 20.0 %');
  expect(from(result([0.1, 0.2], [1, 1]))).toBe('40.0 % to about 40.0 %');
  expect(from(result([0, 0], [0, 0]))).toBe('40.0 % to about 0.0 %');
  expect(gainText(result([0.8, 0], [1, 0]), [])).toBe('the CPU demand of the remaining VMs is fully served');
});

test('a VM that is not known, or asks for nothing, has all that it asks for', () => {
  const served = new Map([['idle', { demand: 0, served: 0, contended: 0 }]]);
  expect([shareOf(served, { uuid: 'idle' }), shareOf(served, { uuid: 'unknown' })]).toEqual([1, 1]);
});

test('a change that takes the last free time of the CPUs of another VM harms it, though it keeps its share', () => {
  const harmedBy = (demand: number): string[] => {
    const held = vmOf('held', { places: [{ vcpus: 8, pins: '0-1', run: 2, delay: demand - 2 }] });
    const load = CpuLoad.of(hostOf([held, vmOf('floats', { places: [{ vcpus: 2, run: 1 }] })]));
    if (load === undefined) throw new Error('no load');
    const { harmed } = whatIf(load, [held], [], (each) =>
      each.vm === held ? { ...each, cpus: load.cpus, floats: true } : each,
    );
    return harmed.map(({ name }) => name);
  };
  expect(harmedBy(6.9)).toEqual([]);
  expect(harmedBy(7.1)).toEqual(['floats']);
});
