import { expect, test } from 'vitest';
import {
  type ApprovedPlan,
  approvedPlan,
  checkBasis,
  checkHost,
  checkSamePlan,
  parseApprovedPlan,
} from '../../../tuner/apply/approved-plan.ts';
import { basisOf, withOwnChanges } from '../../../tuner/apply/plan-basis.ts';
import type { DomainState } from '../../../tuner/facts/facts.ts';
import type { Plan } from '../../../tuner/plan/plan.ts';
import { ProfileLibrary } from '../../../tuner/profile/library.ts';
import { planOn } from '../plan/planned.ts';
import { guestXml, host, running, state } from '../profile/fixtures.ts';

const UUID = '11111111-2222-4333-8444-555555555555';
const balanced = (await ProfileLibrary.open([])).get('balanced');
const planFor = (states: readonly DomainState[]): Promise<Plan> =>
  planOn({ host: host(), domains: states }, { db01: balanced });

const XML = guestXml();
const states = [running(XML)];
const plan = await planFor(states);
const CHOICE: ApprovedPlan['choice'] = {
  picks: [{ uuid: UUID, name: 'db01', profile: 'balanced', version: balanced.version }],
  reservedPages: [],
  hostCpus: null,
  allowedRatio: null,
  leftAlone: [],
  rebalance: false,
  restart: false,
  withHost: true,
  setsKernel: false,
  accepted: [],
};
const approved = approvedPlan(plan, {
  at: '2026-01-01T00:00:00Z',
  version: '0.1.0',
  choice: CHOICE,
  basis: basisOf(host(), states),
});
const TEXT = JSON.stringify(approved);
const edited = (edit: (plan: Record<string, unknown>) => void): string => {
  const copy = JSON.parse(TEXT) as Record<string, unknown>;
  edit(copy);
  return JSON.stringify(copy);
};

/** The plan as a formatter that reverses the order of keys leaves it. */
function deeplyReversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(deeplyReversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, each]) => [key, deeplyReversed(each)]),
  );
}

test('a plan in a file is read as it was written, and in any order of its keys', () => {
  expect(parseApprovedPlan('plan.json', TEXT)).toEqual(JSON.parse(TEXT));
  const reversed = JSON.stringify(deeplyReversed(JSON.parse(TEXT)), null, 2);
  expect(parseApprovedPlan('plan.json', reversed)).toEqual(JSON.parse(TEXT));
});

test.each([
  [
    'text that is not JSON',
    'plan\nof db01',
    /^plan\.json is not JSON, so .*; check the path, or create a plan with/,
  ],
  [
    'a plan that was truncated',
    TEXT.slice(0, -9),
    /^plan\.json is not complete JSON: it was truncated or edited; /,
  ],
  ['an empty file', ' \n', /^plan\.json is empty; create the plan again with/],
  ['JSON of something else', '{"format":1}', /^plan\.json is JSON, but not a plan file; create one with/],
  ['JSON that is not an object', '[\n]', /^plan\.json is JSON, but not a plan file; create one with/],
  [
    'a plan without its basis',
    edited((it) => delete it['basis']),
    /^plan\.json is a plan file that this version of virtune cannot read: basis: .*; it was edited, or created by another version: create it again with/,
  ],
])('%s is an error of usage', (_what, text, message) => {
  expect(() => parseApprovedPlan('plan.json', text)).toThrow(
    expect.objectContaining({
      code: 'TUNE_USAGE',
      // A single line that says what to do next.
      message: expect.stringMatching(new RegExp(`${message.source}.* virtune tune plan -o FILE[^\n]*$`)),
    }),
  );
});

test.each<[string, (plan: Record<string, unknown>) => void]>([
  [
    'a profile',
    (it) => Object.assign((it['choice'] as ApprovedPlan['choice']).picks[0] ?? {}, { profile: 'dense' }),
  ],
  ['a switch', (it) => Object.assign(it['choice'] as object, { restart: true })],
  ['the steps', (it) => Object.assign(it['plan'] as object, { domains: [] })],
  [
    'what it looked at',
    (it) => Object.assign((it['basis'] as ApprovedPlan['basis']).host, { 'online CPUs': '0' }),
  ],
  ['a digest of a definition', (it) => Object.assign(it['definitions'] as object, { [UUID]: 'x' })],
])('a file with an edit of %s is refused, and nothing is changed', (_what, edit) => {
  expect(() => parseApprovedPlan('plan.json', edited(edit))).toThrow(
    expect.objectContaining({
      code: 'TUNE_CHANGED',
      message: expect.stringMatching(
        /^plan\.json was edited or truncated: .* nothing was changed; create it again with virtune tune plan -o FILE$/,
      ),
    }),
  );
});

