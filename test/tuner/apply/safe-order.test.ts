import { expect, test } from 'vitest';
import { safeOrder } from '../../../tuner/apply/safe-order.ts';
import type { Assignment } from '../../../tuner/placement/types.ts';
import type { DomainPlan, Plan } from '../../../tuner/plan/plan.ts';
import { host, running } from '../profile/fixtures.ts';
import { DEDICATED_HINT, uuidOf } from './fixtures.ts';

interface Place {
  /** The pin of each vCPU. */
  readonly pins: readonly string[];
  /** The guest has the hint that its CPUs are dedicated. */
  readonly hint?: boolean;
}

function xmlOf(name: string, { pins, hint = false }: Place): string {
  const cputune = pins.map((cpus, vcpu) => `<vcpupin vcpu='${vcpu}' cpuset='${cpus}'/>`).join('');
  const features = hint ? DEDICATED_HINT : '';
  return `<domain type='kvm'><name>${name}</name><uuid>${uuidOf(name)}</uuid><memory>1048576</memory>
    <vcpu>${pins.length}</vcpu><cputune>${cputune}</cputune>${features}<devices/></domain>`;
}

/** A domain that moves from one place to another, both now and at its next boot. */
function moves(name: string, from: Place, to: Place, kind?: Assignment['kind']): DomainPlan {
  const domain = { name, uuid: uuidOf(name) };
  return {
    state: running(xmlOf(name, from)),
    steps: [
      { kind: 'definition', domain, to: xmlOf(name, to) },
      { kind: 'restart', domain, to: 'restarted' },
    ],
    assignment: kind === undefined ? undefined : ({ guest: name, kind } as Assignment),
  } as unknown as DomainPlan;
}

/** Names of the groups. */
const groupsOf = (domains: readonly DomainPlan[]): string[][] =>
  safeOrder({ domains, host: host() } as unknown as Plan).map((group) =>
    group.map(({ state }) => state.domain.name),
  );

/** The same; checks that it does not depend on the order of the domains in the plan. */
function orderOf(...domains: readonly DomainPlan[]): string[][] {
  const groups = groupsOf(domains);
  expect(groupsOf(domains.toReversed())).toEqual(groups);
  return groups;
}

const at = (...pins: readonly string[]): Place => ({ pins });
const alone = (...pins: readonly string[]): Place => ({ pins, hint: true });

test('a domain that leaves CPUs comes before the one that takes them', () => {
  expect(orderOf(moves('a', at('2', '3'), at('4', '5')), moves('b', at('6', '7'), at('2', '3')))).toEqual([
    ['a'],
    ['b'],
  ]);
});

test('domains that wait for each other in a row are a group each', () => {
  const chain = [
    moves('c', at('6', '7'), at('4', '5')),
    moves('a', at('2', '3'), at('8', '9')),
    moves('b', at('4', '5'), at('2', '3')),
  ];
  expect(orderOf(...chain)).toEqual([['a'], ['b'], ['c']]);
});

test('domains that swap CPUs are one group, and the one that takes what they leave is another', () => {
  const [a, b] = [moves('a', at('2', '3'), at('4', '5')), moves('b', at('4', '6'), at('2', '3'))];
  const c = moves('c', at('8'), at('6'));
  for (const domains of [
    [a, b, c],
    [c, b, a],
    [b, c, a],
  ])
    expect(groupsOf(domains).map((group) => group.toSorted())).toEqual([['a', 'b'], ['c']]);
});

test('of domains that swap, the one that gets dedicated CPUs comes last', () => {
  expect(orderOf(moves('a', at('2', '3'), alone('4', '5')), moves('b', at('4', '5'), at('2', '3')))).toEqual([
    ['b', 'a'],
  ]);
});

test('a VM on shared CPUs comes before one that gets dedicated CPUs', () => {
  expect(
    orderOf(
      moves('a', at('2', '3'), at('4', '5'), 'dedicated'),
      moves('b', at('8-11', '8-11'), at('12-15', '12-15')),
    ),
  ).toEqual([['b'], ['a']]);
});

test('a VM on shared CPUs waits for the one whose dedicated CPUs it is to share', () => {
  expect(
    orderOf(
      moves('a', at('2', '3'), at('6', '7'), 'dedicated'),
      moves('b', at('8-11', '8-11'), at('2-5', '2-5')),
    ),
  ).toEqual([['a'], ['b']]);
});

test('a VM that gets dedicated CPUs waits for the one that shared them', () => {
  expect(
    orderOf(
      moves('a', at('8', '9'), at('2', '3'), 'dedicated'),
      moves('b', at('2-5', '2-5'), at('12-15', '12-15'), 'dedicated'),
    ),
  ).toEqual([['b'], ['a']]);
});

test('domains that keep a CPU which both use do not wait for each other', () => {
  const both = [moves('a', at('2', '3'), at('2', '4')), moves('b', at('2', '6'), at('2', '7'))];
  expect(groupsOf(both)).toEqual([['a'], ['b']]);
});

test('a domain without steps is not in the order', () => {
  const still = { ...moves('a', at('2'), at('3')), steps: [] };
  expect(orderOf(still, moves('b', at('4'), at('5')))).toEqual([['b']]);
});
