import { expect, test } from 'vitest';
import { CpuSet } from '../../../model/cpu-set.ts';
import { besideOf, judge } from '../../../tuner/plan/verdict.ts';
import type { Wish } from '../../../tuner/settings/setting.ts';
import type { Step } from '../../../tuner/steps/step.ts';
import { attributeSetting, state, wish, XML } from './fixtures.ts';

const DOMAIN = { uuid: '11111111-2222-4333-8444-555555555555', name: 'db01' };
const STEP: Step = { kind: 'emulatorPin', domain: DOMAIN, to: '0-1' };
const boot = attributeSetting('color');
const live = attributeSetting('color', { live: () => [STEP] });
const none = { accepted: new Set<string>(), online: CpuSet.parse('0-3') };
const red = XML.replace("placement='static'", "placement='static' color='red'");

test('a setting that holds now and at the next boot needs no change', () => {
  const row = judge(wish(boot, 'red'), state({ live: red, inactive: red }), none);
  expect(row).toMatchObject({ live: 'red', next: 'red', verdict: { kind: 'same' } });
});

test('what libvirt can change in a running domain changes now', () => {
  const row = judge(wish(live, 'red'), state({ live: XML, inactive: XML }), none);
  expect(row.verdict).toEqual({ kind: 'live', steps: [STEP] });
});

test('what only a boot can change waits for the next one', () => {
  expect(judge(wish(boot, 'red'), state({ live: XML, inactive: XML }), none).verdict.kind).toBe('boot');
});

test('a domain that does not run takes everything at its next boot, without a live step', () => {
  const row = judge(wish(live, 'red'), state({ inactive: XML }), none);
  expect(row).toMatchObject({ live: undefined, verdict: { kind: 'boot' } });
});

test('a domain that runs on an older definition still needs a boot for the right one', () => {
  expect(judge(wish(boot, 'red'), state({ live: XML, inactive: red }), none).verdict.kind).toBe('boot');
});

test('a wrong definition is a change even where the running domain is right', () => {
  expect(judge(wish(live, 'red'), state({ live: red, inactive: XML }), none).verdict.kind).toBe('boot');
});

test('a transient domain cannot get a change that needs a boot', () => {
  const { verdict } = judge(wish(boot, 'red'), state({ live: XML }), none);
  expect(verdict).toMatchObject({ kind: 'impossible', problem: { code: 'TRANSIENT' } });
  expect(judge(wish(live, 'red'), state({ live: XML }), none).verdict.kind).toBe('live');
});

test('what prevents a setting is reported, unless it is in place already', () => {
  const problem = { code: 'NO_O_DIRECT', text: 'the file system refuses O_DIRECT' };
  const refused = wish(boot, 'red', { problem });
  expect(judge(refused, state({ live: XML, inactive: XML }), none).verdict).toEqual({
    kind: 'impossible',
    problem,
  });
  expect(judge(refused, state({ live: red, inactive: red }), none).verdict.kind).toBe('same');
});

test('what the guest may not support is only proposed, until a user confirms it for the guest', () => {
  const proposed = wish(boot, 'red', { proposal: 'the guest needs the driver' });
  const running = state({ live: XML, inactive: XML });
  expect(judge(proposed, running, none).verdict).toEqual({
    kind: 'guest',
    needs: 'the guest needs the driver',
  });
  expect(judge(proposed, running, { ...none, accepted: new Set(['color']) }).verdict.kind).toBe('boot');
});

test('a setting may say that this one change of it cannot be made while the domain runs', () => {
  const sometimes = attributeSetting('color', { live: ({ to }) => (to === 'red' ? undefined : [STEP]) });
  expect(judge(wish(sometimes, 'red'), state({ live: XML, inactive: XML }), none).verdict.kind).toBe('boot');
});

test('a default counts as set where the XML has no value', () => {
  const pin = attributeSetting('color', { valueIfUnset: (_, online) => online.toString() });
  expect(judge(wish(pin, '0-3'), state({ live: XML, inactive: XML }), none).verdict.kind).toBe('same');
  expect(judge(wish(pin, '0'), state({ live: XML, inactive: XML }), none).verdict.kind).toBe('boot');
  const all = XML.replace("placement='static'", "placement='static' color='0-3'");
  expect(judge(wish(pin, undefined), state({ live: all, inactive: all }), none).verdict.kind).toBe('same');
});

test('a setting with a problem is impossible, even if the XML has no value', () => {
  const problem = { code: 'NOT_PLACED', text: 'no place was found' };
  const unplaced = wish(boot, undefined, { problem });
  expect(judge(unplaced, state({ inactive: XML }), none).verdict).toEqual({ kind: 'impossible', problem });
});

test('what no definition can hold is set while the domain runs, and holds at the next boot as well as it can', () => {
  const only = wish(live, 'red', { liveOnly: true });
  expect(judge(only, state({ live: XML, inactive: XML }), none).verdict.kind).toBe('live');
  expect(judge(only, state({ live: red, inactive: XML }), none).verdict.kind).toBe('same');
  const problem = { code: 'POLLING_NOT_KEPT', text: 'the domain does not run' };
  expect(judge({ ...only, problem }, state({ inactive: XML }), none).verdict).toEqual({
    kind: 'impossible',
    problem,
  });
});

test('a running domain that libvirt describes in another form counts as unchanged', () => {
  const rewritten = attributeSetting('color', {
    sameLive: (wanted, said) => wanted === 'host' && said === 'red',
  });
  const host = XML.replace("placement='static'", "placement='static' color='host'");
  expect(judge(wish(rewritten, 'host'), state({ live: red, inactive: host }), none).verdict.kind).toBe(
    'same',
  );
  expect(judge(wish(rewritten, 'host'), state({ live: red, inactive: red }), none).verdict.kind).toBe('boot');
});

test('a setting of a device that only the definition has is applied with it, at the next boot', () => {
  const running = state({
    live: XML.replace('<os>', '<iothreads>1</iothreads><os>'),
    inactive: XML.replace('<os>', '<iothreads>2</iothreads><os>'),
  });
  for (const [on, here, coming] of [
    ['iothread', '1', '2'],
    ['vcpu', '1', '2'],
    ['disk', undefined, 'vdb'],
    ['nic', undefined, '52:54:00:00:00:01'],
  ] as const) {
    const setting = attributeSetting('color', { on, live: () => [STEP] });
    const kind = (target: string) => judge(wish(setting, 'red', { target }), running, none).verdict.kind;
    expect([on, here && kind(here), kind(coming)]).toEqual([on, here && 'live', 'boot']);
  }
});

test('a setting of an iothread that the same plan adds is applied at once', () => {
  const running = state({ live: XML, inactive: XML });
  const setting = attributeSetting('color', { on: 'iothread', live: () => [STEP] });
  const count = wish(attributeSetting('iothreads', { live: () => [STEP] }), '1-2');
  const second = wish(setting, 'red', { target: '2' });
  const kindBeside = (wishes: readonly Wish[]) =>
    judge(second, running, none, besideOf(wishes, running, none)).verdict.kind;
  expect(kindBeside([count, second])).toBe('live');
  const problem = { code: 'IOTHREADS_UNSUPPORTED', text: 'it has none' };
  expect(kindBeside([{ ...count, problem }, second])).toBe('boot');
  expect(kindBeside([second])).toBe('boot');
  // If an iothread that is removed is in use, those that are added wait for the same boot.
  const waiting = wish(attributeSetting('iothreads', { live: () => undefined }), '1-2');
  expect(kindBeside([waiting, second])).toBe('boot');
});
