import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CpuSet } from '../../../model/cpu-set.ts';
import { parseDomain } from '../../../model/domain/domain.ts';
import { onlineCpus, parseCapabilities } from '../../../model/topology.ts';
import { defaultHostCpus, type HostDomain, placementHost } from '../../../tuner/placement/inventory.ts';
import type { PlacementHost } from '../../../tuner/placement/types.ts';
import { GIB, HOSTS, hostOf, MIB, memoryOf, type Shape, topologyOf } from './hosts.ts';

const kept = (shape: Shape, isolated = ''): string => {
  const topology = topologyOf(shape);
  return defaultHostCpus(topology, onlineCpus(topology), CpuSet.parse(isolated)).toString();
};

test.each([
  ['the first core of each cell, both threads', HOSTS.xeon4, '', '0,24,48,72,96,120,144,168'],
  ['the first core that is not isolated', HOSTS.smtOff, '0-3,8-15', '4'],
  ['nothing of a cell with less than four cores', { cells: [3, 6], threads: 1 }, '', '3'],
  ['one of two cores, or nothing is left for its kernel', HOSTS.twoCores, '', '0'],
  ['one core where no cell is large enough to give one', { cells: [2, 2], threads: 2 }, '', '0,4'],
  ['nothing of a single core', { cells: [1], threads: 2 }, '', ''],
  ['nothing of a memory-only cell', HOSTS.memoryOnly, '', '0,8,16,24'],
])('by default the host reserves %s', (_, shape, isolated, cpus) => {
  expect(kept(shape, isolated)).toBe(cpus);
});

test('CPUs reserved for the host are not for VMs; a core with a reserved thread is not whole', () => {
  const host = hostOf(HOSTS.laptop, { hostCpus: CpuSet.parse('0-1,4') });
  expect(host.cores.map(({ cpus, threads }) => [cpus.join(), threads])).toEqual([
    ['5', 2],
    ['2,6', 2],
    ['3,7', 2],
  ]);
  expect(host.cells.map(({ housekeeping }) => housekeeping.toString())).toEqual(['0-1,4']);
});

test('CPUs that the host does not have cannot be reserved for it', () => {
  expect(() => hostOf(HOSTS.laptop, { hostCpus: CpuSet.parse('0,16-17') })).toThrow(
    'CPUs 16-17 cannot be reserved for the host: they are not online (online: 0-7)',
  );
});

test('offline CPUs are not for VMs, and a core consists of its online threads', () => {
  const host = hostOf(HOSTS.laptop, { online: CpuSet.parse('0-2,4-7') });
  expect(host.cores.map(({ cpus, threads }) => [cpus.join(), threads])).toEqual([
    ['0,4', 2],
    ['1,5', 2],
    ['2,6', 2],
    ['7', 1],
  ]);
});

test('cores know their cell, die and cache; where the host reports no caches, the cell counts as one', () => {
  const epyc = hostOf(HOSTS.epycNps4);
  expect(new Set(epyc.cores.map((core) => core.cache)).size).toBe(16);
  expect(epyc.cores.filter((core) => core.cache === epyc.cores[0]?.cache)).toHaveLength(8);
  expect(new Set(epyc.cores.map((core) => core.die))).toEqual(new Set(['0/0', '1/0']));
  const laptop = hostOf(HOSTS.laptop);
  expect(new Set(laptop.cores.map((core) => core.cache)).size).toBe(1);
});

test('a core is isolated when all of its CPUs are', () => {
  const host = hostOf(HOSTS.laptop, { isolated: CpuSet.parse('2-3,6') });
  expect(host.cores.map(({ isolated }) => isolated)).toEqual([false, false, true, false]);
  expect(host.isolated.toString()).toBe('2-3,6');
});

test("a real host's capabilities make a host", () => {
  const xml = readFileSync(join(import.meta.dirname, '../../fixtures/capabilities-lab.xml'), 'utf8');
  const host = placementHost(parseCapabilities(xml), { memory: [], domains: [], placing: new Set() });
  // It has two cores, one of which the host reserves.
  expect(host.cores.map(({ cell, cpus }) => [cell, cpus.join()])).toEqual([[0, '1']]);
  expect(host.cells.map(({ housekeeping }) => housekeeping.toString())).toEqual(['0']);
});

