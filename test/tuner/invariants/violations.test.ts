import { expect, test } from 'vitest';
import { CpuSet } from '../../../model/cpu-set.ts';
import type { DomainState } from '../../../tuner/facts/facts.ts';
import {
  brokenOnHost,
  type HostViolation,
  isKnown,
  knownViolation,
} from '../../../tuner/invariants/violations.ts';
import { host, LOCAL, running } from '../profile/fixtures.ts';

const [state] = [running('<domain><name>a</name><uuid>u</uuid></domain>')];
const sharing = (cpus: string, more: Partial<HostViolation> = {}, other = 'b'): HostViolation => ({
  state: state as DomainState,
  view: 'live',
  violation: {
    code: 'REAL_TIME_SHARES_CPU',
    level: 'refuse',
    created: true,
    text: `CPUs ${cpus} are also used by "${other}"`,
    next: '',
    other,
    cpus: CpuSet.parse(cpus),
  },
  ...more,
});

test.each<[string, HostViolation, boolean]>([
  ['the same', sharing('4-5'), true],
  ['on fewer CPUs', sharing('4'), true],
  ['on another CPU', sharing('5-6'), false],
  ['with another VM', sharing('4', {}, 'c'), false],
  ['at the next boot instead of now', sharing('4', { view: 'inactive' }), false],
])('a violation that is %s as one before is known, and not worse', (_what, now, expected) => {
  expect(isKnown(now, [knownViolation(sharing('4-5'))])).toBe(expected);
});

/** A violation without a count of CPUs. */
const limited = (text: string): HostViolation => ({
  state: state as DomainState,
  view: 'live',
  violation: { code: 'LIMIT_BELOW_NEED', level: 'refuse', created: true, text, next: '' },
});

test('a violation that only words measure is known in the same words alone: a lower limit is worse', () => {
  const before = [knownViolation(limited('hard_limit is 1200 MiB'))];
  expect(isKnown(limited('hard_limit is 1200 MiB'), before)).toBe(true);
  expect(isKnown(limited('hard_limit is 64 MiB'), before)).toBe(false);
  expect(isKnown(sharing('4'), before)).toBe(false);
});

const GUEST = `<domain type='kvm'><name>a</name><uuid>11111111-2222-4333-8444-555555555555</uuid><memory>1024</memory>
  <vcpu>2</vcpu><cputune><vcpupin vcpu='0' cpuset='2'/><vcpupin vcpu='1' cpuset='3'/></cputune>
  <features><kvm><hint-dedicated state='on'/></kvm></features></domain>`;
const pinnedTo = (name: string, cpu: number): DomainState => {
  const other = running(
    `<domain type='kvm'><name>${name}</name><uuid>11111111-2222-4333-8444-00000000000${cpu}</uuid><memory>1024</memory>
     <vcpu>1</vcpu><cputune><vcpupin vcpu='0' cpuset='${cpu}'/></cputune></domain>`,
  );
  return { ...other, domain: { ...other.domain, name, uuid: `other-${cpu}` } };
};

test('each VM on dedicated CPUs of another is reported, so a second one is not hidden by a first that was there before', () => {
  const shared = (...others: DomainState[]): HostViolation[] =>
    brokenOnHost(host(), [running(GUEST), ...others]).filter(
      ({ view, violation }) => view === 'live' && violation.code === 'HINT_SHARES_CPU',
    );
  const before = shared(pinnedTo('x', 2));
  const now = shared(pinnedTo('x', 2), pinnedTo('y', 3));
  expect(now.map(({ violation }) => [violation.other, String(violation.cpus)])).toEqual([
    ['x', '2'],
    ['y', '3'],
  ]);
  expect(now.map((each) => isKnown(each, before.map(knownViolation)))).toEqual([true, false]);
});

test('what a journal has of before a run counts for the running domain too: its old definition may be booted', () => {
  const before = JSON.parse(JSON.stringify([knownViolation(sharing('4-5', { view: 'inactive' }))]));
  expect(isKnown(sharing('4'), before)).toBe(false);
  expect(isKnown(sharing('4'), before, { anyView: true })).toBe(true);
});

const XML = `<domain type='kvm'><name>a</name><uuid>11111111-2222-4333-8444-555555555555</uuid><memory>1024</memory>
  <vcpu>1</vcpu><resource><partition>/machine/prod</partition></resource>
  <cputune><vcpupin vcpu='0' cpuset='10'/></cputune></domain>`;

test('a domain in a partition is judged by the CPUs of that partition', () => {
  const cpusets = new Map([
    ['machine.slice', { cpus: CpuSet.parse('0-7'), memoryCells: undefined }],
    ['machine.slice/machine-prod.slice', { cpus: CpuSet.parse('8-15'), memoryCells: undefined }],
  ]);
  const local = { ...LOCAL, vmCpus: CpuSet.parse('0-7') };
  const codes = (more: object): string[] =>
    brokenOnHost(host({ local: { ...local, ...more } }), [running(XML)]).map(
      ({ violation }) => violation.code,
    );
  expect(codes({})).toContain('PIN_NOT_ONLINE');
  expect(codes({ cpusets })).not.toContain('PIN_NOT_ONLINE');
});
