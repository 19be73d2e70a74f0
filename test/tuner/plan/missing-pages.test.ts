import { expect, test } from 'vitest';
import type { DomainState, HostFacts } from '../../../tuner/facts/facts.ts';
import { refuseMissingPages } from '../../../tuner/plan/missing-pages.ts';
import type { DomainPlan } from '../../../tuner/plan/plan.ts';
import type { Step } from '../../../tuner/steps/step.ts';
import { host, state } from '../profile/fixtures.ts';

const MIB_2 = 2_048;
/** In pages of 2 MiB, from any cell. */
const xmlOf = (memoryMiB: number): string =>
  `<domain type='kvm'><name>pg</name><uuid>11111111-2222-4333-8444-555555555555</uuid>
    <memory unit='MiB'>${memoryMiB}</memory><vcpu>2</vcpu>
    <memoryBacking><hugepages><page size='2' unit='MiB'/></hugepages></memoryBacking></domain>`;

/** One cell with so many pages, all free. */
function hostWith(pages: number): HostFacts {
  const of = host();
  const cells = [{ id: 0, freeKiB: 0, pages: [{ sizeKiB: MIB_2, total: pages, free: pages }] }];
  return { ...of, topology: { ...of.topology, cells: of.topology.cells.slice(0, 1) }, cells };
}

/** Refusals for a domain that is off and would boot with a different memory size. */
function refusals(pages: number, fromMiB: number, toMiB: number, ...steps: readonly Step[]) {
  const pg: DomainState = state(xmlOf(fromMiB));
  const after = xmlOf(toMiB);
  const plan = { state: pg, definition: { before: pg.inactive?.xml, after } } as unknown as DomainPlan;
  const input = { host: hostWith(pages), domains: [pg] } as unknown as Parameters<
    typeof refuseMissingPages
  >[0];
  return refuseMissingPages(input, [plan], () => false, steps);
}

test('a VM that is not placed is refused where the pages of its new definition are missing', () => {
  expect(refusals(512, 1_024, 1_024)).toEqual([]);
  expect(refusals(512, 1_024, 1_044)).toMatchObject([
    { guest: 'pg', code: 'NO_PAGES', text: expect.stringMatching(/^10 pages of 2 MiB are missing/) },
  ]);
});

test('pages that were missing before the plan do not block a VM that wants no more', () => {
  expect(refusals(502, 1_024, 1_024)).toEqual([]);
  expect(refusals(502, 1_024, 1_026)).toMatchObject([{ text: expect.stringMatching(/^11 pages/) }]);
});

test('pages that the same plan allocates first count', () => {
  const grow = (to: number): Step => ({ kind: 'hostPages', cell: 0, sizeKiB: MIB_2, to });
  expect(refusals(512, 1_024, 1_044, grow(522))).toEqual([]);
  expect(refusals(512, 1_024, 1_044, grow(521))).toMatchObject([{ text: expect.stringMatching(/^1 page/) }]);
});
