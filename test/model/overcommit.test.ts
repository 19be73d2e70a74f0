import { expect, test } from 'vitest';
import { DomainState, PausedReason, ShutoffReason } from '../../libvirt/constants.ts';
import { ParamType } from '../../libvirt/typed-params.ts';
import { parseDomain } from '../../model/domain/domain.ts';
import type { CellFigures, HostFigures } from '../../model/host.ts';
import {
  contentionBetween,
  contentionRatio,
  fitsOf,
  type OvercommitDomain,
  overcommitOf,
  vcpuTimesOf,
} from '../../model/overcommit.ts';
import { type RunState, vcpusCanRun } from '../../model/run-state.ts';
import { readDomainStats } from '../../model/stats/read.ts';
import { parseCapabilities } from '../../model/topology.ts';

const topology = parseCapabilities(
  `<capabilities><host><topology><cells>${[0, 1]
    .map(
      (id) =>
        `<cell id='${id}'><cpus>${[0, 1].map((n) => `<cpu id='${id * 2 + n}' socket_id='${id}' core_id='${n}'/>`).join('')}</cpus></cell>`,
    )
    .join('')}</cells></topology></host></capabilities>`,
);
const cell = (id: number, free: number): CellFigures => ({
  id,
  cpuNs: new Map(),
  memoryKiB: new Map(),
  pages: [{ sizeKiB: 2_048, total: 100, free }],
});
const host: HostFigures = {
  topology,
  cpusOnline: 4,
  cpusPresent: 4,
  cpuNs: new Map(),
  // 8,000 KiB outside the pools of huge pages.
  memoryKiB: new Map([['total', 417_600]]),
  cells: [cell(0, 10), cell(1, 40)],
  ksm: new Map(),
  pools: [
    {
      name: 'default',
      state: 2,
      capacityBytes: 1_000,
      allocationBytes: 10,
      availableBytes: 990,
      path: '/images',
    },
  ],
  local: undefined,
};

const RUNNING: RunState = { active: true, state: DomainState.running, reason: 1 };
const OFF: RunState = { active: false, state: DomainState.shutoff, reason: 1 };

function vm(name: string, xml: string, over: Partial<OvercommitDomain> = {}): OvercommitDomain {
  const facts = parseDomain(`<domain>${xml}</domain>`);
  return {
    name,
    run: RUNNING,
    vcpus: facts.cpu.vcpusCurrent,
    maximumKiB: facts.memory.maximumKiB,
    memoryKiB: facts.memory.currentKiB,
    facts,
    stats: undefined,
    marks: { autostart: true, managedSave: false },
    ...over,
  };
}
const pinned = (...cpus: number[]): string =>
  `<vcpu>${cpus.length}</vcpu><cputune>${cpus.map((cpu, id) => `<vcpupin vcpu='${id}' cpuset='${cpu}'/>`).join('')}</cputune>`;

test('a CPU is dedicated to vCPUs that are confined to as many CPUs, or fewer, within a cell', () => {
  const dedicated = (...domains: OvercommitDomain[]) => overcommitOf(host, domains).cpusDedicated;
  expect(dedicated(vm('floats', '<vcpu>2</vcpu>'))).toBe(0);
  expect(dedicated(vm('pinned', pinned(0)), vm('floats', '<vcpu>2</vcpu>'))).toBe(1);
  expect(dedicated(vm('whole cells', "<vcpu cpuset='0-3'>2</vcpu>"), vm('one', pinned(2, 3)))).toBe(2);
  expect(dedicated(vm('off', pinned(0, 1), { run: OFF }))).toBe(0);
  expect(
    overcommitOf({ ...host, topology: undefined }, [vm('pinned', pinned(0))]).cpusDedicated,
  ).toBeUndefined();
});

test('ratios count running VMs, and all that are defined beside them', () => {
  const on = vm('on', '<vcpu>6</vcpu><memory>6000</memory><currentMemory>3000</currentMemory>');
  const off = vm('off', '<vcpu>2</vcpu><memory>9000</memory>', { run: OFF });
  expect(overcommitOf(host, [on, off])).toMatchObject({
    vcpusRunning: 6,
    vcpusDefined: 8,
    vcpuRatio: 1.5,
    vcpuRatioDefined: 2,
    memoryMaximumRatio: 0.75,
    memoryCurrentRatio: 0.375,
  });
});

