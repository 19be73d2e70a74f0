import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { type Constraints, constraintsOf } from '../../../advice/fleet/constraints.ts';
import { type Fleet, type FleetHost, type FleetVm, SLOTS } from '../../../advice/fleet/fleet.ts';
import { needOf } from '../../../advice/fleet/occupancy.ts';
import { type Move, planFleet } from '../../../advice/fleet/plan.ts';
import { goalOf, isOver, meets, shortageFor, strainOf } from '../../../advice/fleet/strain.ts';
import { GIB, hostOf, vmOf } from './made-fleet.ts';

/** `.ci/nightly` runs enough to have found faults that occur in one fleet of tens of thousands. */
const RUNS = { numRuns: Number(process.env['VIRTUNE_FLEETS'] ?? 150) };
vi.setConfig({ testTimeout: 20_000 + RUNS.numRuns * 10 });

const CONSTRAINTS: Constraints = constraintsOf({
  stay: ['stay-*'],
  affinity: [{ label: 'pair' }],
  anti_affinity: [{ label: 'set' }],
  cpu_compatible: [['A', 'B']],
});

const vms = fc.record({
  cpus: fc.double({ min: 0.1, max: 9, noNaN: true }),
  peakHour: fc.integer({ min: 0, max: SLOTS - 1 }),
  burst: fc.double({ min: 0, max: 2, noNaN: true }),
  gib: fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 12 }) }, fc.integer({ min: 1, max: 90 })),
  used: fc.double({ min: 0.3, max: 1, noNaN: true }),
  hugeGib: fc.constantFrom(0, 0, 0, 0, 0, 0, 8),
  kind: fc.constantFrom(...Array<string>(12).fill('free'), 'stay', 'pinned', 'device', 'dirty'),
  storage: fc.constantFrom([], [], [], ['nfs'], ['rbd', 'nfs']),
  cpuMode: fc.constantFrom('host-model', 'custom', undefined),
  pair: fc.constantFrom('', '', '', 'p', 'q'),
  set: fc.constantFrom('', '', 's', 't'),
});
const hosts = fc.record({
  // Some are crowded and some nearly empty, so that moves are needed and possible.
  vms: fc.oneof(fc.array(vms, { minLength: 5, maxLength: 12, size: 'max' }), fc.array(vms, { maxLength: 2 })),
  cpus: fc.constantFrom(8, 16, 32),
  gib: fc.constantFrom(256, 512),
  hugeGib: fc.constantFrom(0, 32),
  cluster: fc.constantFrom('one', 'one', 'one', 'one', 'one', 'two'),
  model: fc.constantFrom('A', 'A', 'A', 'B', 'B', 'C', undefined),
  storage: fc.constantFrom(['nfs'], ['nfs', 'rbd']),
  isInMaintenance: fc.constantFrom(false, false, false, false, false, false, true),
});

const fleets = fc.array(hosts, { minLength: 2, maxLength: 8, size: 'max' }).map(
  (given): Fleet => ({
    hosts: given.map((host, at) =>
      hostOf(
        `h${at}`,
        host.vms.map((each, index) => {
          const vm = each.kind === 'stay' ? `stay-${at}-${index}` : `vm-${at}-${index}`;
          const demandCpus = new Float32Array(SLOTS).fill(each.cpus * 0.6);
          demandCpus[each.peakHour] = each.cpus;
          return vmOf(vm, each.cpus, {
            demandCpus,
            burstVariance: each.burst,
            maximumBytes: each.gib * GIB,
            neededBytes: Math.round(each.gib * each.used * GIB),
            hugePageBytes: each.hugeGib * GIB,
            isPinned: each.kind === 'pinned',
            stays: each.kind === 'device' ? 'it drives devices of its host' : undefined,
            dirtyBytesPerSecond: each.kind === 'dirty' ? 100 * GIB : undefined,
            storage: each.storage,
            cpuMode: each.cpuMode,
            labels: new Map([
              ['pair', each.pair],
              ['set', each.set],
            ]),
          });
        }),
        {
          cpus: host.cpus,
          memoryBytes: host.gib * GIB,
          hugePageBytes: host.hugeGib * GIB,
          cluster: host.cluster,
          cpuModel: host.model,
          storage: new Set(host.storage),
          isInMaintenance: host.isInMaintenance,
        },
      ),
    ),
  }),
);

