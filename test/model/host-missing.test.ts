import { expect, test } from 'vitest';
import type { HostFigures } from '../../model/host.ts';
import { availableKiB, missingOfHost, staleParts } from '../../model/host-missing.ts';
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
    meminfoKiB: new Map([
      ['SwapTotal', 0],
      ['MemAvailable', 1],
    ]),
    vmstat: new Map(),
  },
};
const reasons = (over: Partial<HostFigures>): Record<string, string> =>
  Object.fromEntries(missingOfHost({ ...ALL, ...over }).map(({ part, reason }) => [part, reason]));

test('a host that reports everything misses nothing, even without swap', () => {
  expect(reasons({})).toEqual({});
});

test('figures from the kernel of the host are missing on a remote host', () => {
  const cells = [{ id: 0, cpuNs: new Map(), memoryKiB: one, pages: [] }];
  expect(reasons({ local: undefined, cells })).toEqual({
    load: 'not_local',
    swap: 'not_local',
    pressure: 'not_local',
    numa_cpu: 'not_local',
    memory_available: 'not_local',
  });
});

test('a libvirt that says what memory is available makes up for a /proc that is elsewhere', () => {
  const memoryKiB = new Map([['available', 7]]);
  expect(availableKiB({ ...ALL, local: undefined, memoryKiB })).toBe(7);
  expect(reasons({ local: undefined, memoryKiB })).not.toHaveProperty('memory_available');
  expect(availableKiB({ ...ALL, memoryKiB })).toBe(1);
});

test('a call that hangs is the reason while it has no figures, and a note on them while it has old ones', () => {
  const parts = new Map([['ksm', { ageMs: undefined, reason: 'unresponsive' }]] as const);
  expect(reasons({ ksm: new Map(), parts })).toEqual({ ksm: 'unresponsive' });
  expect(staleParts({ ...ALL, parts })).toEqual([]);
  const old = new Map([['ksm', { ageMs: 40_000, reason: 'unresponsive' }]] as const);
  expect(reasons({ parts: old })).toEqual({});
  expect(staleParts({ ...ALL, parts: old })).toEqual([
    { part: 'ksm', ageMs: 40_000, reason: 'unresponsive' },
  ]);
});

test('a kernel without pressure is distinguished from a virtune on another machine', () => {
  const local = ALL.local && { ...ALL.local, pressure: new Map() };
  expect(reasons({ local })).toEqual({ pressure: 'not_supported' });
});

test('a libvirt that does not answer is the reason for the figures that only libvirt has', () => {
  expect(reasons({ cpuNs: new Map(), memoryKiB: new Map(), topology: undefined, cells: [] })).toEqual({
    cpu: 'no_answer',
    memory: 'no_answer',
    topology: 'no_answer',
  });
});