test('a paused VM holds its memory, and its vCPUs count as paused and not as running', () => {
  const xml = '<vcpu>6</vcpu><memory>6000</memory><currentMemory>3000</currentMemory>';
  const paused = vm('paused', xml, {
    run: { active: true, state: DomainState.paused, reason: PausedReason.user },
  });
  const on = vm('on', '<vcpu>2</vcpu><memory>2000</memory>');
  expect(overcommitOf(host, [paused, on])).toMatchObject({
    vcpusRunning: 2,
    vcpusPaused: 6,
    vcpusDefined: 8,
    vcpuRatio: 0.5,
    vcpuRatioDefined: 2,
    memoryMaximumRatio: 1,
    memoryCurrentRatio: 0.625,
    memoryMigratingKiB: 0,
  });
});

const NAMED_STATES = [
  ['no state that libvirt knows', { active: true, state: DomainState.none }, 'runs'],
  ['a state that could not be read', { active: true, state: undefined }, 'runs'],
  ['running', { active: true, state: DomainState.running }, 'runs'],
  ['blocked', { active: true, state: DomainState.blocked }, 'runs'],
  ['paused by a user', { active: true, state: DomainState.paused, reason: PausedReason.user }, 'held'],
  [
    'paused by an I/O error',
    { active: true, state: DomainState.paused, reason: PausedReason.ioError },
    'held',
  ],
  [
    'the destination of a migration',
    { active: true, state: DomainState.paused, reason: PausedReason.migration },
    'copy',
  ],
  [
    'the source of a post-copy migration',
    { active: true, state: DomainState.paused, reason: PausedReason.postCopy },
    'copy',
  ],
  ['off but not yet gone', { active: true, state: DomainState.shutdown }, 'held'],
  ['suspended by its guest', { active: true, state: DomainState.pmSuspended }, 'held'],
  ['crashed and kept', { active: true, state: DomainState.crashed }, 'held'],
  ['crashed and gone', { active: false, state: DomainState.crashed }, 'off'],
  ['shut off', { active: false, state: DomainState.shutoff }, 'off'],
] as const;

test.each(NAMED_STATES)('a VM that is %s counts as it should', (_, run, counts) => {
  const state = { reason: 0, ...run };
  const { vcpusRunning, vcpusPaused, memoryMaximumKiB, memoryMigratingKiB } = overcommitOf(host, [
    vm('a', '<vcpu>2</vcpu><memory>2000</memory>', { run: state }),
  ]);
  expect({ vcpusRunning, vcpusPaused, memoryMaximumKiB, memoryMigratingKiB }).toEqual({
    vcpusRunning: counts === 'runs' ? 2 : 0,
    vcpusPaused: counts === 'held' || counts === 'copy' ? 2 : 0,
    memoryMaximumKiB: counts === 'off' ? 0 : 2_000,
    memoryMigratingKiB: counts === 'copy' ? 2_000 : 0,
  });
  expect(vcpusCanRun(state)).toBe(counts === 'runs');
});

test('without a host to compare with there is no ratio', () => {
  const unknown = { ...host, cpusOnline: undefined, memoryKiB: new Map<string, number>() };
  const { vcpuRatio, memoryMaximumRatio } = overcommitOf(unknown, [vm('a', '<vcpu>2</vcpu>')]);
  expect([vcpuRatio, memoryMaximumRatio]).toEqual([undefined, undefined]);
});

test('a CPU to which two vCPUs are pinned is not dedicated; a shared range claims nothing', () => {
  const shared = vm('c', "<vcpu>1</vcpu><cputune><vcpupin vcpu='0' cpuset='0-3'/></cputune>");
  const stopped = vm('d', pinned(2), { run: OFF });
  const { cpusDedicatedTwice } = overcommitOf(host, [
    vm('a', pinned(0, 1)),
    vm('b', pinned(1, 2)),
    shared,
    stopped,
  ]);
  expect(cpusDedicatedTwice).toBe(1);
});

