import { expect, test } from 'vitest';
import { ParamType } from '../../libvirt/typed-params.ts';
import { readDomainStats } from '../../model/stats/read.ts';
import { UnknownStatistics } from '../../sampler/unknown-statistics.ts';

const statsOf = (...fields: string[]) =>
  readDomainStats(fields.map((field) => ({ field, type: ParamType.ullong, value: 1n })));

test('a statistic that virtune does not know is reported once, for all disks, VMs and samples', () => {
  const names: string[] = [];
  const unknown = new UnknownStatistics((name) => names.push(name));
  unknown.observe(statsOf('block.0.zoned.open', 'block.1.zoned.open', 'block.10.zoned.2', 'vcpu.0.time'));
  unknown.observe(statsOf('block.7.zoned.open', 'balloon.squeezed2x'));
  expect(names).toEqual(['block.N.zoned.open', 'block.N.zoned.N', 'balloon.squeezed2x']);
  expect(unknown.size).toBe(3);
});

test('a server that invents names without end does not fill the memory', () => {
  const unknown = new UnknownStatistics();
  for (let round = 0; round < 3; round++) {
    unknown.observe(statsOf(...Array.from({ length: 900 }, (_, index) => `made.up${round}x${index}`)));
  }
  expect(unknown.size).toBe(1_000);
});

test('a name cannot forge a line of the log', () => {
  const names: string[] = [];
  new UnknownStatistics((name) => names.push(name)).observe(statsOf('x\nvirtune: all is well', 'y\u202e'));
  expect(names.join('')).not.toMatch(/[\n\u202e]/);
  expect(names).toHaveLength(2);
});