test('a plan for another host is refused by the names of both', () => {
  expect(() => checkHost(approved, 'plan.json', 'kvm1')).not.toThrow();
  expect(() => checkHost(approved, 'plan.json', 'kvm2')).toThrow(
    expect.objectContaining({
      code: 'TUNE_CHANGED',
      message: 'plan.json is a plan for host "kvm1", but this is host "kvm2"; nothing was changed',
    }),
  );
});

test('what a plan looked at and has moved since is named: pins, domains that came and went, the host', () => {
  expect(() => checkBasis(approved, basisOf(host(), states))).not.toThrow();
  const pinned = running(guestXml({ more: "  <cputune><vcpupin vcpu='0' cpuset='3'/></cputune>\n" }));
  const other = running(XML.replace(UUID, UUID.replace('1111', '9999')).replace('db01<', 'web<'));
  const reason = (...args: Parameters<typeof basisOf>): string => {
    try {
      checkBasis(approved, basisOf(...args));
      return 'nothing';
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(reason(host(), [pinned])).toMatch(
    /domain "db01": .*vCPU pins had .*, now .*0: ?3|domain "db01": .*vCPU pins had/,
  );
  expect(reason(host(), [...states, other])).toContain('domain "web" is new');
  expect(reason(host(), [])).toContain('domain "db01" no longer exists');
  const fewer = host();
  expect(
    reason(
      {
        ...fewer,
        cells: fewer.cells.map((cell) => ({
          ...cell,
          pages: cell.pages.map((pool) => ({ ...pool, free: 0 })),
        })),
      },
      states,
    ),
  ).toMatch(/the host: pages of 2048 KiB in cell 0 had 8192 free of 8192, now 0 free of 8192/);
});

test('what a run itself has changed since does not count as moved, and what others did still does', () => {
  const pins = { more: "  <cputune><vcpupin vcpu='0' cpuset='3'/></cputune>\n" };
  const now = basisOf(host(), [running(guestXml(pins))]);
  const own = withOwnChanges(approved.basis, now, [UUID]);
  expect(() => checkBasis({ ...approved, basis: own }, now)).not.toThrow();
  expect(() => checkBasis({ ...approved, basis: withOwnChanges(approved.basis, now, []) }, now)).toThrow(
    /db01/,
  );
});

test('a plan that comes out the same is applied; one that does not names what differs', async () => {
  expect(() => checkSamePlan(approved, plan)).not.toThrow();
  const otherXml = await planFor([running(XML.replace('<acpi/>', ''))]);
  expect(() => checkSamePlan(approved, otherXml)).toThrow(/domain "db01": its XML has changed/);
  const stopped = await planFor([state(XML)]);
  expect(() => checkSamePlan(approved, stopped)).toThrow(
    expect.objectContaining({
      code: 'TUNE_CHANGED',
      message: expect.stringMatching(/domain "db01": its XML has changed\n.*the plan\./s),
    }),
  );
  const left = { ...plan, warnings: ['memory of db01'] };
  expect(() => checkSamePlan(approved, left)).toThrow(
    /the plan\.\S*warnings\S*: had .*, now .*memory of db01/,
  );
});

test('the balloon, an open tray and the way to the host do not make a plan another one', async () => {
  const moved = await planFor([running(XML.replace(/(<currentMemory unit='KiB'>)\d+/, '$1999'))]);
  const sameSteps = {
    ...moved,
    domains: plan.domains.map((each, index) => ({
      ...each,
      state: { ...each.state, live: moved.domains[index]?.state.live },
    })),
  };
  expect(() => checkSamePlan(approved, sameSteps)).not.toThrow();
  expect(() =>
    checkSamePlan(approved, { ...plan, host: { ...plan.host, uri: 'qemu+ssh://kvm1/system' } }),
  ).not.toThrow();
});
