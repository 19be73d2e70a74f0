import { XMLSerializer } from '@xmldom/xmldom';
import { expect, test } from 'vitest';
import { CpuSet } from '../../../model/cpu-set.ts';
import { readMark, type TunedMark } from '../../../model/domain/tuned-mark.ts';
import { parseXml } from '../../../model/xml.ts';
import type { Placement } from '../../../tuner/placement/types.ts';
import { changeDefinition } from '../../../tuner/plan/definition.ts';
import { markXml, writeMark } from '../../../tuner/plan/mark.ts';
import { planDomain } from '../../../tuner/plan/plan.ts';
import { planJson } from '../../../tuner/plan/plan-json.ts';
import { reportPlacement, reportPlan } from '../../../tuner/plan/report.ts';
import type { Step } from '../../../tuner/steps/step.ts';
import { attributeSetting, state, view, wish, XML } from './fixtures.ts';

const NOBODY_PLACED: Placement = {
  kind: 'placed',
  assignments: [],
  refusals: [],
  moved: [],
  overlaps: [],
  cost: 0,
  proven: true,
};
const DOMAIN = { uuid: '11111111-2222-4333-8444-555555555555', name: 'db01' };
const MARK: TunedMark = {
  profile: 'oltp-database',
  version: 'ab12',
  at: '2026-11-25T22:00:00.000Z',
  id: 'T1',
};
const ADD: Step = { kind: 'ioThread', domain: DOMAIN, id: 1, to: 'present' };
const REMOVE: Step = { kind: 'ioThread', domain: DOMAIN, id: 2, to: 'absent' };
const PIN: Step = { kind: 'ioThreadPin', domain: DOMAIN, id: 1, to: '3' };

const live = attributeSetting('color', { live: () => [REMOVE, PIN, ADD] });
const boot = attributeSetting('shape');

function plan(
  restart: boolean,
  parts: { live?: string; inactive?: string } = { live: XML, inactive: XML },
  wishes = [wish(live, 'red'), wish(boot, 'round')],
) {
  return planDomain({
    state: state(parts),
    profile: { name: 'oltp-database', version: 'ab12' },
    assignment: undefined,
    wishes,
    judging: { accepted: new Set(), online: CpuSet.parse('0-3') },
    restart,
    id: 'T1',
    at: MARK.at,
  });
}
const kinds = (steps: readonly Step[]): string[] => steps.map(({ kind }) => kind);

test('the running domain, its definition and its mark are changed, and what is left waits for a restart', () => {
  const { steps, needsRestart } = plan(false);
  expect(steps.slice(0, 3)).toEqual([REMOVE, PIN, ADD]);
  expect(kinds(steps.slice(3))).toEqual(['definition', 'mark']);
  expect(needsRestart).toBe(true);
});

test('a restart takes all from the definition, so nothing is changed live before it', () => {
  expect(kinds(plan(true).steps)).toEqual(['definition', 'restart']);
});

test('what a definition cannot hold is set again after a restart, even if it is set now', () => {
  const red = XML.replace("placement='static'", "placement='static' color='red'");
  const only = wish(live, 'red', { liveOnly: true });
  const wishes = [only, wish(boot, 'round')];
  const { steps } = plan(true, { live: red, inactive: XML }, wishes);
  expect(kinds(steps)).toEqual(['definition', 'restart', 'ioThread', 'ioThreadPin', 'ioThread']);
  expect(kinds(plan(false, { live: red, inactive: XML }, wishes).steps)).toEqual(['definition', 'mark']);
});

test('a domain that does not run is only defined', () => {
  expect(kinds(plan(true, { inactive: XML }).steps)).toEqual(['definition']);
});

test('a transient domain gets its live changes and a mark', () => {
  expect(kinds(plan(false, { live: XML }).steps)).toEqual(['ioThread', 'ioThreadPin', 'ioThread', 'mark']);
});