/** The fleet after these moves. */
function after({ hosts }: Fleet, moves: readonly Move[]): Fleet {
  const of = new Map(moves.map(({ vm, to }) => [vm.uuid, to.id]));
  const all = hosts.flatMap((host) => host.vms.map((vm) => ({ vm, host: of.get(vm.uuid) ?? host.id })));
  return {
    hosts: hosts.map((host) => ({
      ...host,
      vms: all.filter((each) => each.host === host.id).map(({ vm }) => vm),
    })),
  };
}

const sortedVms = ({ vms }: FleetHost): FleetVm[] => vms.toSorted((a, b) => (a.uuid < b.uuid ? -1 : 1));
const needAt = (host: FleetHost) => needOf(host, sortedVms(host));
const strainAt = (host: FleetHost) => strainOf(host, needAt(host));
const named = (fleet: Fleet, { id }: FleetHost): FleetHost =>
  fleet.hosts.find((host) => host.id === id) ?? expect.unreachable();

test('moves keep to the constraints, at every step', () => {
  fc.assert(
    fc.property(fleets, (fleet) => {
      const { moves } = planFleet(fleet, CONSTRAINTS);
      expect(new Set(moves.map(({ vm }) => vm.uuid)).size).toBe(moves.length);
      for (const [index, { vm, from, to }] of moves.entries()) {
        const now = after(fleet, moves.slice(0, index));
        expect(vm.name).toMatch(/^vm-/);
        expect(vm.isPinned || vm.stays !== undefined || vm.dirtyBytesPerSecond !== undefined).toBe(false);
        expect(to.cluster).toBe(from.cluster);
        expect(to.isInMaintenance).toBe(false);
        expect(vm.storage.filter((key) => !to.storage.has(key))).toEqual([]);
        const models = [from.cpuModel, to.cpuModel];
        expect(
          vm.cpuMode === undefined ||
            (models[0] === models[1] && models[0] !== undefined) ||
            models.every((model) => model === 'A' || model === 'B'),
        ).toBe(true);
        const set = vm.labels.get('set');
        const others = named(now, to).vms.filter((other) => set !== '' && other.labels.get('set') === set);
        expect(others).toEqual([]);
      }
      const placedAfter = after(fleet, moves);
      for (const { vm, from, to } of moves) {
        const pair = vm.labels.get('pair');
        const left = named(placedAfter, from).vms.filter(
          (other) => pair !== '' && other.labels.get('pair') === pair,
        );
        expect(left, `${vm.name} left its affinity group on ${from.id}, for ${to.id}`).toEqual([]);
      }
    }),
    RUNS,
  );
});

test('no move brings a host above a limit or makes one worse that is above it', () => {
  fc.assert(
    fc.property(fleets, (fleet) => {
      const { moves } = planFleet(fleet, CONSTRAINTS);
      for (const [index, { to }] of moves.entries()) {
        const host = named(after(fleet, moves.slice(0, index + 1)), to);
        // Members of an affinity group arrive one after another, and all of them fit.
        expect(shortageFor(host, needAt(host), CONSTRAINTS.limits)).toBeUndefined();
        expect(isOver(strainAt(host), CONSTRAINTS.limits)).toBe(false);
      }
    }),
    RUNS,
  );
});

test('a second plan, after the moves of the first, has no moves', () => {
  fc.assert(
    fc.property(fleets, (fleet) => {
      const { moves } = planFleet(fleet, CONSTRAINTS);
      expect(planFleet(after(fleet, moves), CONSTRAINTS).moves).toEqual([]);
    }),
    RUNS,
  );
});

