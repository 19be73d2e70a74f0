import fc from 'fast-check';
import { CpuSet } from '../../../model/cpu-set.ts';
import type {
  Claim,
  DedicatedRequest,
  PlacementHost,
  PlacementRequest,
} from '../../../tuner/placement/types.ts';
import { GIB, hostOf, type Shape } from './hosts.ts';
import { dedicated, inCells, sharing } from './requests.ts';

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
const oneOf = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);

/** Small hosts of all kinds: few cells, unequal cells, with and without SMT, caches, pools, pins of others. */
export const smallHost = hosts(
  fc
    .array(oneOf(0, 1, 2, 3, 3, 4, 4), { minLength: 1, maxLength: 3 })
    .filter((cells) => sum(cells) > 1 && sum(cells) < 9),
);

/** The same with up to four cells of up to twelve cores. */
export const anyHost = hosts(
  fc.array(oneOf(0, 4, 8, 8, 12), { minLength: 1, maxLength: 4 }).filter((cells) => sum(cells) > 0),
);

function hosts(ofCells: fc.Arbitrary<number[]>): fc.Arbitrary<PlacementHost> {
  return ofCells.chain((cells) =>
    fc
      .record({
        threads: oneOf(1, 2, 2, 2),
        caches: oneOf(1, 2),
        siblings: oneOf<'together' | 'apart'>('together', 'apart'),
        distances: fc.array(oneOf(11, 16, 21, 32), { minLength: 6, maxLength: 6 }),
        memoryGiB: oneOf(12, 64, 64),
        pages: fc.integer({ min: 2, max: 8 }),
        floatingPages: oneOf(0, 0, 2),
        hostCpus: someCpus(2),
        isolated: fc.option(someCpus(6), { nil: [], freq: 2 }),
        efficiency: fc.option(someCpus(3), { nil: [], freq: 1 }),
        taken: fc.array(fc.tuple(fc.nat(95), oneOf<Claim['by']>('vcpus', 'helpers'), oneOf('a', 'b')), {
          maxLength: 2,
        }),
        narrow: someCpus(2),
      })
      .map((made) => {
        const { threads, caches, siblings, memoryGiB, pages } = made;
        const distance: Shape['distance'] = (from, to) => made.distances[from + to - 1] as number;
        const shape = { cells, threads, caches, siblings, memoryGiB, pages: { [GIB]: pages }, distance };
        const cpus = sum(cells) * threads;
        const set = (numbers: readonly number[]): CpuSet => CpuSet.of(numbers.map((cpu) => cpu % cpus));
        const host = hostOf(shape, {
          hostCpus: set(made.hostCpus),
          isolated: set(made.isolated),
          efficiencyCpus: set(made.efficiency),
        });
        const usable = new Set(host.cores.flatMap((core) => core.cpus));
        const taken = made.taken
          .map(([cpu, by, guest]) => [cpu % cpus, [{ guest, by }]] as const)
          .filter(([cpu]) => usable.has(cpu));
        const narrow = set(made.narrow);
        return {
          ...host,
          taken: new Map(taken),
          floaters: narrow.size === 0 ? [] : [{ guest: 'narrow', cpus: narrow, narrow: true }],
          floatingPages: new Map([[GIB, made.floatingPages]]),
        };
      }),
  );
}

function someCpus(most: number): fc.Arbitrary<number[]> {
  return fc.array(fc.nat(95), { maxLength: most });
}

const wish: fc.Arbitrary<Partial<DedicatedRequest>> = fc.record({
  threads: oneOf<DedicatedRequest['threads']>('prefer', 'prefer', 'prefer', 'isolate', 'require'),
  guestThreads: oneOf(1, 2),
  emulatorCpus: oneOf(0, 0, 0, 1),
  ioThreadCpus: oneOf(0, 0, 0, 0, 0, 1),
  pageKiB: oneOf(undefined, undefined, undefined, GIB),
  deviceCells: oneOf(undefined, undefined, undefined, [0], [1], [0, 1]),
});

const memoryCell = oneOf(undefined, undefined, undefined, undefined, undefined, undefined, undefined, 0, 1);

/** VMs that may or may not fit on a host. */
const requests = (most: number, widest: number): fc.Arbitrary<PlacementRequest[]> =>
  fc
    .array(
      fc.tuple(
        oneOf('one', 'one', 'one', 'one', 'two', 'node'),
        oneOf(1, 2, 2, 3, widest, widest),
        wish,
        memoryCell,
      ),
      {
        minLength: 1,
        maxLength: most,
      },
    )
    .map((made) =>
      made.map(([kind, vcpus, more, from], index): PlacementRequest => {
        const guest = `vm${index}`;
        if (kind === 'node')
          return sharing(guest, vcpus, {
            pageKiB: more.pageKiB,
            bound: vcpus === 2,
            deviceCells: more.deviceCells,
          });
        if (kind === 'two') return inCells(guest, [vcpus, Math.ceil(vcpus / 2)], more);
        const one = dedicated(guest, vcpus, more);
        return { ...one, cells: one.cells.map((cell) => ({ ...cell, memoryCell: from })) };
      }),
    );

export const fewRequests = requests(3, 4);
export const manyRequests = requests(7, 8);
export const oneRequest = requests(1, 6).map(([request]) => request as PlacementRequest);