test('huge pages that stopped VMs will need are compared with the free pages where they must lie', () => {
  const backed = (numa: string): string =>
    `<memory>40960</memory>${numa}<memoryBacking><hugepages><page size='2048'/></hugepages></memoryBacking>`;
  const bound = vm('a', backed("<numatune><memory mode='strict' nodeset='0'/></numatune>"), {
    run: OFF,
  });
  const free = vm('b', backed(''), { run: OFF });
  const running = vm('c', backed(''));
  expect(overcommitOf(host, [bound, free, running]).hugepages).toEqual([
    { sizeKiB: 2_048, cell: 0, wanted: 20, free: 10 },
    { sizeKiB: 2_048, cell: undefined, wanted: 20, free: 50 },
  ]);
});

const off = (reason: number): RunState => ({ active: false, state: DomainState.shutoff, reason });
const NO_MARKS = { autostart: false, managedSave: false };
const ON_HUGE_PAGES = "<memoryBacking><hugepages><page size='2048'/></hugepages></memoryBacking>";

test.each([
  ['is shut down and starts with the host', off(ShutoffReason.shutdown), { ...NO_MARKS, autostart: true }, 1],
  ['has a managed save image', off(ShutoffReason.saved), { ...NO_MARKS, managedSave: true }, 1],
  ['crashed', off(ShutoffReason.crashed), NO_MARKS, 1],
  ['was killed by libvirtd as it reconnected', off(ShutoffReason.daemon), NO_MARKS, 1],
  ['was shut down', off(ShutoffReason.shutdown), NO_MARKS, 0],
  ['was destroyed', off(ShutoffReason.destroyed), NO_MARKS, 0],
  ['has migrated away and left its definition', off(ShutoffReason.migrated), NO_MARKS, 0],
  ['has not run since libvirtd was started', off(ShutoffReason.unknown), NO_MARKS, 0],
  ['has marks that are unknown', off(ShutoffReason.shutdown), undefined, 0],
] as const)('huge pages are wanted by a VM that starts again: one that %s', (_, run, marks, demands) => {
  const { hugepages } = overcommitOf(host, [
    vm('a', `<memory>4096</memory>${ON_HUGE_PAGES}`, { run, marks }),
  ]);
  expect(hugepages).toHaveLength(demands);
});

test('memory on huge pages is beside the ratios, which are of what is left of the host', () => {
  const plain = vm('plain', '<memory>6000</memory><currentMemory>3000</currentMemory>');
  const huge = vm('huge', `<memory>204800</memory><currentMemory>204800</currentMemory>${ON_HUGE_PAGES}`);
  expect(overcommitOf(host, [plain, huge])).toMatchObject({
    memoryMaximumKiB: 210_800,
    memoryHugepagesKiB: 204_800,
    memoryMaximumRatio: 0.75,
    memoryCurrentRatio: 0.375,
  });
  // /proc is newer than libvirt's last list of pages.
  const local = { load: undefined, pressure: new Map(), vmstat: new Map() };
  const shrunk = { ...host, local: { ...local, meminfoKiB: new Map([['Hugetlb', 405_600]]) } };
  expect(overcommitOf(shrunk, [plain, huge])).toMatchObject({ memoryMaximumRatio: 0.5 });
});

test('where a host does not report its pools, memory on huge pages counts like all other', () => {
  const unknown = { ...host, cells: [] };
  const huge = vm('huge', `<memory>208800</memory>${ON_HUGE_PAGES}`);
  expect(overcommitOf(unknown, [huge])).toMatchObject({
    memoryMaximumRatio: 0.5,
    memoryHugepagesKiB: undefined,
    memoryMigratingHugepagesKiB: undefined,
  });
});