test('without any one of its moves, a relieved host would not be relieved', () => {
  fc.assert(
    fc.property(fleets, (fleet) => {
      const { moves, hosts } = planFleet(fleet, CONSTRAINTS);
      for (const { host, before, state } of hosts) {
        const own = moves.filter(({ from }) => from.id === host.id);
        // A move because of a host loss may relieve this host as well.
        if (state !== 'relieved' || own.some(({ why }) => why === 'loss of a host')) continue;
        expect(isOver(before, CONSTRAINTS.limits)).toBe(true);
        const goal = goalOf(before, CONSTRAINTS.limits);
        for (const { vm } of own) {
          // An affinity group moves as a whole.
          const pair = vm.labels.get('pair');
          const group = own.filter(
            (each) => each.vm === vm || (pair !== '' && each.vm.labels.get('pair') === pair),
          );
          const rest = own.filter((each) => !group.includes(each));
          expect(meets(strainAt(named(after(fleet, rest), host)), goal)).toBe(false);
        }
      }
    }),
    RUNS,
  );
});

/** The smallest number of these VMs that must leave for the host to meet its goal. */
function fewest(host: FleetHost): number | undefined {
  const goal = goalOf(strainAt(host), CONSTRAINTS.limits);
  let least: number | undefined;
  for (let chosen = 1; chosen < 2 ** host.vms.length; chosen++) {
    const left = host.vms.filter((_, index) => (chosen & (1 << index)) === 0);
    const moves = host.vms.length - left.length;
    if (moves < (least ?? Number.POSITIVE_INFINITY) && meets(strainAt({ ...host, vms: left }), goal))
      least = moves;
  }
  return least;
}

test('where there is room, a plan has the fewest moves if these are one or two, and else at most one more', () => {
  const demands = fc.array(fc.double({ min: 0.2, max: 9, noNaN: true }), { minLength: 3, maxLength: 9 });
  fc.assert(
    fc.property(demands, (given) => {
      const busy = hostOf(
        'busy',
        given.map((cpus, index) => vmOf(`vm-${index}`, cpus)),
        { cpus: 12 },
      );
      const { moves } = planFleet({ hosts: [busy, hostOf('large', [], { cpus: 256 })] }, CONSTRAINTS);
      const least = isOver(strainAt(busy), CONSTRAINTS.limits) ? (fewest(busy) ?? expect.unreachable()) : 0;
      expect(moves.length).toBeGreaterThanOrEqual(least);
      expect(moves.length).toBeLessThanOrEqual(least <= 2 ? least : least + 1);
    }),
    RUNS,
  );
});

test('where no host is above a limit, moves are made only so that fewer hosts strand VMs when they fail', () => {
  fc.assert(
    fc.property(fleets, (fleet) => {
      const { moves, hosts, clusters } = planFleet(fleet, CONSTRAINTS);
      for (const { cluster, stranded, strandedBefore } of clusters) {
        const isAnyOver = hosts.some(
          ({ host, before }) => host.cluster === cluster && isOver(before, CONSTRAINTS.limits),
        );
        const own = moves.filter(({ from }) => from.cluster === cluster);
        if (isAnyOver) continue;
        expect(own.every(({ why }) => why === 'loss of a host')).toBe(true);
        expect(strandedBefore - stranded.length).toBeGreaterThanOrEqual(own.length);
      }
    }),
    RUNS,
  );
});

test('the order of hosts and VMs makes no difference', () => {
  const moved = (fleet: Fleet): string[] =>
    planFleet(fleet, CONSTRAINTS).moves.map(({ vm, to }) => `${vm.uuid} ${to.id}`);
  fc.assert(
    fc.property(fleets, (fleet) => {
      const reversed = fleet.hosts.toReversed().map((host) => ({ ...host, vms: host.vms.toReversed() }));
      expect(moved({ hosts: reversed })).toEqual(moved(fleet));
    }),
    RUNS,
  );
});