const SHAPE: Shape = { cells: [4, 4], threads: 1, memoryGiB: 16, pages: { [2 * MIB]: 2_048 } };

function domain(name: string, xml: string, more: Partial<HostDomain> = {}): HostDomain {
  const facts = parseDomain(`<domain>${xml}</domain>`);
  return { name, live: facts, inactive: facts, ...more };
}

const pins = (...cpusets: string[]): string =>
  `<vcpu>${cpusets.length}</vcpu><cputune>${cpusets.map((cpuset, id) => `<vcpupin vcpu='${id}' cpuset='${cpuset}'/>`).join('')}</cputune>`;

const taken = (host: PlacementHost): string[] =>
  [...host.taken].map(
    ([cpu, claims]) => `${cpu}: ${claims.map(({ guest, by }) => `${guest}'s ${by}`).join(', ')}`,
  );

test('CPUs dedicated to other VMs are taken, whether these run or are only defined', () => {
  const off = parseDomain(`<domain>${pins('2')}</domain>`);
  const host = hostOf(SHAPE, {
    domains: [
      domain('on', pins('0', '1')),
      { name: 'off', live: undefined, inactive: off },
      { name: 'repinned', live: parseDomain(`<domain>${pins('5')}</domain>`), inactive: off },
    ],
  });
  expect(taken(host)).toEqual([
    "0: on's vcpus",
    "1: on's vcpus",
    "2: off's vcpus, repinned's vcpus",
    "5: repinned's vcpus",
  ]);
});

test('CPUs of a VM in the request are not taken', () => {
  const host = hostOf(SHAPE, { domains: [domain('db01', pins('0', '1'))], placing: new Set(['db01']) });
  expect([taken(host), host.floaters]).toEqual([[], []]);
});

test("an emulator's own CPUs are taken too; with a policy that wants whole cores, idle siblings are", () => {
  const emulator = "<vcpu>1</vcpu><cputune><vcpupin vcpu='0' cpuset='1'/><emulatorpin cpuset='2'/></cputune>";
  const host = hostOf(HOSTS.laptop, {
    domains: [
      domain('db01', emulator, { threads: 'isolate' }),
      domain('db02', pins('3'), { threads: 'prefer' }),
    ],
  });
  expect(taken(host)).toEqual(["1: db01's vcpus", "5: db01's vcpus", "2: db01's helpers", "3: db02's vcpus"]);
});

test('floating VMs have the CPUs where they may run; each loads a cell by its share of it', () => {
  const host = hostOf(SHAPE, {
    domains: [
      domain('any', '<vcpu>4</vcpu>'),
      domain('cell', "<vcpu cpuset='0-3'>2</vcpu>"),
      domain('range', "<vcpu cpuset='4-6'>1</vcpu>"),
      domain('off', '<vcpu>8</vcpu>', { live: undefined }),
    ],
  });
  expect(host.floaters.map(({ guest, cpus, narrow }) => [guest, `${cpus}`, narrow])).toEqual([
    ['any', '0-7', false],
    ['cell', '0-3', false],
    ['range', '4-6', true],
    ['off', '0-7', false],
  ]);
  expect(host.cells.map((cell) => cell.floatingVcpus)).toEqual([4, 3]);
});

const backed = (memory: string, numa: string, page = "<page size='2048'/>"): string =>
  `<vcpu>1</vcpu>${memory}${numa}<memoryBacking><hugepages>${page}</hugepages></memoryBacking>`;
const strict = (cell: string): string => `<numatune><memory mode='strict' nodeset='${cell}'/></numatune>`;
const MEMORY = "<memory unit='GiB'>1</memory>";
const pagesOf = (host: PlacementHost): unknown => ({
  free: host.cells.map(({ freePages }) => freePages.get(2 * MIB)),
  floating: host.floatingPages.get(2 * MIB),
});