test('a domain that needs no change is only marked, and one that is already marked gets no step', () => {
  const tuned = XML.replace("placement='static'", "placement='static' color='red' shape='round'");
  const { steps, needsRestart } = plan(true, { live: tuned, inactive: tuned });
  expect(kinds(steps)).toEqual(['definition', 'mark']);
  expect(needsRestart).toBe(false);
  const root = parseXml('the test', tuned, 'domain');
  writeMark(root, MARK);
  const marked = new XMLSerializer().serializeToString(root);
  expect(plan(false, { live: marked, inactive: marked }).steps).toEqual([]);
});

test('the diff of a definition shows the changes and nothing else', () => {
  const change = changeDefinition(view(XML), [wish(boot, 'round')], (root) => writeMark(root, MARK));
  const changed = change.diff.split('\n').filter((line) => /^[-+] /.test(line));
  expect(changed).toEqual([
    '+  <metadata>',
    expect.stringContaining('+    <virtune:tuned '),
    '+  </metadata>',
    '-  <vcpu placement="static">2</vcpu>',
    '+  <vcpu placement="static" shape="round">2</vcpu>',
  ]);
  expect(change.before).toBe(XML);
});

test('a password near a change is in the definition and not in the diff', () => {
  const near = XML.replace("<graphics type='vnc' passwd='s3cret'/>", '').replace(
    "<vcpu placement='static'>2</vcpu>",
    "<vcpu placement='static'>2</vcpu>\n  <graphics passwd='s3cret'/>",
  );
  const change = changeDefinition(view(near), [wish(boot, 'round')], () => undefined);
  expect(change.after).toContain('s3cret');
  expect(change.diff).not.toContain('s3cret');
});

test('a mark is read back as it was written, and a new one takes the place of the old', () => {
  const root = parseXml('the test', XML, 'domain');
  writeMark(root, MARK);
  writeMark(root, { ...MARK, id: 'T2' });
  expect(readMark(root)).toEqual({ ...MARK, id: 'T2' });
  const alone = parseXml('the test', `<domain><metadata>${markXml(MARK)}</metadata></domain>`, 'domain');
  expect(readMark(alone)).toEqual(MARK);
  for (const hostCpus of ['0-3,16', '']) {
    writeMark(root, { ...MARK, hostCpus });
    expect(readMark(root)).toEqual({ ...MARK, hostCpus });
  }
});

test('a report says what changes when, why, and what prevents a change; escape codes in names have no effect', () => {
  const hostile = { ...plan(false) };
  const named = {
    ...hostile,
    state: { ...hostile.state, domain: { ...hostile.state.domain, name: 'db\u001b[31m' } },
  };
  const text = reportPlan(
    {
      id: 'T1',
      host: undefined as never,
      placement: NOBODY_PLACED,
      hostPlan: { rows: [], steps: [] },
      domains: [named],
    },
    { all: false, diff: true },
  );
  expect(text).toContain('db\\u{1b}[31m (running), profile oltp-database');
  expect(text).toMatch(/color +- +- +red +now +knob\.color/);
  expect(text).toMatch(/shape +- +- +round +next boot +knob\.shape/);
  expect(text).toContain('knob.shape: it helps [a test]');
  expect(text).toContain('1 now, 1 at the next boot');
  expect(text).not.toContain('\u001b');
});

test('a placement that was not proven the best is marked as such, in text and JSON', () => {
  const found = { ...NOBODY_PLACED, proven: false };
  expect(reportPlacement(NOBODY_PLACED)).toEqual([]);
  expect(reportPlacement(found)).toEqual([
    expect.stringMatching(/^this is the best placement found; .* a better one may exist$/),
  ]);
  const refusal = { guest: 'db01', code: 'NO_CORES', text: 'none free', next: undefined } as const;
  const refused = reportPlacement({ ...found, kind: 'refused', refusals: [refusal] });
  expect(refused.at(-1)).toMatch(/a better one may exist, and refused VMs may fit$/);
  for (const placement of [NOBODY_PLACED, found]) {
    const host = { uri: 'test:///', hostname: 'kvm01' } as never;
    const json = planJson({ id: 'T1', host, placement, hostPlan: { rows: [], steps: [] }, domains: [] });
    expect(json).toMatchObject({ placementProven: placement.proven });
  }
});
