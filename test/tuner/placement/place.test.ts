import { expect, test } from 'vitest';
import { CpuSet } from '../../../model/cpu-set.ts';
import { TunerError } from '../../../tuner/errors.ts';
import { place } from '../../../tuner/placement/policy.ts';
import type { PlacementHost, PlacementRequest } from '../../../tuner/placement/types.ts';
import { GIB, HOSTS, hostOf, MIB } from './hosts.ts';
import { dedicated, inCells, placementLine, sharing } from './requests.ts';
import { brokenRules } from './rules.ts';

const kept = { hostCpus: undefined };
const isolatedHalf = hostOf(HOSTS.smtOff, { ...kept, isolated: CpuSet.parse('4-7,12-15') });
const pages = { pageKiB: 2 * MIB };

interface Case {
  readonly what: string;
  readonly host: PlacementHost;
  readonly requests: readonly PlacementRequest[];
  readonly lines: readonly string[];
}

const CASES: readonly Case[] = [
  {
    what: 'EPYC: eight vCPUs on four whole cores of one cache',
    host: hostOf(HOSTS.epycNps1),
    requests: [dedicated('db01', 8)],
    lines: ['db01: 0,128,1,129,2,130,3,131 of 0; 0-3,128-131; 0-3,128-131'],
  },
  {
    what: 'EPYC: sixteen vCPUs fill a cache, eighteen spill into a second only',
    host: hostOf(HOSTS.epycNps1),
    requests: [dedicated('db01', 18)],
    lines: ['db01: 0,128,1,129,2,130,3,131,4,132,5,133,6,134,7,135,8,136 of 0; 0-8,128-136; 0-8,128-136'],
  },
  {
    what: 'EPYC: two VMs fit one cache together, and the other caches stay whole',
    host: hostOf(HOSTS.epycNps1),
    requests: [dedicated('db01', 8), dedicated('db02', 8)],
    lines: [
      'db01: 0,128,1,129,2,130,3,131 of 0; 0-3,128-131; 0-3,128-131',
      'db02: 4,132,5,133,6,134,7,135 of 0; 4-7,132-135; 4-7,132-135',
    ],
  },
  {
    what: 'EPYC: emulators and iothreads of both VMs share cores apart from those of vCPUs',
    host: hostOf(HOSTS.epycNps4, kept),
    requests: [
      dedicated('db01', 8, { emulatorCpus: 1, ioThreadCpus: 1 }),
      dedicated('db02', 4, { emulatorCpus: 1 }),
    ],
    lines: ['db01: 1,129,2,130,3,131,4,132 of 0; 5; 133', 'db02: 6,134,7,135 of 0; 8; 8'],
  },
  {
    what: 'EPYC, four cells a socket: guest cells go to cells of one socket',
    host: hostOf(HOSTS.epycNps4, { ...kept, hostCpus: CpuSet.parse('0-15,128-143') }),
    requests: [inCells('db01', [4, 4, 4])],
    lines: ['db01: 16,144,17,145,32,160,33,161,48,176,49,177 of 1+2+3; 0-15,128-143; 0-15,128-143'],
  },
  {
    what: 'four Xeons in a ring: two guest cells lie on neighbours',
    host: hostOf(HOSTS.xeon4, { hostCpus: CpuSet.parse('0-23,96-119') }),
    requests: [inCells('db01', [4, 4])],
    lines: ['db01: 24,120,25,121,48,144,49,145 of 1+2; 0-23,96-119; 0-23,96-119'],
  },
  {
    what: 'four Xeons: a helper goes to the nearest cell when its own has no core left',
    host: hostOf(HOSTS.xeon4, { hostCpus: CpuSet.parse('0-23,96-119') }),
    requests: [dedicated('db01', 48, { emulatorCpus: 1 })],
    lines: [`db01: ${Array.from({ length: 24 }, (_, core) => `${24 + core},${120 + core}`)} of 1; 48; 48`],
  },
  {
    what: 'SMT off: a CPU is a core',
    host: hostOf(HOSTS.smtOff, kept),
    requests: [dedicated('db01', 4), dedicated('rt', 2, { threads: 'isolate' })],
    lines: ['db01: 3,4,5,6 of 0; 0; 0', 'rt: 1,2 of 0; 0; 0'],
  },
  {
    what: 'SMT: isolate leaves the siblings idle, and no VM gets them',
    host: hostOf(HOSTS.laptop),
    requests: [dedicated('rt', 2, { threads: 'isolate' }), dedicated('db01', 4)],
    lines: ['rt: 0,1 of 0; 0-1; 0-1', 'db01: 2,6,3,7 of 0; 2-3,6-7; 2-3,6-7'],
  },
  {
    what: "SMT: threads of one core in the guest are threads of one core of the host's",
    host: hostOf({ ...HOSTS.laptop, siblings: 'together' }),
    requests: [dedicated('db01', 4, { guestThreads: 2 })],
    lines: ['db01: 0,1,2,3 of 0; 0-3; 0-3'],
  },
  {
    what: 'cells unlike each other: the small VM fills the small cell, and leaves room for the large one',
    host: hostOf(HOSTS.asymmetric),
    requests: [dedicated('db01', 4), dedicated('big', 24)],
    lines: [
      'db01: 0,16,1,17 of 0; 0-1,16-17; 0-1,16-17',
      `big: ${Array.from({ length: 12 }, (_, core) => `${4 + core},${20 + core}`)} of 1; 4-15,20-31; 4-15,20-31`,
    ],
  },
  {
    what: 'a memory-only cell has no vCPUs, and gives memory when asked, to the cell nearest to it',
    host: hostOf(HOSTS.memoryOnly),
    requests: [
      {
        ...dedicated('db01', 4),
        cells: [{ vcpus: CpuSet.parse('0-3'), memoryKiB: 60 * GIB, memoryCell: 2 }],
      },
      dedicated('db02', 16),
    ],
    lines: [
      'db01: 0,16,1,17 of 0; 0-1,16-17; 0-1,16-17',
      `db02: ${Array.from({ length: 8 }, (_, core) => `${8 + core},${24 + core}`)} of 1; 8-15,24-31; 8-15,24-31`,
    ],
  },
  {
    what: 'isolated CPUs: for vCPUs with dedicated CPUs, not for helpers, nor for VMs that share',
    host: isolatedHalf,
    requests: [dedicated('rt', 4, { emulatorCpus: 1 }), sharing('web', 2)],
    lines: ['rt: 4,5,6,7 of 0; 1; 1', 'web: shares 9-11 of 1; 9-11; 9-11'],
  },
  {
    what: 'laptop: a core for the host, two for the guest, the rest to share',
    host: hostOf(HOSTS.laptop, kept),
    requests: [dedicated('dev', 4, { guestThreads: 2 }), sharing('web', 2)],
    lines: ['dev: 1,5,2,6 of 0; 0,4; 0,4', 'web: shares 3,7 of 0; 3,7; 3,7'],
  },
  {
    what: 'two cores: one is kept for the host, where the helpers go too',
    host: hostOf(HOSTS.twoCores, kept),
    requests: [dedicated('a', 1)],
    lines: ['a: 1 of 0; 0; 0'],
  },
  {
    what: 'a mixed VM: vCPUs 2 and 3 have dedicated CPUs, the others share what is left in the cell',
    host: hostOf(HOSTS.smtOff),
    requests: [
      dedicated('a', 2, {
        cells: [{ vcpus: CpuSet.parse('2-3'), memoryKiB: 4 * GIB }],
        sharedVcpus: CpuSet.parse('0-1'),
      }),
      dedicated('b', 4),
    ],
    lines: ['a: 6-7,6-7,4,5 of 0; 4-5; 4-5', 'b: 0,1,2,3 of 0; 0-3; 0-3'],
  },
  {
    what: 'a mixed VM in a cell with one CPU left: that is what its other vCPU has',
    host: hostOf({ cells: [3], threads: 1 }),
    requests: [dedicated('a', 2, { sharedVcpus: CpuSet.of([2]) })],
    lines: ['a: 0,1,2 of 0; 0-1; 0-1'],
  },
  {
    what: 'a mixed VM in a cell with no CPU left: its other vCPU runs with its emulator',
    host: hostOf({ cells: [3], threads: 1 }, { hostCpus: CpuSet.of([0]) }),
    requests: [dedicated('a', 2, { sharedVcpus: CpuSet.of([2]) })],
    lines: ['a: 1,2,0 of 0; 0; 0'],
  },
  {
    what: 'a hybrid CPU: vCPUs with dedicated CPUs avoid the slower cores',
    host: hostOf({ cells: [8], threads: 1 }, { efficiencyCpus: CpuSet.parse('0-3') }),
    requests: [dedicated('a', 4)],
    lines: ['a: 4,5,6,7 of 0; 4-7; 4-7'],
  },
  {
    what: 'a VM goes to the cell of its network card, though another is emptier',
    host: hostOf(HOSTS.asymmetric),
    requests: [
      dedicated('a', 2),
      dedicated('b', 2, { deviceCells: [1] }),
      sharing('c', 2, { deviceCells: [0] }),
    ],
    lines: [
      'a: 0,16 of 0; 0,16; 0,16',
      'b: 4,20 of 1; 4,20; 4,20',
      'c: shares 1-3,17-19 of 0; 1-3,17-19; 1-3,17-19',
    ],
  },
  {
    what: 'two VMs that differ only in their network cards: the first leaves the cell of the card to the second',
    host: hostOf({ cells: [1, 1], threads: 1 }),
    requests: [dedicated('a', 1), dedicated('b', 1, { deviceCells: [0] })],
    lines: ['a: 1 of 1; 1; 1', 'b: 0 of 0; 0; 0'],
  },
  {
    what: 'VMs that share go where the fewest vCPUs are to a CPU',
    host: hostOf(HOSTS.asymmetric),
    requests: [sharing('a', 8), sharing('b', 8), sharing('c', 8), sharing('d', 8)],
    lines: [
      'a: shares 4-15,20-31 of 1; 4-15,20-31; 4-15,20-31',
      'b: shares 4-15,20-31 of 1; 4-15,20-31; 4-15,20-31',
      'c: shares 0-3,16-19 of 0; 0-3,16-19; 0-3,16-19',
      'd: shares 4-15,20-31 of 1; 4-15,20-31; 4-15,20-31',
    ],
  },
  {
    what: 'pages are counted for all together: the second VM goes where the first leaves some',
    host: hostOf({ ...HOSTS.smtOff, pages: { [2 * MIB]: 1_024 } }),
    requests: [
      dedicated('db01', 2, { ...pages, cells: [{ vcpus: CpuSet.parse('0-1'), memoryKiB: 2 * GIB }] }),
      dedicated('db02', 2, { ...pages, cells: [{ vcpus: CpuSet.parse('0-1'), memoryKiB: 2 * GIB }] }),
    ],
    lines: ['db01: 0,1 of 0; 0-1; 0-1', 'db02: 8,9 of 1; 8-9; 8-9'],
  },
  {
    what: 'backtracking: a VM that would fit both cells leaves the one that another needs',
    host: hostOf(HOSTS.asymmetric),
    requests: [dedicated('any', 8), dedicated('wide', 24)],
    lines: [
      'any: 0,16,1,17,2,18,3,19 of 0; 0-3,16-19; 0-3,16-19',
      `wide: ${Array.from({ length: 12 }, (_, core) => `${4 + core},${20 + core}`)} of 1; 4-15,20-31; 4-15,20-31`,
    ],
  },
];

