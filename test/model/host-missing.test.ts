import { expect, test } from 'vitest';
import type { HostFigures } from '../../model/host.ts';
import { missingOfHost } from '../../model/host-missing.ts';
import { parseCapabilities } from '../../model/topology.ts';

const CELL = "<cell id='0'><cpus><cpu id='0' socket_id='0' core_id='0'/></cpus></cell>";
const one = new Map([['total', 1]]);
const ALL: HostFigures = {
  topology: parseCapabilities(
    `<capabilities><host><topology><cells>${CELL}</cells></topology></host></capabilities>`,
  ),
  cpusOnline: 1,
  cpusPresent: 1,
  cpuNs: one,
  memoryKiB: one,
  cells: [{ id: 0, cpuNs: one, memoryKiB: one, pages: [] }],
  ksm: one,
  pools: [],
  local: {
    load: [1, 1, 1],
    pressure: new Map([['cpu', { someNs: 1, fullNs: 1 }]]),
    meminfoKiB: new Map([['SwapTotal', 0]]),
    vmstat: new Map(),
  },
};
const reasons = (over: Partial<HostFigures>): Record<string, string> =>
  Object.fromEntries(missingOfHost({ ...ALL, ...over }).map(({ part, reason }) => [part, reason]));

test('a host that tells all misses nothing, one without swap included', () => {
  expect(reasons({})).toEqual({});
});

test('what only the host itself tells is missing from afar', () => {
  const cells = [{ id: 0, cpuNs: new Map(), memoryKiB: one, pages: [] }];
  expect(reasons({ local: undefined, cells })).toEqual({
    load: 'not_local',
    swap: 'not_local',
    pressure: 'not_local',
    numa_cpu: 'not_local',
  });
});

test('a kernel without pressure is told from a virtune that is not there', () => {
  const local = ALL.local && { ...ALL.local, pressure: new Map() };
  expect(reasons({ local })).toEqual({ pressure: 'not_supported' });
});

test('a libvirt that does not answer is the reason for what it alone tells', () => {
  expect(reasons({ cpuNs: new Map(), memoryKiB: new Map(), topology: undefined, cells: [] })).toEqual({
    cpu: 'no_answer',
    memory: 'no_answer',
    topology: 'no_answer',
  });
});