test.each([
  ['runs and holds its pages already', domain('vm', backed(MEMORY, strict('0'))), [2_048, 2_048], undefined],
  [
    'will boot, bound to a cell',
    domain('vm', backed(MEMORY, strict('0')), { live: undefined }),
    [2_048 - 512, 2_048],
    undefined,
  ],
  [
    'will boot, restricted to a cell',
    domain('vm', backed(MEMORY, strict('1').replace('strict', 'restrictive')), { live: undefined }),
    [2_048, 2_048 - 512],
    undefined,
  ],
  [
    'will boot where it prefers to, or anywhere',
    domain('vm', backed(MEMORY, strict('1').replace('strict', 'preferred')), { live: undefined }),
    [2_048, 2_048],
    512,
  ],
  ['will boot anywhere', domain('vm', backed(MEMORY, ''), { live: undefined }), [2_048, 2_048], 512],
  [
    'will boot on either of two cells',
    domain('vm', backed(MEMORY, strict('0-1')), { live: undefined }),
    [2_048, 2_048],
    512,
  ],
  [
    "will boot with pages of the host's own size",
    domain('vm', backed(MEMORY, strict('1'), ''), { live: undefined }),
    [2_048, 2_048 - 512],
    undefined,
  ],
  [
    'will take more at its next boot',
    domain('vm', backed("<memory unit='GiB'>3</memory>", strict('1')), {
      live: parseDomain(`<domain>${backed(MEMORY, strict('1'))}</domain>`),
    }),
    [2_048, 2_048 - 1_024],
    undefined,
  ],
  [
    'will boot with guest cells on two cells',
    domain(
      'vm',
      backed(
        MEMORY,
        `<cpu><numa><cell id='0' cpus='0' memory='512' unit='MiB'/><cell id='1' cpus='1' memory='256' unit='MiB'/></numa></cpu>
         <numatune><memnode cellid='0' mode='strict' nodeset='1'/><memnode cellid='1' mode='strict' nodeset='0'/></numatune>`,
      ),
      { live: undefined },
    ),
    [2_048 - 128, 2_048 - 256],
    undefined,
  ],
])('hugepages are booked for another VM that %s', (_, vm, free, floating) => {
  expect(pagesOf(hostOf(SHAPE, { domains: [vm] }))).toEqual({ free, floating });
});

test('a VM whose XML names no size gets pages of the smallest huge size, or of that which the host says', () => {
  const shape: Shape = {
    cells: [4],
    threads: 1,
    memoryGiB: 16,
    pages: { [GIB]: 4, [2 * MIB]: 2_048, 64: 9 },
  };
  const domains = [domain('vm', backed(MEMORY, strict('0'), ''), { live: undefined })];
  const left = (options: { defaultPageKiB?: number }): unknown =>
    [GIB, 2 * MIB].map((size) => hostOf(shape, { domains, ...options }).cells[0]?.freePages.get(size));
  expect(left({})).toEqual([4, 2_048 - 512]);
  expect(left({ defaultPageKiB: GIB })).toEqual([3, 2_048]);
});

test('pages that a VM in the request holds are available to it', () => {
  const bound = hostOf(SHAPE, {
    domains: [domain('db', backed(MEMORY, strict('1')))],
    placing: new Set(['db']),
  });
  expect(pagesOf(bound)).toEqual({ free: [2_048, 2_048 + 512], floating: undefined });
  const floating = hostOf(SHAPE, { domains: [domain('db', backed(MEMORY, ''))], placing: new Set(['db']) });
  expect(pagesOf(floating)).toEqual({ free: [2_048, 2_048], floating: -512 });
});

test('the free memory of a cell is what its pools and the VMs bound to it leave', () => {
  const small = `<vcpu>1</vcpu><memory unit='GiB'>2</memory>${strict('0')}`;
  const host = hostOf(SHAPE, {
    domains: [
      domain('on', small),
      domain('grows', small, { inactive: parseDomain(`<domain>${small.replace('>2<', '>3<')}</domain>`) }),
      domain('floats', "<vcpu>1</vcpu><memory unit='GiB'>8</memory>"),
      domain('paged', backed(MEMORY, strict('0'))),
    ],
  });
  expect(host.cells.map((cell) => (cell.freeKiB ?? 0) / GIB)).toEqual([16 - 4 - 2 - 3, 16 - 4]);
});

test('a host that does not report its memory has an unknown amount, not none', () => {
  const topology = topologyOf(SHAPE);
  const untold = { ...topology, cells: topology.cells.map((cell) => ({ ...cell, memoryKiB: undefined })) };
  const host = placementHost(untold, { memory: memoryOf(SHAPE), domains: [], placing: new Set() });
  expect(host.cells.map((cell) => cell.freeKiB)).toEqual([undefined, undefined]);
});
