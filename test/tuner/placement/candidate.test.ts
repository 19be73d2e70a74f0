import { expect, test } from 'vitest';
import {
  type DedicatedCandidate,
  type HelperCandidate,
  type HelperCpu,
  merged,
  ownHelperCost,
} from '../../../tuner/placement/candidate.ts';
import { WEIGHTS } from '../../../tuner/placement/cost.ts';
import { helperCandidates } from '../../../tuner/placement/helper-cpus.ts';
import { presentVcpus } from '../../../tuner/placement/present-place.ts';
import { ALL, Budget, LIKELY } from '../../../tuner/placement/search.ts';
import { type CoreState, HostState } from '../../../tuner/placement/state.ts';
import type { DedicatedRequest } from '../../../tuner/placement/types.ts';
import { HOSTS, hostOf } from './hosts.ts';
import { dedicated, placeAt } from './requests.ts';

const request = { guest: 'db01' } as DedicatedRequest;
const vcpus: DedicatedCandidate = {
  kind: 'dedicated',
  request,
  cells: [],
  helpers: [],
  ownCost: 7,
  addedCost: 9,
};

test('a VM whose helpers are placed after its vCPUs costs both, and has the CPUs of both', () => {
  const helpers = [{ cpu: 3 }] as unknown as HelperCandidate['helpers'];
  const candidate: HelperCandidate = { kind: 'helpers', request, vcpus, helpers, ownCost: 5, addedCost: 2 };
  expect(merged(candidate)).toEqual({ ...vcpus, helpers, ownCost: 12 });
  expect(merged(vcpus)).toBe(vcpus);
});

/** For two helper CPUs of a VM on cells 0 and 1, at distance 21. */
test('each helper in another cell than its VM costs its distance', () => {
  const state = new HostState(hostOf(HOSTS.smtOff), []);
  const on = (cpu: number): HelperCpu => ({ core: state.coreOf.get(cpu) as CoreState, cpu });
  const place = { cell: 0, memoryCell: 0, vcpus: [], cores: [] };
  const cost = (...cpus: number[]): number => ownHelperCost(state, [place], cpus.map(on));
  expect([cost(1), cost(8), cost(8, 9), cost(1, 9)]).toEqual([0, 44, 88, 44]);
});

test('helpers that leave their CPUs cost that, and stay if their present CPUs are free', () => {
  const db = dedicated('db', 2, { emulatorCpus: 1, current: placeAt('db', 0, [4, 5]) });
  const state = new HostState(hostOf(HOSTS.smtOff), [db]);
  const vcpus = presentVcpus(state, db) as DedicatedCandidate;
  const moveCost = (): number => WEIGHTS.helpersMoved;
  for (const width of [LIKELY, ALL]) {
    const { candidates } = helperCandidates({ state, budget: new Budget(1_000), moveCost }, vcpus, width);
    expect(Math.min(...candidates.map(({ ownCost }) => ownCost))).toBe(WEIGHTS.helpersMoved);
  }
});
