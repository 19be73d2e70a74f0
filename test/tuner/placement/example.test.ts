import { expect, test } from 'vitest';
import { CpuSet } from '../../../model/cpu-set.ts';
import { vmCandidates } from '../../../tuner/placement/candidates.ts';
import { place, placeFairly, type WorstRatio } from '../../../tuner/placement/policy.ts';
import { ALL, Budget } from '../../../tuner/placement/search.ts';
import { Solver } from '../../../tuner/placement/solver.ts';
import type { PlacementRequest } from '../../../tuner/placement/types.ts';
import { hostOf } from './hosts.ts';
import { dedicated } from './requests.ts';

/** The example at the top of tuner/placement/policy.ts. */
const host = hostOf(
  { cells: [4, 4], threads: 2, siblings: 'together' },
  { hostCpus: CpuSet.of([0, 1, 8, 9]) },
);
const [packed] = place(host, [dedicated('web', 2)]).assignments;
const web = dedicated('web', 2, {
  current: packed && { ...packed, vcpus: [CpuSet.of([2]), CpuSet.of([4])] },
});
const db = dedicated('db', 4, { guestThreads: 2 });
const x = dedicated('x', 6, { threads: 'require' });
const y = dedicated('y', 4, { threads: 'require' });

/** The CPU of each vCPU, by VM. */
const cpusOf = (requests: readonly PlacementRequest[]): Record<string, string> =>
  Object.fromEntries(place(host, requests).assignments.map(({ guest, vcpus }) => [guest, vcpus.join(',')]));

test('rung 1: web stays, and db takes the cheaper of its two candidates', () => {
  const solver = new Solver(host, [web, db], { budget: new Budget(1_000), moveCost: () => 0 });
  expect(solver.keep([web])).toEqual([]);
  const context = { state: solver.state, budget: new Budget(1_000), moveCost: () => 0 };
  const { candidates, complete } = vmCandidates(context, db, ALL);
  const costs = candidates.map(({ ownCost, addedCost }) => [ownCost, Math.round(addedCost * 10) / 10]);
  expect(costs).toEqual([
    [0, 12.4],
    [45, 146.6],
  ]);
  expect(complete).toBe(true);
  expect(cpusOf([web, db])).toEqual({ web: '2,4', db: '10,11,12,13' });
});

test('rung 1: db gives way to big, which has room in one cell only, and no VM moves', () => {
  expect(cpusOf([web, db, dedicated('big', 6)])).toMatchObject({ web: '2,4', db: '6,7,3,5' });
});

test('rung 2: web moves where it is in the way', () => {
  expect(cpusOf([web, x, y])).toEqual({ web: '14,15', x: '2,3,4,5,6,7', y: '10,11,12,13' });
  expect(place(host, [web, x, y]).moved).toEqual(['web']);
});

test('rung 3: z is refused, with the reason and what would make room', () => {
  const { refusals } = place(host, [web, x, y, dedicated('z', 2, { threads: 'isolate' })]);
  expect(refusals).toEqual([
    {
      guest: 'z',
      code: 'NO_CORES',
      text: 'cell 0 has 0 free cores and cell 1 has 0 free cores; z needs 2',
      next: 'omit y from the plan (it would get CPUs 10-13)',
    },
  ]);
});

test('rung 4: web is packed onto one core, and 20 shared vCPUs get six CPUs instead of four', () => {
  const worstRatio: WorstRatio = (assignments) => {
    const own = new Set(assignments.flatMap(({ vcpus }) => vcpus.flatMap((cpus) => [...cpus])));
    const left = host.cores.filter(({ cpus }) => !cpus.some((cpu) => own.has(cpu)));
    return 20 / left.flatMap(({ cpus }) => cpus).length;
  };
  const before = place(host, [web, db]);
  const after = placeFairly(host, [web, db], { worstRatio });
  expect([worstRatio(before.assignments), worstRatio(after.assignments)]).toEqual([5, 20 / 6]);
  expect(after.repinned).toEqual(['web']);
  expect(after.assignments.map(({ vcpus }) => vcpus.join(','))).toEqual(['6,7', '2,3,4,5']);
});
