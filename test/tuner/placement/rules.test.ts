import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dedicatedAssignment, nodeAssignment } from '../../../tuner/placement/assign.ts';
import { costing } from '../../../tuner/placement/cost.ts';
import { place } from '../../../tuner/placement/policy.ts';
import { Budget } from '../../../tuner/placement/search.ts';
import { Solver } from '../../../tuner/placement/solver.ts';
import type {
  Assignment,
  Claim,
  DedicatedRequest,
  Placement,
  PlacementHost,
  PlacementRequest,
} from '../../../tuner/placement/types.ts';
import { anyHost, manyRequests } from './random-hosts.ts';
import { dedicated, placementLine } from './requests.ts';
import { brokenRules } from './rules.ts';

const RUNS = { numRuns: 40, seed: 20_260_503 };
const TIME = { timeout: 120_000 };

/** The placed VMs, with the places that they got. */
function settled(requests: readonly PlacementRequest[], { assignments }: Placement): PlacementRequest[] {
  return requests.flatMap((request) => {
    const current = assignments.find(({ guest }) => guest === request.guest);
    return current === undefined ? [] : [{ ...request, current }];
  });
}

test(
  'no placement breaks a rule: no CPU twice, guest cells whole and apart, whole cores, pages and memory',
  TIME,
  () => {
    fc.assert(
      fc.property(anyHost, manyRequests, fc.boolean(), (host, requests, rebalance) => {
        const { assignments, refusals } = place(host, requests, { rebalance });
        expect(brokenRules(host, requests, assignments)).toEqual([]);
        const answered = [...assignments, ...refusals].map(({ guest }) => guest);
        expect(answered.sort()).toEqual(requests.map(({ guest }) => guest).sort());
      }),
      RUNS,
    );
  },
);

test('the same question has the same answer', TIME, () => {
  fc.assert(
    fc.property(anyHost, manyRequests, (host, requests) => {
      const [once, twice] = [place(host, requests), place(host, requests)];
      expect(twice.assignments.map(placementLine)).toEqual(once.assignments.map(placementLine));
      expect(twice.refusals).toEqual(once.refusals);
    }),
    { ...RUNS, numRuns: 20 },
  );
});

test('what is placed and asked for again stays as it is, and breaks no rule', TIME, () => {
  fc.assert(
    fc.property(anyHost, manyRequests, (host, requests) => {
      const first = place(host, requests);
      const again = place(host, settled(requests, first));
      expect(again.assignments.map(placementLine)).toEqual(first.assignments.map(placementLine));
      expect(again.moved).toEqual([]);
    }),
    RUNS,
  );
});

/** The host with these VMs as unmanaged ones, whose places are fixed. */
function strangers(host: PlacementHost, placed: readonly PlacementRequest[]): PlacementHost {
  const taken = new Map<number, readonly Claim[]>(host.taken);
  for (const { guest, current, ...request } of placed) {
    if (request.kind === 'node' || current === undefined) continue;
    const cpus = new Set(current.vcpus.flatMap((set) => [...set]));
    const owns = (core: PlacementHost['cores'][number], cpu: number): boolean =>
      cpus.has(cpu) || (request.threads !== 'prefer' && core.cpus.some((other) => cpus.has(other)));
    for (const core of host.cores) {
      for (const cpu of core.cpus) if (owns(core, cpu)) taken.set(cpu, [{ guest, by: 'vcpus' }]);
    }
  }
  return { ...host, taken };
}

test('a VM that is added moves none of the others while there is room beside them', TIME, () => {
  let added = 0;
  fc.assert(
    fc.property(anyHost, manyRequests, fc.constantFrom(1, 2, 4, 8), (host, requests, vcpus) => {
      const own = requests.flatMap((request): DedicatedRequest[] =>
        request.kind === 'node'
          ? []
          : [{ ...request, emulatorCpus: 0, ioThreadCpus: 0, pageKiB: undefined, bound: false }],
      );
      const before = settled(own, place(host, own));
      const asked = dedicated('new', vcpus, { bound: false });
      if (place(strangers(host, before), [asked]).kind === 'refused') return;
      added++;
      const { kind, moved } = place(host, [...before, asked]);
      expect([kind, moved]).toEqual(['placed', []]);
    }),
    RUNS,
  );
  expect(added).toBeGreaterThan(10);
});

test('the cost that the search keeps step by step is that of its outcome', TIME, () => {
  let found = 0;
  fc.assert(
    fc.property(anyHost, manyRequests, (host, requests) => {
      const solver = new Solver(host, requests, { budget: new Budget(20_000), moveCost: () => 0 });
      const outcome = solver.solve(requests);
      if (outcome.kind === 'none') return;
      found++;
      solver.commit(outcome);
      const assignments = requests.flatMap((request): Assignment[] => {
        const candidate = solver.placeOf(request);
        if (candidate === undefined) return [];
        return candidate.kind === 'node'
          ? [nodeAssignment(candidate, solver.state.sharedPool(candidate.cell))]
          : [dedicatedAssignment(host, candidate)];
      });
      expect(assignments).toHaveLength(requests.length);
      expect(outcome.cost).toBeCloseTo(costing(host, requests, { rebalance: true })(assignments), 6);
      for (const request of requests) solver.release(request);
      expect(solver.state.cost).toBeCloseTo(0, 6);
    }),
    RUNS,
  );
  expect(found).toBeGreaterThan(10);
});

test('no VM with dedicated CPUs makes a placement cheaper', TIME, () => {
  fc.assert(
    fc.property(anyHost, manyRequests, (host, requests) => {
      const own = requests.filter(({ kind }) => kind === 'dedicated');
      const { assignments } = place(host, own);
      const costOf = costing(host, own, { rebalance: false });
      const costs = assignments.map((_, index) => costOf(assignments.slice(0, index + 1)));
      expect(costs).toEqual(costs.toSorted((a, b) => a - b));
      expect(costs[0] ?? 0).toBeGreaterThanOrEqual(0);
    }),
    RUNS,
  );
});
