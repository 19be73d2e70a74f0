import { expect, test } from 'vitest';
import type { Element } from '../../../model/xml.ts';
import { forwardChanges, statesAfter } from '../../../tuner/apply/states-after.ts';
import { domainView } from '../../../tuner/facts/domain-view.ts';
import type { DomainState } from '../../../tuner/facts/facts.ts';
import { ioThreadIds } from '../../../tuner/settings/iothread-ids.ts';
import type { Step, StepDomain } from '../../../tuner/steps/step.ts';
import { UUIDS } from './fixtures.ts';

const DB: StepDomain = { uuid: UUIDS[0], name: 'db01' };

const xml = (body: string): string =>
  `<domain type='kvm'><name>db01</name><uuid>${DB.uuid}</uuid><memory>1048576</memory><vcpu>2</vcpu>${body}<devices/></domain>`;

function stateOf(live: string | undefined, inactive: string | undefined): DomainState {
  const view = (body: string | undefined) => (body === undefined ? undefined : domainView(xml(body), 'it'));
  return {
    domain: { ...DB, id: live === undefined ? -1 : 1 },
    live: view(live),
    inactive: view(inactive),
    capabilities: undefined,
  };
}

const after = (state: DomainState, ...steps: readonly Step[]): DomainState =>
  statesAfter([state], forwardChanges(steps))[0] as DomainState;
const pin = (to: string, domain = DB): Step => ({ kind: 'vcpuPin', domain, vcpu: 1, to });
const TUNED = "<cputune><vcpupin vcpu='1' cpuset='7'/></cputune>";
const define: Step = { kind: 'definition', domain: DB, to: xml(TUNED) };
const restart: Step = { kind: 'restart', domain: DB, to: 'restarted' };

test('a pin changes the running domain alone', () => {
  const { live, inactive } = after(stateOf('', ''), pin('2-3'));
  expect(`${live?.facts.cpu.vcpuPins.get(1)}`).toBe('2-3');
  expect(live?.facts.cpu.vcpuPins.has(0)).toBe(false);
  expect(inactive?.facts.cpu.vcpuPins.size).toBe(0);
});

test('a domain without steps is the same object, and one that is off has no live setting', () => {
  const state = stateOf('', '');
  const other = { uuid: UUIDS[1], name: 'web02' };
  const hostStep: Step = { kind: 'hostPages', cell: 0, sizeKiB: 2048, to: 1 };
  expect(after(state, pin('2', other), hostStep)).toBe(state);
  expect(after(stateOf(undefined, ''), pin('2')).live).toBeUndefined();
});

test('emulator pins and pins of iothreads are followed', () => {
  const state = stateOf('<iothreads>2</iothreads>', '');
  const { live } = after(
    state,
    { kind: 'emulatorPin', domain: DB, to: '4' },
    { kind: 'ioThreadPin', domain: DB, id: 2, to: '5' },
  );
  expect(`${live?.facts.cpu.emulatorPin}`).toBe('4');
  expect([...(live?.facts.cpu.ioThreadPins ?? [])].map(([id, cpus]) => `${id} on ${cpus}`)).toEqual([
    '2 on 5',
  ]);
});

test('cells that memory comes from are followed while the domain runs', () => {
  const { live, inactive } = after(stateOf("<numatune><memory mode='strict' nodeset='0'/></numatune>", ''), {
    kind: 'numaNodeset',
    domain: DB,
    to: '1',
  });
  expect(`${live?.facts.memory.numaNodeset}`).toBe('1');
  expect(inactive?.facts.memory.numaNodeset).toBeUndefined();
});

/** Ids of the running domain's iothreads. */
const ids = ({ live }: DomainState): number[] => ioThreadIds(live?.root as Element).toSorted();

test('an iothread is added by its id, and taken away', () => {
  const one = stateOf("<iothreads>1</iothreads><iothreadids><iothread id='3'/></iothreadids>", '');
  const added = after(one, { kind: 'ioThread', domain: DB, id: 1, to: 'present' });
  expect(ids(added)).toEqual([1, 3]);
  const taken = after(added, { kind: 'ioThread', domain: DB, id: 3, to: 'absent' });
  expect(ids(taken)).toEqual([1]);
  expect(ids(after(taken, { kind: 'ioThread', domain: DB, id: 1, to: 'absent' }))).toEqual([]);
});

test('an iothread that comes back has the pin that it had', () => {
  const step: Step = { kind: 'ioThread', domain: DB, id: 1, to: 'present' };
  const [state] = statesAfter([stateOf('', '')], [{ step, to: { pin: '6' } }]);
  expect(`${state?.live?.facts.cpu.ioThreadPins.get(1)}`).toBe('6');
});

const limit = (field: string, value: string | number): Step => ({
  kind: 'memoryLimits',
  domain: DB,
  to: [{ field, type: 4, value }] as never,
});

test('memory limits are followed; libvirt’s value for no limit takes one away, and other parameters are left', () => {
  const set = after(stateOf('', ''), limit('hard_limit', '4194304'), limit('swap_hard_limit', 8_388_608));
  const memtune = (state: DomainState): string | undefined =>
    /<memtune>.*<\/memtune>/s.exec(state.live?.xml ?? '')?.[0];
  expect(memtune(set)).toMatch(/<hard_limit[^>]*>/);
  expect(memtune(set)).toMatch(/<swap_hard_limit[^>]*>/);
  const soft = after(set, limit('soft_limit', '1048576'), limit('hard_limit', '9007199254740991'));
  expect(memtune(soft)).not.toContain('<hard_limit');
  expect(memtune(soft)).toMatch(/<soft_limit[^>]*>/);
  expect(memtune(after(stateOf('', ''), limit('min_guarantee', '1')))).toBeUndefined();
});

test('a definition changes what the next boot takes, and a restart takes it', () => {
  const defined = after(stateOf('', ''), define);
  expect([defined.live?.facts.cpu.vcpuPins.size, defined.inactive?.facts.cpu.vcpuPins.size]).toEqual([0, 1]);
  const restarted = after(defined, restart);
  expect(`${restarted.live?.facts.cpu.vcpuPins.get(1)}`).toBe('7');
});

test('a restart loses what was set live before it, and what is set after it counts', () => {
  expect(`${after(stateOf('', ''), pin('2'), define, restart).live?.facts.cpu.vcpuPins.get(1)}`).toBe('7');
  expect(`${after(stateOf('', ''), define, restart, pin('2')).live?.facts.cpu.vcpuPins.get(1)}`).toBe('2');
});

test('a domain that is off stays off, a transient one has no definition, and one that is taken away is not followed', () => {
  const off = after(stateOf(undefined, ''), define, restart);
  expect([off.live, off.inactive?.facts.cpu.vcpuPins.size]).toEqual([undefined, 1]);
  const transient = after(stateOf('', undefined), define, restart);
  expect([transient.live?.facts.cpu.vcpuPins.size, transient.inactive]).toEqual([0, undefined]);
  const [gone] = statesAfter([stateOf('', TUNED)], [{ step: define, to: { xml: null, alike: 'letter' } }]);
  expect(gone?.inactive?.facts.cpu.vcpuPins.size).toBe(1);
});
