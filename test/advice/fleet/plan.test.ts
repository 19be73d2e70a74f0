import { expect, test } from 'vitest';
import { type ConstraintsFile, constraintsOf } from '../../../advice/fleet/constraints.ts';
import type { FleetHost } from '../../../advice/fleet/fleet.ts';
import { type FleetPlan, planFleet } from '../../../advice/fleet/plan.ts';
import { GIB, hostOf, vmOf, vmsOf } from './made-fleet.ts';

const plan = (hosts: readonly FleetHost[], file: ConstraintsFile = {}): FleetPlan =>
  planFleet({ hosts }, constraintsOf(file));
const movesOf = ({ moves }: FleetPlan): string[] =>
  moves.map(({ vm, from, to }) => `${vm.name}: ${from.id} -> ${to.id}`);
const stateOf = ({ hosts }: FleetPlan, id: string) => hosts.find(({ host }) => host.id === id);

/** A demand of 20 CPUs on 16. */
const busy = (over: Partial<FleetHost> = {}): FleetHost =>
  hostOf('busy', [...vmsOf('small', 2, 2, 2, 2, 2), vmOf('wide', 10)], over);
const idle = (name = 'idle', over: Partial<FleetHost> = {}): FleetHost => hostOf(name, vmsOf(name, 1), over);

test('a fleet within its limits needs no moves', () => {
  const { moves, hosts } = plan([idle('a'), hostOf('b', vmsOf('b', 2, 2, 2))]);
  expect(moves).toEqual([]);
  expect(hosts.map(({ state }) => state)).toEqual(['calm', 'calm']);
});

test('one move is preferred to two, and the host with contention gets below the limit', () => {
  const result = plan([busy(), idle()]);
  expect(movesOf(result)).toEqual(['wide: busy -> idle']);
  const { before, after, state } = stateOf(result, 'busy') ?? expect.unreachable();
  expect(state).toBe('relieved');
  expect(before.contention).toBeCloseTo(0.2, 2);
  expect(after.contention).toBeLessThan(0.04);
});

test('of VMs that relieve as much, the one with the least memory moves', () => {
  const vms = [
    vmOf('large', 6, { neededBytes: 64 * GIB }),
    vmOf('little', 6),
    vmOf('other', 6, { neededBytes: 8 * GIB }),
  ];
  expect(movesOf(plan([hostOf('busy', vms), idle()]))).toEqual(['little: busy -> idle']);
});

test('VMs that are busy at different hours share a host', () => {
  const at = (hour: number) => Float32Array.from({ length: 24 }, (_, each) => (each === hour ? 12 : 0.5));
  const shift = (name: string, hour: number) => vmOf(name, 12, { demandCpus: at(hour) });
  expect(plan([hostOf('a', [shift('night', 2), shift('day', 14)]), idle('b')]).moves).toEqual([]);
  expect(movesOf(plan([hostOf('a', [shift('one', 2), shift('two', 2)]), idle('b')]))).toHaveLength(1);
});

test('memory above the limit is relieved too, of a host without CPU contention', () => {
  const vms = [0, 1, 2, 3].map((id) =>
    vmOf(`m${id}`, 0.1, { neededBytes: 60 * GIB, maximumBytes: 60 * GIB }),
  );
  const result = plan([hostOf('full', vms), idle()]);
  expect(movesOf(result)).toEqual(['m0: full -> idle']);
  expect(result.moves[0]?.why).toBe('memory');
  expect(stateOf(result, 'full')?.after.memory).toBeLessThan(0.85);
});

test('memory that is relieved gets below the limit by the headroom, not just below the limit', () => {
  const of = (gib: number) => vmOf(`m${gib}`, 0.1, { neededBytes: gib * GIB, maximumBytes: gib * GIB });
  // 234 of 256 GiB are 91 %. Without the VM of 10 GiB 87.5 % remain, without that of 30 GiB 79.7 %.
  const full = hostOf('full', [of(10), of(30), { ...of(190), stays: 'test' }]);
  expect(movesOf(plan([full, idle()]))).toEqual(['m30: full -> idle']);
});

test.each([
  ['pinned', { isPinned: true }],
  ['kept by the constraints', {}],
  ['with a device of the host', { stays: 'it drives devices of its host' }],
  ['that dirties memory too fast', { dirtyBytesPerSecond: 2 * GIB }],
])('a VM that is %s stays, and the next one moves', (_, over) => {
  const vms = [vmOf('fixed', 10, over), ...vmsOf('small', 5, 5)];
  const moves = movesOf(plan([hostOf('busy', vms), idle()], { stay: ['fixed'] }));
  expect(moves).toEqual(['small-0: busy -> idle']);
});