test('a VM of which only a part is on huge pages has the rest in ordinary memory', () => {
  const cells =
    "<cpu><numa><cell id='0' cpus='0' memory='4096'/><cell id='1' cpus='1' memory='8192'/></numa></cpu>";
  const page = "<memoryBacking><hugepages><page size='2048' nodeset='1'/></hugepages></memoryBacking>";
  const half = vm('half', `<vcpu>2</vcpu><memory>12288</memory>${cells}${page}`);
  expect(overcommitOf(host, [half])).toMatchObject({
    memoryHugepagesKiB: 8_192,
    memoryMaximumRatio: 4_096 / 8_000,
  });
});

test('of the copy of a migration, memory on huge pages is known apart, and its disks count on the other host', () => {
  const disk =
    "<devices><disk type='file'><source file='/images/a.img'/><target dev='vda'/></disk></devices>";
  const stats = readDomainStats([
    { field: 'block.0.name', type: 7, value: 'vda' },
    { field: 'block.0.capacity', type: 4, value: 1_500 },
  ]);
  const xml = `<memory>4096</memory>${ON_HUGE_PAGES}${disk}`;
  const copy = { active: true, state: DomainState.paused, reason: PausedReason.migration };
  expect(overcommitOf(host, [vm('a', xml, { run: copy, stats })])).toMatchObject({
    memoryMigratingKiB: 4_096,
    memoryHugepagesKiB: 4_096,
    memoryMigratingHugepagesKiB: 4_096,
    pools: [],
  });
});

test('the definition that a migration leaves behind counts neither vCPUs nor disks', () => {
  const disk =
    "<devices><disk type='file'><source file='/images/a.img'/><target dev='vda'/></disk></devices>";
  const stats = readDomainStats([
    { field: 'block.0.name', type: 7, value: 'vda' },
    { field: 'block.0.capacity', type: 4, value: 1_500 },
  ]);
  const xml = `<vcpu>2</vcpu><memory>4096</memory>${disk}`;
  const gone = vm('gone', xml, { run: off(ShutoffReason.migrated), stats });
  expect(overcommitOf(host, [gone])).toMatchObject({ domains: 1, vcpusDefined: 0, pools: [] });
  const shut = vm('shut', xml, { run: off(ShutoffReason.shutdown), stats });
  expect(overcommitOf(host, [shut])).toMatchObject({
    vcpusDefined: 2,
    pools: [{ pool: 'default', provisionedBytes: 1_500 }],
  });
});

test('disks count against the pool that their images lie in, an image that two VMs share once', () => {
  const disk =
    "<devices><disk type='file'><source file='/images/a.img'/><target dev='vda'/></disk></devices>";
  const elsewhere =
    "<devices><disk type='file'><source file='/imagesX/b.img'/><target dev='vda'/></disk></devices>";
  const stats = readDomainStats([
    { field: 'block.0.name', type: 7, value: 'vda' },
    { field: 'block.0.capacity', type: 4, value: 1_500 },
  ]);
  const domains = [vm('a', disk, { stats }), vm('b', disk, { stats }), vm('c', elsewhere, { stats })];
  expect(overcommitOf(host, domains).pools).toEqual([{ pool: 'default', provisionedBytes: 1_500 }]);
});

test('a disk counts in the pool with the deepest folder above it, in whatever order libvirt lists them', () => {
  const [images] = host.pools;
  if (images === undefined) throw new Error('the host has no pool');
  const nested = { ...images, name: 'nfs', path: '/images/nfs' };
  const disk = (target: string, file: string): string =>
    `<disk type='file'><source file='${file}'/><target dev='${target}'/></disk>`;
  const xml = `<devices>${disk('vda', '/images/a.img')}${disk('vdb', '/images/nfs/b.img')}</devices>`;
  const stats = readDomainStats(
    ['vda', 'vdb'].flatMap((name, index) => [
      { field: `block.${index}.name`, type: 7, value: name },
      { field: `block.${index}.capacity`, type: 4, value: 100 * (index + 1) },
    ]),
  );
  const provisioned = (...pools: (typeof images)[]) =>
    overcommitOf({ ...host, pools }, [vm('a', xml, { stats })]).pools;
  const [onSsd, onNfs] = [
    { pool: 'default', provisionedBytes: 100 },
    { pool: 'nfs', provisionedBytes: 200 },
  ];
  expect(provisioned(images, nested)).toEqual([onSsd, onNfs]);
  expect(provisioned(nested, images)).toEqual([onNfs, onSsd]);
});

