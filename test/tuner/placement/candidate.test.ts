import { expect, test } from 'vitest';
import { type DedicatedCandidate, type HelperCandidate, merged } from '../../../tuner/placement/candidate.ts';
import type { DedicatedRequest } from '../../../tuner/placement/types.ts';

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