test.each(CASES)('$what', ({ host, requests, lines: expected }) => {
  const placement = place(host, requests);
  expect(placement.refusals).toEqual([]);
  expect(placement.assignments.map(placementLine)).toEqual(expected);
  expect(brokenRules(host, requests, placement.assignments)).toEqual([]);
});

test('VMs that prefer whole cores share some when these run out; those that isolate or require them never do', () => {
  const host = hostOf(HOSTS.laptop);
  const three = ['a', 'b', 'c'].map((guest) => dedicated(guest, 1));
  const shared = place(host, [...three, dedicated('d', 3), dedicated('e', 2)]);
  expect([shared.kind, shared.cost > 100]).toEqual(['placed', true]);
  const whole = place(host, [...three, dedicated('d', 3), dedicated('e', 2, { threads: 'require' })]);
  expect(whole.assignments.map(placementLine).at(-1)).toMatch(/^e: (0,4|1,5|2,6|3,7) of 0/);
  const none = place(host, [...three, dedicated('d', 2, { threads: 'isolate' }), dedicated('e', 2)]);
  expect(none.refusals.map(({ guest, code }) => [guest, code])).toEqual([['e', 'NO_CORES']]);
});

test('VMs beside the placement that still run on CPUs given away are named', () => {
  const host = {
    ...hostOf(HOSTS.smtOff),
    floaters: [
      { guest: 'web01', cpus: CpuSet.parse('0-15'), narrow: false },
      { guest: 'web02', cpus: CpuSet.parse('8-15'), narrow: false },
    ],
  };
  const { overlaps } = place(host, [dedicated('db01', 2), dedicated('db02', 2)]);
  expect(overlaps.map((overlap) => [overlap.guest, `${overlap.cpus}`, overlap.with])).toEqual([
    ['web01', '0-3', ['db01', 'db02']],
  ]);
});