test('a host of which libvirt reports no CPU and no memory has no ratio, not an infinite one', () => {
  const empty = { ...host, cpusOnline: 0, memoryKiB: new Map([['total', 0]]) };
  const one = vm('a', '<vcpu>2</vcpu><memory>6000</memory>');
  expect(overcommitOf(empty, [one])).toMatchObject({ vcpuRatio: undefined, memoryMaximumRatio: undefined });
});

test('page demands add up by size and cell; pages of the default size and VMs without a definition are left out', () => {
  const backed = (pages: string, numa = ''): string =>
    `<memory>40960</memory>${numa}<memoryBacking><hugepages>${pages}</hugepages></memoryBacking>`;
  const small = "<page size='2048'/>";
  const onOne = "<numatune><memory mode='strict' nodeset='1'/></numatune>";
  const onBoth = "<numatune><memory mode='strict' nodeset='0-1'/></numatune>";
  const { hugepages } = overcommitOf(host, [
    vm('default', backed(''), { run: OFF }),
    vm('unknown', '', { run: OFF, facts: undefined }),
    vm('a', backed(small, onOne), { run: OFF }),
    vm('b', backed(small, onOne), { run: OFF }),
    vm('c', backed(small, onBoth), { run: OFF }),
    vm('d', backed("<page size='8192'/>"), { run: OFF }),
  ]);
  expect(hugepages).toEqual([
    { sizeKiB: 2_048, cell: 1, wanted: 40, free: 40 },
    { sizeKiB: 2_048, cell: undefined, wanted: 20, free: 50 },
    { sizeKiB: 8_192, cell: undefined, wanted: 5, free: undefined },
  ]);
});

test('a volume counts in the pool it names; images outside pools and disks without a size count nowhere', () => {
  const [images] = host.pools;
  if (images === undefined) throw new Error('the host has no pool');
  const withPools = {
    ...host,
    pools: [
      { ...images, name: 'no-path', path: undefined },
      { ...images, name: 'empty', path: '/empty' },
      { ...images, name: 'fast', path: '/fast/' },
      images,
    ],
  };
  const disk = (target: string, type: string, source: string): string =>
    `<disk type='${type}'><source ${source}/><target dev='${target}'/></disk>`;
  const xml = `<devices>
    ${disk('vda', 'volume', "pool='fast' volume='a.img'")}
    ${disk('vdb', 'file', "file='/fast/b.img'")}
    ${disk('vdc', 'file', "file='/elsewhere/c.img'")}
    ${disk('vdd', 'file', "file='/images/no-size.img'")}
    <disk type='file' device='cdrom'><target dev='sda'/></disk>
  </devices>`;
  const stats = readDomainStats(
    ['vda', 'vdb', 'vdc'].flatMap((name, index) => [
      { field: `block.${index}.name`, type: 7, value: name },
      { field: `block.${index}.capacity`, type: 4, value: 100 * (index + 1) },
    ]),
  );
  const domains = [
    vm('not asked', xml),
    vm('undefined', xml, { facts: undefined, stats }),
    vm('a', xml, { stats }),
  ];
  expect(overcommitOf(withPools, domains).pools).toEqual([{ pool: 'fast', provisionedBytes: 300 }]);
  expect(overcommitOf({ ...host, pools: [] }, domains).pools).toEqual([]);
});

test('whether a VM is too wide is unknown where the VM or the host is', () => {
  const two = vm('a', '<vcpu>2</vcpu>');
  const blind = { ...host, topology: undefined, cpusOnline: undefined };
  const unknown = { widerThanHost: undefined, widerThanCell: undefined };
  expect(fitsOf(blind, [two])).toEqual([unknown]);
  expect(fitsOf(host, [{ ...two, vcpus: undefined }])).toEqual([unknown]);
  expect(fitsOf(host, [vm('as wide as the host', '<vcpu>4</vcpu>')])).toEqual([
    { widerThanHost: false, widerThanCell: true },
  ]);
});

