import fc from 'fast-check';
import { expect, test } from 'vitest';
import { costing } from '../../../tuner/placement/cost.ts';
import { place } from '../../../tuner/placement/place.ts';
import type { Placement, PlacementRequest } from '../../../tuner/placement/types.ts';
import { anyHost, manyRequests } from './random-hosts.ts';
import { dedicated, told } from './requests.ts';
import { brokenRules } from './rules.ts';

const RUNS = { numRuns: 150, seed: 20_260_503 };
const TIME = { timeout: 60_000 };

/** The same VMs with the places that they got. */
function settled(requests: readonly PlacementRequest[], { assignments }: Placement): PlacementRequest[] {
  return requests.flatMap((request) => {
    const current = assignments.find(({ guest }) => guest === request.guest);
    return current === undefined ? [] : [{ ...request, current }];
  });
}

test(
  'no placement breaks a rule: no CPU twice, guest cells apart and whole, whole cores, pages and memory there',
  TIME,
  () => {
    fc.assert(
      fc.property(anyHost, manyRequests, (host, requests) => {
        const { assignments, refusals } = place(host, requests);
        expect(brokenRules(host, requests, assignments)).toEqual([]);
        expect([...assignments, ...refusals].map(({ guest }) => guest).sort()).toEqual(
          requests.map(({ guest }) => guest).sort(),
        );
      }),
      RUNS,
    );
  },
);

test('the same question has the same answer', TIME, () => {
  fc.assert(
    fc.property(anyHost, manyRequests, (host, requests) => {
      const [once, twice] = [place(host, requests), place(host, requests)];
      expect(twice.assignments.map(told)).toEqual(once.assignments.map(told));
      expect(twice.refusals).toEqual(once.refusals);
    }),
    { ...RUNS, numRuns: 50 },
  );
});

test('what is placed and asked for again stays as it is', TIME, () => {
  fc.assert(
    fc.property(anyHost, manyRequests, (host, requests) => {
      const first = place(host, requests);
      const again = place(host, settled(requests, first));
      expect(again.assignments.map(told)).toEqual(first.assignments.map(told));
      expect(again.moved).toEqual([]);
    }),
    RUNS,
  );
});

test('a VM that is added moves none of the others while there is room beside them', TIME, () => {
  let added = 0;
  fc.assert(
    fc.property(anyHost, manyRequests, fc.constantFrom(1, 2, 4), (host, requests, vcpus) => {
      const first = place(host, requests);
      const before = settled(requests, first);
      const taken = new Map(host.taken);
      for (const [index, assignment] of first.assignments.entries()) {
        const request = before[index] as PlacementRequest;
        if (request.kind === 'node') return;
        const closed = request.threads !== 'prefer';
        const cpus = new Set(assignment.vcpus.flatMap((set) => [...set]));
        for (const core of host.cores) {
          for (const cpu of core.cpus) {
            if (cpus.has(cpu) || (closed && core.cpus.some((other) => cpus.has(other)))) {
              taken.set(cpu, [{ guest: request.guest, by: 'vcpus' }]);
            }
          }
        }
        if (request.emulatorCpus + request.ioThreadCpus > 0) return;
      }
      const asked = dedicated('new', vcpus, { bound: false });
      if (place({ ...host, taken }, [asked]).kind === 'refused') return;
      added++;
      const after = place(host, [...before, asked]);
      expect(after.moved).toEqual([]);
      expect(after.kind).toBe('placed');
    }),
    { ...RUNS, numRuns: 400 },
  );
  expect(added).toBeGreaterThan(20);
});

test('every VM that is placed costs something or nothing, and none makes others cheaper', TIME, () => {
  fc.assert(
    fc.property(anyHost, manyRequests, (host, requests) => {
      const own = requests.filter(({ kind }) => kind === 'dedicated');
      const { assignments } = place(host, own);
      const costOf = costing(host, own, { rebalance: false });
      const costs = assignments.map((_, count) => costOf(assignments.slice(0, count + 1)));
      expect(costs).toEqual(costs.toSorted((a, b) => a - b));
      expect(costs[0] ?? 0).toBeGreaterThanOrEqual(0);
    }),
    RUNS,
  );
});