test('CPUs that a VM confined to less than a cell shares are left to it while there are others', () => {
  const host = {
    ...hostOf(HOSTS.smtOff),
    floaters: [{ guest: 'web01', cpus: CpuSet.parse('0-2'), narrow: true }],
  };
  expect(place(host, [dedicated('db01', 4)]).assignments.map(placementLine)).toEqual([
    'db01: 3,4,5,6 of 0; 3-6; 3-6',
  ]);
  const full = place(host, [dedicated('db01', 8), dedicated('db02', 8)]);
  expect(full.overlaps.map(({ guest, cpus }) => `${guest} ${cpus}`)).toEqual(['web01 0-2']);
});

test.each([
  ['a VM twice', [dedicated('db01', 2), dedicated('db01', 4)], /db01 cannot be placed twice/],
  [
    'vCPUs with a gap',
    [dedicated('db01', 2, { cells: [{ vcpus: CpuSet.parse('0,2'), memoryKiB: GIB }] })],
    /the guest cells of db01 have vCPUs 0,2; each vCPU from 0 on must be in exactly one cell/,
  ],
  ['no vCPUs', [dedicated('db01', 0, { cells: [] })], /guest cells of db01 have vCPUs none/],
])('%s is not a valid request', (_, requests, message) => {
  const ask = () => place(hostOf(HOSTS.laptop), requests);
  expect(ask).toThrow(TunerError);
  expect(ask).toThrow(message);
});

test('an empty request is placed at no cost', () => {
  expect(place(hostOf(HOSTS.laptop), [])).toEqual({
    kind: 'placed',
    assignments: [],
    refusals: [],
    moved: [],
    overlaps: [],
    cost: 0,
    proven: true,
  });
});