test('a VM is compared with the largest of cells that differ', () => {
  const cells = host.topology?.cells.map((each, index) =>
    index === 0 ? { ...each, cpus: each.cpus.slice(0, 1) } : each,
  );
  if (host.topology === undefined || cells === undefined) throw new Error('the host has no topology');
  const uneven = { ...host, topology: { ...host.topology, cells } };
  expect(fitsOf(uneven, [vm('two', '<vcpu>2</vcpu>')])).toMatchObject([{ widerThanCell: false }]);
});

test('CPU time of a VM is the sum over its vCPUs that report run and delay, and unknown without any', () => {
  const counter = (field: string, value: number) => ({ field, type: ParamType.ullong, value });
  const stats = readDomainStats([
    counter('vcpu.0.time', 100),
    counter('vcpu.0.delay', 10),
    counter('vcpu.1.time', 200),
    counter('vcpu.1.delay', 20),
    counter('vcpu.2.time', 4_000),
    counter('vcpu.3.delay', 8_000),
  ]);
  expect(vcpuTimesOf(stats)).toEqual({ runNs: 300, delayNs: 30 });
  expect(vcpuTimesOf(readDomainStats([counter('vcpu.0.time', 100)]))).toBeUndefined();
});

test('a VM may be wider than a cell, or than the whole host', () => {
  const fits = fitsOf(host, [
    vm('a', '<vcpu>2</vcpu>'),
    vm('b', '<vcpu>3</vcpu>'),
    vm('c', '<vcpu>5</vcpu>'),
  ]);
  expect(fits).toEqual([
    { widerThanHost: false, widerThanCell: false },
    { widerThanHost: false, widerThanCell: true },
    { widerThanHost: true, widerThanCell: true },
  ]);
});

test('contention is the share of demand that was not served, over VMs that are in both samples', () => {
  const before = new Map([
    ['a', { runNs: 100, delayNs: 10 }],
    ['restarted', { runNs: 500, delayNs: 500 }],
  ]);
  const after = new Map([
    ['a', { runNs: 400, delayNs: 110 }],
    ['restarted', { runNs: 5, delayNs: 5 }],
    ['new', { runNs: 900, delayNs: 900 }],
  ]);
  const contention = contentionBetween(before, after, 1_000);
  expect(contention).toEqual({ runNs: 300, delayNs: 100, elapsedMs: 1_000 });
  expect(contentionRatio({ runNs: 300, delayNs: 100, elapsedMs: 1_000 })).toBe(0.25);
  expect(contentionRatio({ runNs: 0, delayNs: 0, elapsedMs: 1_000 })).toBeUndefined();
});

test.each([
  ['the time that ran', { runNs: 50, delayNs: 20 }],
  ['the time that waited', { runNs: 200, delayNs: 5 }],
])('a counter that fell is a new one: %s says nothing, of this VM alone', (_, fallen) => {
  const before = new Map([
    ['steady', { runNs: 100, delayNs: 10 }],
    ['fell', { runNs: 100, delayNs: 10 }],
  ]);
  const after = new Map([
    ['steady', { runNs: 190, delayNs: 20 }],
    ['fell', fallen],
  ]);
  expect(contentionBetween(before, after, 1_000)).toEqual({ runNs: 90, delayNs: 10, elapsedMs: 1_000 });
  expect(
    contentionBetween(new Map([...before].slice(1)), new Map([...after].slice(1)), 1_000),
  ).toBeUndefined();
});

test('nothing is computed from unknown figures: no missing pages, no empty pool, no idle host', () => {
  const xml =
    '<memory>4096</memory><memoryBacking><hugepages><page size="2048"/></hugepages></memoryBacking>';
  const blind = { ...host, cells: [] };
  const { hugepages, pools } = overcommitOf(blind, [vm('a', xml, { run: OFF })]);
  expect(hugepages).toEqual([{ sizeKiB: 2_048, cell: undefined, wanted: 2, free: undefined }]);
  expect(pools).toEqual([]);
  expect(contentionBetween(new Map(), new Map([['a', { runNs: 1, delayNs: 1 }]]), 1_000)).toBeUndefined();
});
