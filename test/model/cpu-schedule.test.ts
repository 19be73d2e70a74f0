import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type CpuGroup, shareOut } from '../../model/cpu-schedule/share-out.ts';
import { CpuSet } from '../../model/cpu-set.ts';

const CPUS = 6;
const NEAR = 1e-4;

/** `vm(weight, ['0-1', 1.5])`: a VM whose vCPUs on CPUs 0 and 1 demand 1.5 CPUs in total. */
const vm = (weight: number, ...classes: readonly [cpus: string, demand: number][]): CpuGroup => ({
  weight,
  classes: classes.map(([cpus, demand]) => ({ cpus: CpuSet.parse(cpus), demand })),
});

/** CPUs that each VM gets. */
const served = (groups: readonly CpuGroup[]): number[] => {
  const parts = shareOut(groups);
  return groups.map(({ classes }, group) =>
    classes.reduce((sum, { demand }, index) => sum + demand * (parts[group]?.[index]?.share ?? 0), 0),
  );
};

const close = (got: readonly number[], expected: readonly number[]): void => {
  expect(got.map((each) => Number(each.toFixed(3)))).toEqual(expected.map((each) => Number(each.toFixed(3))));
};

const cpus = fc
  .uniqueArray(fc.nat(CPUS - 1), { minLength: 1, maxLength: CPUS })
  .map((list) => CpuSet.of(list));
const weight = fc.constantFrom(0.25, 0.5, 1, 2, 64);
const group = fc.record({
  weight,
  classes: fc.array(
    fc.record({ cpus, demand: fc.oneof(fc.constant(0), fc.double({ min: 0.001, max: 4, noNaN: true })) }),
    { minLength: 1, maxLength: 3 },
  ),
});
const host = fc.array(group, { minLength: 1, maxLength: 6 });

/** All classes as one list, with their CPU time and level: CPU time per weight on the CPUs that they use. */
function flat(groups: readonly CpuGroup[]) {
  const parts = shareOut(groups);
  return groups.flatMap(({ weight: own, classes }, index) => {
    const demand = classes.reduce((sum, each) => sum + each.demand, 0);
    return classes.map((each, at) => {
      const { share = Number.NaN, contended = false } = parts[index]?.[at] ?? {};
      return { ...each, share, contended, got: share * each.demand, level: (share * demand) / own };
    });
  });
}

/** Sets of CPUs that are fully used by classes confined to them. */
function fullSets(all: ReturnType<typeof flat>): { readonly of: ReturnType<typeof flat> }[] {
  return Array.from({ length: 2 ** CPUS - 1 }, (_, bits) => {
    const within = CpuSet.of([...Array(CPUS).keys()].filter((cpu) => ((bits + 1) >> cpu) & 1));
    const of = all.filter((each) => each.cpus.isSubsetOf(within) && each.demand > 0);
    const got = of.reduce((sum, each) => sum + each.got, 0);
    expect(got).toBeLessThanOrEqual(within.size + NEAR);
    return { of, isFull: got >= within.size - NEAR };
  }).filter(({ isFull }) => isFull);
}

test('a VM with eight busy vCPUs claims as much as one with one', () => {
  close(served([vm(1, ['0', 1]), vm(1, ['0', 8])]), [0.5, 0.5]);
  // With two CPUs, the single vCPU gets one, and the eight share the other.
  close(served([vm(1, ['0-1', 1]), vm(1, ['0-1', 8])]), [1, 1]);
  close(served([vm(1, ['0-3', 4]), vm(1, ['0-3', 8]), vm(1, ['0-3', 0.5])]), [1.75, 1.75, 0.5]);
});

test('shares scale the claim of a VM, and what it does not ask for goes to the others', () => {
  close(served([vm(2, ['0-2', 3]), vm(1, ['0-2', 3])]), [2, 1]);
  close(served([vm(2, ['0-2', 0.6]), vm(1, ['0-2', 3])]), [0.6, 2.4]);
});