test('a host that cannot be relieved says why', () => {
  const reason = (hosts: readonly FleetHost[], file: ConstraintsFile = {}) =>
    stateOf(plan(hosts, file), 'busy')?.reason;
  expect(reason([busy()], { stay: ['*'] })).toBe('none of its VMs can move: the constraints keep it there');
  expect(reason([busy(), idle('i', { isInMaintenance: true })])).toBe(
    'constraints allow no other host for its VMs',
  );
  expect(reason([busy(), hostOf('b', vmsOf('b', 14))])).toBe('other hosts of the cluster lack CPUs');
  expect(reason([busy(), idle('i', { memoryBytes: 12 * GIB })])).toBe(
    'other hosts of the cluster lack memory',
  );
  expect(reason([busy(), idle('i', { cluster: 'other' })])).toBe('its VMs that can move relieve too little');
});

test('no VM moves to a host of another cluster, in maintenance, closed, with another CPU or without its storage', () => {
  const wide = vmOf('wide', 10, { storage: ['nfs'] });
  const hosts = [
    hostOf('busy', [wide, ...vmsOf('s', 5, 5).map((vm) => ({ ...vm, stays: 'test' }))]),
    idle('a', { cluster: 'other' }),
    idle('b', { isInMaintenance: true }),
    idle('c', { cpuModel: 'EPYC-Rome', storage: new Set(['nfs']) }),
    idle('d'),
    idle('e', { storage: new Set(['nfs']) }),
  ];
  const closed = { closed: ['e'] };
  expect(plan(hosts, closed).moves).toEqual([]);
  const compatible = { ...closed, cpu_compatible: [['Cascadelake-Server', 'EPYC-Rome']] };
  expect(movesOf(plan(hosts, compatible))).toEqual(['wide: busy -> c']);
  expect(movesOf(plan(hosts))).toEqual(['wide: busy -> e']);
});

test('a guest with a named CPU model moves to a host on which such guests run', () => {
  const named = { cpuMode: 'custom', cpuModel: 'x86-64-v3' };
  const stays = vmsOf('s', 5, 5).map((vm) => ({ ...vm, stays: 'test' }));
  const old = (vms: Parameters<typeof hostOf>[1]) => hostOf('old', vms, { cpuModel: 'Broadwell' });
  const hot = hostOf('busy', [vmOf('wide', 10, named), ...stays]);
  expect(plan([hot, old([])]).moves).toEqual([]);
  expect(movesOf(plan([hot, old([vmOf('like', 1, named)])]))).toEqual(['wide: busy -> old']);
});

test('anti-affinity from the file and from metadata keeps VMs apart, affinity moves them together', () => {
  const [db, web] = [vmOf('db-1', 10), vmOf('web', 10)];
  const target = hostOf('idle', [vmOf('db-2', 1)]);
  const apart = { anti_affinity: [{ vms: ['db-*'] }] };
  expect(movesOf(plan([hostOf('busy', [db, web]), target]))).toEqual(['db-1: busy -> idle']);
  expect(movesOf(plan([hostOf('busy', [db, web]), target], apart))).toEqual(['web: busy -> idle']);

  const labelled = (name: string, label: string) => vmOf(name, 6, { labels: new Map([[label, 'x']]) });
  const ha = [labelled('one', 'anti_affinity'), vmOf('two', 6), vmOf('three', 6)];
  const other = hostOf('idle', [labelled('ha', 'anti_affinity')]);
  expect(movesOf(plan([hostOf('busy', ha), other]))).toEqual(['three: busy -> idle']);

  const pair = [
    labelled('app', 'affinity'),
    labelled('cache', 'affinity'),
    { ...vmOf('z', 6), stays: 'test' },
  ];
  expect(movesOf(plan([hostOf('busy', pair), idle()]))).toEqual(['app: busy -> idle', 'cache: busy -> idle']);
});

test('a VM on huge pages moves to a host with enough of them', () => {
  const huge = vmOf('huge', 10, { hugePageBytes: 32 * GIB, neededBytes: 0, maximumBytes: 0 });
  const hot = hostOf('busy', [huge, ...vmsOf('s', 5, 5).map((vm) => ({ ...vm, stays: 'test' }))], {
    hugePageBytes: 64 * GIB,
  });
  expect(stateOf(plan([hot, idle('i', { hugePageBytes: 16 * GIB })]), 'busy')?.reason).toBe(
    'other hosts of the cluster lack huge pages',
  );
  expect(movesOf(plan([hot, idle('i', { hugePageBytes: 32 * GIB })]))).toEqual(['huge: busy -> i']);
});

test('VMs with dedicated CPUs do not count on the CPUs that others share', () => {
  const pinned = vmOf('pinned', 8, { isPinned: true });
  const hosts = [busy(), hostOf('idle', [pinned, ...vmsOf('i', 1)], { dedicatedCpus: 8 })];
  // 8 CPUs are left: not enough for 10, but enough for two small VMs.
  expect(movesOf(plan(hosts))).toEqual(['small-0: busy -> idle', 'small-1: busy -> idle']);
});

