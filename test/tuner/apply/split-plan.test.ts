import { expect, test } from 'vitest';
import { CpuSet } from '../../../model/cpu-set.ts';
import type { PlanBasis } from '../../../tuner/apply/plan-basis.ts';
import { transactionsOf } from '../../../tuner/apply/split-plan.ts';
import type { DomainPlan, Plan } from '../../../tuner/plan/plan.ts';
import type { Step } from '../../../tuner/steps/step.ts';
import { host, running, state } from '../profile/fixtures.ts';
import { pages, uuidOf } from './fixtures.ts';

const xmlOf = (name: string): string =>
  `<domain type='kvm'><name>${name}</name><uuid>${uuidOf(name)}</uuid><memory>1048576</memory><vcpu>1</vcpu><devices/></domain>`;
const pin = (name: string): Step => ({
  kind: 'vcpuPin',
  domain: { name, uuid: uuidOf(name) },
  vcpu: 0,
  to: '1',
});
const restart = (name: string): Step => ({
  kind: 'restart',
  domain: { name, uuid: uuidOf(name) },
  to: 'restarted',
});

const vm = (name: string, steps: readonly Step[], more: Partial<DomainPlan> = {}): DomainPlan =>
  ({
    state: running(xmlOf(name)),
    profile: { name: 'dense', version: 'v' },
    steps,
    rows: [],
    needsRestart: false,
    ...more,
  }) as unknown as DomainPlan;

const BASIS: PlanBasis = { host: {}, domains: {} };
function split(domains: readonly DomainPlan[], hostSteps: readonly Step[] = [], together = false) {
  const plan = {
    id: 'T1',
    host: host(),
    hostPlan: { rows: [], steps: hostSteps },
    domains,
  } as unknown as Plan;
  return transactionsOf(plan, { command: 'virtune tune apply', together, basis: BASIS });
}
const inShort = (all: ReturnType<typeof split>) =>
  all.map(({ id, domains, steps }) => [id, domains.map(({ domain }) => domain.name).join(' '), steps]);

test('one VM and what the host changes for it are one transaction, with all that the plan is about', () => {
  const still = vm('b', []);
  expect(split([vm('a', [pin('a')]), still], [pages(8)])).toEqual([
    {
      id: 'T1',
      uri: 'qemu:///system',
      hostname: 'kvm1',
      command: 'virtune tune apply',
      domains: ['a', 'b'].map((name) => ({
        domain: { name, uuid: uuidOf(name) },
        profile: 'dense',
        live: xmlOf(name),
        inactive: xmlOf(name),
      })),
      steps: [pages(8), pin('a')],
      notes: [],
      basis: BASIS,
      hostCpus: undefined,
    },
  ]);
});

test('several VMs are a transaction each, after one for the host where it has steps', () => {
  const domains = [vm('a', [pin('a'), restart('a')]), vm('b', [pin('b')]), vm('c', [])];
  expect(inShort(split(domains, [pages(8)]))).toEqual([
    ['T1-0001', '', [pages(8)]],
    ['T1-0002', 'a', [pin('a'), restart('a')]],
    ['T1-0003', 'b', [pin('b')]],
  ]);
  expect(inShort(split(domains))).toEqual([
    ['T1-0001', 'a', [pin('a'), restart('a')]],
    ['T1-0002', 'b', [pin('b')]],
  ]);
});

test('together they are one transaction', () => {
  const domains = [vm('a', [pin('a')]), vm('b', [pin('b')])];
  expect(inShort(split(domains, [pages(8)], true))).toEqual([['T1', 'a b', [pages(8), pin('a'), pin('b')]]]);
});

test('the host alone is one transaction', () => {
  expect(inShort(split([], [pages(8)]))).toEqual([['T1', '', [pages(8)]]]);
});

test('the CPUs that the plan keeps for the host go along, and a VM that is off has no live XML', () => {
  const off = vm('a', [pin('a')], { state: state(xmlOf('a')) });
  const plan = {
    id: 'T1',
    host: host({ hostCpus: CpuSet.parse('0-1') }),
    hostPlan: { steps: [] },
    domains: [off],
  } as unknown as Plan;
  const [only] = transactionsOf(plan, { command: '', together: false, basis: BASIS });
  expect([only?.hostCpus, only?.domains[0]?.live]).toEqual(['0-1', undefined]);
});

test('what waits for a boot is counted for each VM that is not restarted', () => {
  const rows = ['boot', 'live', 'boot', 'same'].map((kind) => ({ verdict: { kind } })) as never;
  const waits = { needsRestart: true, rows };
  const notes = (...domains: readonly DomainPlan[]) => split(domains).flatMap((each) => each.notes);
  expect(notes(vm('a', [pin('a')], waits))).toEqual([
    '"a": 2 settings are pending until its next boot; apply --restart applies them now',
  ]);
  expect(notes(vm('a', [pin('a'), restart('a')], waits))).toEqual([]);
  expect(notes(vm('a', [pin('a')], { rows }))).toEqual([]);
});