test('where one of its vCPUs is pinned, a VM competes with the part of its weight that its load there has', () => {
  // Two busy vCPUs on two CPUs: half of the weight on each.
  close(served([vm(1, ['0', 1], ['1', 1]), vm(1, ['0', 1])]), [1 / 3 + 1, 2 / 3]);
});

test('what may run elsewhere leaves short CPUs to what is pinned there', () => {
  close(served([vm(1, ['0', 1]), vm(1, ['0-1', 0.8])]), [1, 0.8]);
  close(served([vm(1, ['0', 2]), vm(1, ['0-1', 1]), vm(1, ['0-1', 1])]), [2 / 3, 2 / 3, 2 / 3]);
});

test('a class on CPUs without time left is contended, also where it gets what it asks for', () => {
  const parts = shareOut([vm(1, ['0', 0.2], ['1', 0.2]), vm(1, ['0', 1])]);
  expect(parts).toEqual([
    [
      { share: 1, contended: true },
      { share: 1, contended: false },
    ],
    [{ share: expect.closeTo(0.8, 6), contended: true }],
  ]);
});

test('no class gets more than it asks for, and no CPUs have time left while a class that may use them waits', () => {
  fc.assert(
    fc.property(host, (groups) => {
      const all = flat(groups);
      const full = fullSets(all);
      for (const each of all) {
        expect(each.share).toBeGreaterThanOrEqual(0);
        expect(each.share).toBeLessThanOrEqual(1);
        if (each.share < 1 - NEAR) expect(full.some(({ of }) => of.includes(each))).toBe(true);
        expect(each.share === 1 || each.contended).toBe(true);
      }
    }),
    { numRuns: 300 },
  );
});

test('a class that waits does so for none that has more CPU time per weight', () => {
  fc.assert(
    fc.property(host, (groups) => {
      const all = flat(groups);
      const full = fullSets(all);
      for (const each of all) {
        if (each.share >= 1 - NEAR) continue;
        const isFair = full.some(
          ({ of }) =>
            of.includes(each) && of.every(({ level }) => level <= each.level * (1 + 100 * NEAR) + NEAR),
        );
        expect(isFair).toBe(true);
      }
    }),
    { numRuns: 300 },
  );
});

test('with more weight a VM on one set of CPUs gets no less', () => {
  fc.assert(
    fc.property(
      host,
      cpus,
      fc.double({ min: 0.01, max: 4, noNaN: true }),
      weight,
      (others, own, demand, low) => {
        const with_ = (its: number): number =>
          served([{ weight: its, classes: [{ cpus: own, demand }] }, ...others])[0] as number;
        expect(with_(4 * low)).toBeGreaterThanOrEqual(with_(low) - NEAR);
      },
    ),
  );
});

test('VMs that are equal get the same, in whatever order they come', () => {
  fc.assert(
    fc.property(host, group, (others, one) => {
      const [first = Number.NaN, second = Number.NaN] = served([one, one, ...others]);
      expect(first).toBeCloseTo(second, 6);
      expect(served([...others.toReversed(), one, one]).at(-1)).toBeCloseTo(first, 3);
    }),
  );
});

test('a VM whose load is split into more vCPUs on the same CPUs gains nothing', () => {
  fc.assert(
    fc.property(host, group, fc.integer({ min: 2, max: 8 }), (others, one, pieces) => {
      const split: CpuGroup = {
        weight: one.weight,
        classes: one.classes.flatMap((each) =>
          Array.from({ length: pieces }, () => ({ ...each, demand: each.demand / pieces })),
        ),
      };
      expect(served([split, ...others])[0]).toBeCloseTo(served([one, ...others])[0] as number, 3);
    }),
  );
});

test('CPUs that are asked for exactly what they have are not contended', () => {
  const tenths = Array.from({ length: 30 }, () => vm(1, ['0-2', 0.1]));
  expect(shareOut(tenths).flat()).toEqual(tenths.map(() => ({ share: 1, contended: false })));
  expect(shareOut([])).toEqual([]);
  expect(shareOut([vm(1), vm(1, ['0', 0])])).toEqual([[], [{ share: 1, contended: false }]]);
});