test('a move that takes more CPU time than it saves within the horizon is not proposed', () => {
  const spike = Float32Array.from({ length: 24 }, (_, hour) => (hour === 3 ? 4.6 : 0.2));
  const vms = [0, 1, 2, 3].map((id) =>
    vmOf(`v${id}`, 5, { demandCpus: spike, neededBytes: 40 * GIB, maximumBytes: 40 * GIB }),
  );
  const hosts = [hostOf('busy', vms), idle()];
  expect(movesOf(plan(hosts))).toHaveLength(1);
  const slow = plan(hosts, { bandwidth: 4 * 1024 ** 2, horizon: 3_600 });
  expect(slow.moves).toEqual([]);
  expect(stateOf(slow, 'busy')?.state).toBe('over');
});

test('contention that demand does not explain is reported, and no VM is moved for it', () => {
  const { hosts, moves } = plan([
    idle('quota', { measuredContention: 0.4 }),
    idle('swaps', { isSwapping: true }),
  ]);
  expect(moves).toEqual([]);
  expect(hosts.map(({ state, reason }) => [state, reason?.slice(0, 20)])).toEqual([
    ['unexplained', 'measured contention '],
    ['unexplained', 'it swaps in although'],
  ]);
});

test('a share of almost no demand is not contention to explain, and one that is not known to be that is', () => {
  const { hosts } = plan([
    idle('idle', { measuredContention: 0.13, measuredShortfallCpus: 0.1 }),
    idle('quota', { measuredContention: 0.13, measuredShortfallCpus: 0.11 }),
    idle('unknown', { measuredContention: 0.13 }),
  ]);
  expect(hosts.map(({ state }) => state)).toEqual(['calm', 'unexplained', 'unexplained']);
});

test('loss of a host: VMs that find no room are reported, and what is missing', () => {
  const large = (name: string) => vmOf(name, 1, { neededBytes: 100 * GIB, maximumBytes: 100 * GIB });
  const { clusters, moves } = plan([
    hostOf('a', [large('a1'), large('a2')]),
    hostOf('b', [large('b1'), large('b2')]),
  ]);
  expect(moves).toEqual([]);
  expect(clusters).toMatchObject([
    {
      cluster: 'one',
      hosts: 2,
      strandedBefore: 2,
      stranded: [{ host: { id: 'a' }, lacks: 'memory' }, { host: { id: 'b' } }],
    },
  ]);
  expect(plan([hostOf('a', [large('a1')]), hostOf('b', [large('b1')])]).clusters[0]?.stranded).toEqual([]);
});

test('loss of a host: VMs restart on a host with their storage, and apart from those that they are kept apart from', () => {
  const stranded = (hosts: readonly FleetHost[], file: ConstraintsFile = {}) => {
    const { clusters } = plan(hosts, file);
    return clusters[0]?.stranded.map(({ host, vm, lacks }) => `${vm.name} of ${host.id}: ${lacks}`);
  };
  const apart = { anti_affinity: [{ vms: ['db-*'] }] };
  const two = [hostOf('a', [vmOf('db-1', 1)]), hostOf('b', [vmOf('db-2', 1)])];
  expect(stranded(two)).toEqual([]);
  expect(stranded(two, apart)).toEqual(['db-1 of a: constraints', 'db-2 of b: constraints']);
  expect(stranded([...two, hostOf('c', [])], apart)).toEqual([]);
  // Each of them alone would fit on b.
  const together = [hostOf('a', [vmOf('db-1', 1), vmOf('db-2', 1)]), hostOf('b', [])];
  expect(stranded(together)).toEqual([]);
  expect(stranded(together, apart)).toEqual(['db-2 of a: constraints']);
  const stored = (storage: readonly string[]) => [
    hostOf('a', [vmOf('stored', 1, { storage: ['nfs'] })]),
    hostOf('b', [], { storage: new Set(storage) }),
  ];
  expect(stranded(stored(['ceph']))).toEqual(['stored of a: constraints']);
  expect(stranded(stored(['ceph', 'nfs']))).toEqual([]);
});

test('loss of a host: room that is there in pieces is put together by one move', () => {
  const of = (name: string, gib: number) =>
    vmOf(name, 0.5, { neededBytes: gib * GIB, maximumBytes: gib * GIB });
  // The 140 GiB of "large" fit nowhere: b and c have 129 GiB left each. With b2 on c, b has 149.
  const hosts = [
    hostOf('a', [of('large', 140)]),
    hostOf('b', [of('b1', 100), of('b2', 20)]),
    hostOf('c', [of('c1', 100), of('c2', 20)]),
  ];
  const limited = { limits: { memory: 0.99 } };
  const result = plan(hosts, limited);
  expect(result.clusters[0]).toMatchObject({ strandedBefore: 1, stranded: [] });
  expect(result.moves).toMatchObject([{ why: 'loss of a host' }]);
});

test('VMs on disks of their host alone are not counted among those that restart elsewhere', () => {
  const large = (isLocal: boolean) =>
    vmOf('l', 1, { maximumBytes: 300 * GIB, neededBytes: 10 * GIB, isLocal });
  expect(plan([hostOf('a', [large(false)]), idle('b'), idle('c')]).clusters[0]?.stranded).toHaveLength(1);
  expect(plan([hostOf('a', [large(true)]), idle('b'), idle('c')]).clusters[0]?.stranded).toEqual([]);
});
