import { expect, test } from 'vitest';
import { CpuSet } from '../../../model/cpu-set.ts';
import type { HostState } from '../../../tuner/apply/host-state.ts';
import { RECOVER_NEXT, reason } from '../../../tuner/apply/obstacle.ts';
import {
  blockedDomains,
  brokenIfFinished,
  hostAsPlanned,
  type Outlook,
  outlookOf,
  type Undoable,
  waitsForBoot,
} from '../../../tuner/apply/outlook.ts';
import { domainView } from '../../../tuner/facts/domain-view.ts';
import type { DomainState } from '../../../tuner/facts/facts.ts';
import {
  type HostViolation,
  type KnownViolation,
  knownViolation,
} from '../../../tuner/invariants/violations.ts';
import type { StepProgress } from '../../../tuner/journal/progress.ts';
import type { JournalHeader } from '../../../tuner/journal/records.ts';
import type { Step, StepDomain } from '../../../tuner/steps/step.ts';
import { host } from '../profile/fixtures.ts';
import { DEDICATED_HINT, domainOf } from './fixtures.ts';

const [A, B] = [domainOf('a'), domainOf('b')];

interface Place {
  readonly pins: readonly string[];
  /** The guest has the hint that its CPUs are dedicated. */
  readonly hint?: boolean;
  /** When a transaction of virtune's tuned it. */
  readonly tunedAt?: string;
}

function xmlOf({ name, uuid }: StepDomain, { pins, hint = false, tunedAt }: Place): string {
  const cputune = pins.map((cpus, vcpu) => `<vcpupin vcpu='${vcpu}' cpuset='${cpus}'/>`).join('');
  const features = hint ? DEDICATED_HINT : '';
  const mark =
    tunedAt === undefined
      ? ''
      : `<metadata><t:tuned xmlns:t='https://virtune.dev/xmlns/tuner/1' profile='p' version='v' at='${tunedAt}' id='T9'/></metadata>`;
  return `<domain type='kvm'><name>${name}</name><uuid>${uuid}</uuid>${mark}<memory>1048576</memory>
    <vcpu>${pins.length}</vcpu><cputune>${cputune}</cputune>${features}<devices/></domain>`;
}

/** A domain that runs as in `live`, and boots as in `inactive`. */
function stateOf(domain: StepDomain, live: Place, inactive = live): DomainState {
  const view = (place: Place) => domainView(xmlOf(domain, place), 'the test');
  return {
    domain: { ...domain, id: 2 },
    live: view(live),
    inactive: view(inactive),
    capabilities: undefined,
  };
}

const AT = '2026-02-01T00:00:00Z';
const headerOf = (domains: readonly StepDomain[], steps: readonly Step[] = []): JournalHeader =>
  ({ at: AT, domains: domains.map((domain) => ({ domain })), steps }) as unknown as JournalHeader;

const done = (step: Step, was: unknown): { step: Step; progress: StepProgress } => ({
  step,
  progress: { kind: 'done', was, run: 1, now: undefined, proof: [] },
});

const waiting = new Set([A.uuid]);
test.each<[Step['kind'], boolean, object]>([
  ['vcpuPin', true, { vcpu: 0 }],
  ['emulatorPin', true, {}],
  ['ioThreadPin', true, { id: 1 }],
  ['memoryLimits', true, {}],
  ['numaNodeset', true, {}],
  ['scheduler', false, {}],
  ['ioThread', false, { id: 1 }],
  ['definition', false, {}],
  ['restart', false, {}],
  ['mark', false, {}],
])('in a domain that waits for its boot, %s is pending: %s', (kind, waits, more) => {
  const stepOf = (domain: StepDomain): Step => ({ kind, domain, to: '', ...more }) as unknown as Step;
  expect(waitsForBoot({ waiting }, stepOf(A))).toBe(waits);
  expect(waitsForBoot({ waiting }, stepOf(B))).toBe(false);
});

test('a change of the host does not wait for a boot', () => {
  expect(waitsForBoot({ waiting }, { kind: 'hostPages', cell: 0, sizeKiB: 2_048, to: 1 })).toBe(false);
});

/** It was moved from CPUs 2-3 to 4-5 by its definition and a restart. */
function restarted(undoesRestarts: boolean): Undoable {
  const steps = [
    done(
      { kind: 'definition', domain: A, to: xmlOf(A, { pins: ['4', '5'] }) },
      { xml: xmlOf(A, { pins: ['2', '3'] }), alike: 'letter' },
    ),
    done(
      { kind: 'restart', domain: A, to: 'restarted' },
      { active: true, paused: false, id: 1, notId: null, force: false },
    ),
  ];
  const header = headerOf(
    [A],
    steps.map(({ step }) => step),
  );
  return { header, steps, undoesRestarts };
}

test.each([
  ['a rollback without restarts', false, '4'],
  ['a recovery', true, '2'],
])('after %s a domain that the transaction restarted runs on its old definition: %s', (_, undoes, cpu) => {
  const ground: HostState = { host: host(), domains: [stateOf(A, { pins: ['4', '5'] })] };
  const [after] = outlookOf(ground, restarted(undoes)).after;
  expect(`${after?.live?.facts.cpu.vcpuPins.get(0)}`).toBe(cpu);
  expect(`${after?.inactive?.facts.cpu.vcpuPins.get(0)}`).toBe('2');
});

test('of two domains only the one whose rollback is dangerous is blocked', () => {
  const [moved, tuned] = [{ pins: ['4', '5'] }, { pins: ['2', '3'], hint: true }] as const;
  // In the meantime c was placed where b was.
  const c = stateOf(domainOf('c'), { pins: ['2', '3'] });
  const ground: HostState = {
    host: host(),
    domains: [stateOf(A, moved), stateOf(B, { pins: ['6', '7'] }), c],
  };
  const back = (domain: StepDomain, to: Place) =>
    done(
      { kind: 'definition', domain, to: xmlOf(domain, { pins: ['6', '7'] }) },
      { xml: xmlOf(domain, to), alike: 'letter' },
    );
  const steps = [back(A, { pins: ['8', '9'] }), back(B, tuned)];
  const own = steps.map(({ step }) => step);
  for (const domains of [
    [A, B],
    [B, A],
  ]) {
    const blocked = blockedDomains(ground, { header: headerOf(domains, own), steps, undoesRestarts: true });
    expect([...blocked.keys()]).toEqual([B.uuid]);
    expect(blocked.get(B.uuid)).toMatch(/"b" would violate HINT_SHARES_CPU at its next boot/);
  }
});

/** `a` shares CPUs 2-3 with `c` in its running state. */
const sharing = (state: DomainState): HostViolation => ({
  state,
  view: 'live',
  violation: {
    code: 'HINT_SHARES_CPU',
    level: 'refuse',
    created: true,
    text: 'CPUs 2-3 are also used by "c"',
    next: '',
    other: 'c',
    cpus: CpuSet.parse('2-3'),
  },
});

test('a VM that a later transaction has tuned is named with it, and one of an older transaction is not', () => {
  const a = stateOf(A, { pins: ['2', '3'], hint: true });
  const text = (tunedAt: string): string => {
    const c = stateOf(domainOf('c'), { pins: ['2', '3'], tunedAt });
    return reason(headerOf([A]), [a, c], [{ ...sharing(a), view: 'inactive' }]);
  };
  expect(text('2026-02-01T00:00:01Z')).toMatch(/transaction T9 has since tuned "c"/);
  expect(text('2026-01-31T23:59:59Z')).toMatch(/"c" has vCPU 0 on CPUs 2, .*, not set by a later/);
});

test('for a VM of the transaction that needs a boot, the refused command says how to restart it', () => {
  const a = stateOf(A, { pins: ['2', '3'], hint: true }, { pins: ['2', '3'] });
  const c = stateOf(domainOf('c'), { pins: ['2', '3'] });
  const text = (own: StepDomain, ...more: Parameters<typeof reason>[3][]): string =>
    reason(headerOf([own]), [a, c], [sharing(a)], ...more);
  expect(text(A)).toMatch(
    /"a" keeps its boot-time settings until its next boot: restart it now with --restart,/,
  );
  expect(text(A, RECOVER_NEXT)).toMatch(/next boot: restart it, then run virtune tune recover again,/);
  expect(text(domainOf('c'))).toMatch(
    /"a" keeps its boot-time settings until its next boot: restart it first,/,
  );
});

const C = domainOf('c');
const pinStep = (domain: StepDomain, vcpu: number, to: string): Step => ({
  kind: 'vcpuPin',
  domain,
  vcpu,
  to,
});
const defineStep = (domain: StepDomain, to: Place): Step => ({
  kind: 'definition',
  domain,
  to: xmlOf(domain, to),
});
const letter = (domain: StepDomain, place: Place) => ({ xml: xmlOf(domain, place), alike: 'letter' });

type Progressed = Undoable['steps'][number];
/** A recovery of a transaction with these steps. */
const undoing = (
  domains: readonly StepDomain[],
  steps: readonly Progressed[],
  more: Partial<Undoable> & { readonly violations?: readonly KnownViolation[] } = {},
): Undoable => ({
  header: {
    ...headerOf(
      domains,
      steps.map(({ step }) => step),
    ),
    violations: [...(more.violations ?? [])],
  },
  steps,
  undoesRestarts: true,
  ...more,
});
const on = (...domains: readonly DomainState[]): HostState => ({ host: host(), domains });
const said = ({ broken }: Pick<Outlook, 'broken'>): string[] =>
  broken.map(
    ({ state, view, violation: { code, other } }) => `${state.domain.name} ${view} ${code} ${other ?? ''}`,
  );
const livePins = (state: DomainState | undefined): string =>
  [...(state?.live?.facts.cpu.vcpuPins ?? [])].map(([, cpus]) => `${cpus}`).join(' ');
const nextPins = (state: DomainState | undefined): string =>
  [...(state?.inactive?.facts.cpu.vcpuPins ?? [])].map(([, cpus]) => `${cpus}`).join(' ');

/** Steps of a VM that was moved from CPUs 2-3 to 4-5 by pins alone. */
const movedByPins = (domain: StepDomain): Progressed[] => [
  done(pinStep(domain, 0, '4'), '2'),
  done(pinStep(domain, 1, '5'), '3'),
];

test('a VM that runs with the hint of dedicated CPUs keeps them until its next boot, and boots as before', () => {
  const tuned: Place = { pins: ['4', '5'], hint: true };
  const steps = [
    done(pinStep(A, 0, '4'), '0-15'),
    done(pinStep(A, 1, '5'), '0-15'),
    done(defineStep(A, tuned), letter(A, { pins: ['0-15', '0-15'] })),
  ];
  const outlook = outlookOf(on(stateOf(A, tuned), stateOf(B, { pins: ['8', '9'] })), undoing([A], steps));
  expect([...outlook.waiting]).toEqual([A.uuid]);
  expect(said(outlook)).toEqual([]);
  expect([livePins(outlook.after[0]), nextPins(outlook.after[0])]).toEqual(['4 5', '0-15 0-15']);
});

test('a VM that would move onto the CPUs of another one is a danger to that one, and does not wait', () => {
  const outlook = outlookOf(
    on(stateOf(A, { pins: ['4', '5'] }), stateOf(C, { pins: ['2', '3'], hint: true })),
    undoing([A], movedByPins(A)),
  );
  expect(said(outlook)).toEqual(['c live HINT_SHARES_CPU a', 'c inactive HINT_SHARES_CPU a']);
  expect([...outlook.waiting]).toEqual([]);
});

test('a VM of the transaction whose CPUs others would get does not wait either if its own places stay', () => {
  const tuned: Place = { pins: ['2', '3'], hint: true };
  const steps = [done(defineStep(A, tuned), letter(A, tuned)), ...movedByPins(C)];
  const outlook = outlookOf(on(stateOf(A, tuned), stateOf(C, { pins: ['4', '5'] })), undoing([A, C], steps));
  expect(said(outlook)).toEqual(['a live HINT_SHARES_CPU c', 'a inactive HINT_SHARES_CPU c']);
  expect([...outlook.waiting]).toEqual([]);
});

test('a violation at the next boot of a VM does not make its places wait', () => {
  const steps = [
    done(pinStep(A, 0, '4'), '6'),
    done(defineStep(A, { pins: ['4', '5'] }), letter(A, { pins: ['2', '3'], hint: true })),
  ];
  const ground = on(stateOf(A, { pins: ['4', '5'] }), stateOf(C, { pins: ['2', '3'] }));
  const outlook = outlookOf(ground, undoing([A], steps));
  expect(said(outlook)).toEqual(['a inactive HINT_SHARES_CPU c']);
  expect([...outlook.waiting]).toEqual([]);
});

test('a violation now, or before the transaction, is not caused by its undo', () => {
  const before = on(stateOf(A, { pins: ['2', '3'] }), stateOf(C, { pins: ['2', '3'], hint: true }));
  // The violation already exists.
  expect(said(outlookOf(before, undoing([A], movedByPins(A))))).toEqual([]);
  const ground = on(stateOf(A, { pins: ['4', '5'] }), stateOf(C, { pins: ['2', '3'], hint: true }));
  const violations = outlookOf(ground, undoing([A], movedByPins(A))).broken;
  // Only at the next boot, which may have happened since.
  const broken = violations.filter(({ view }) => view === 'inactive').map(knownViolation);
  expect(said(outlookOf(ground, undoing([A], movedByPins(A), { violations: broken })))).toEqual([]);
  const others = broken.map((each) => ({ ...each, other: 'x' }));
  expect(said(outlookOf(ground, undoing([A], movedByPins(A), { violations: others })))).toHaveLength(2);
});

test.each<[string, StepProgress, string]>([
  ['was begun', { kind: 'doing', was: '2', run: 1 }, '2 5'],
  [
    'is being undone',
    { kind: 'undoing', to: '2', before: { kind: 'doing', was: '2', run: 1 }, error: undefined },
    '2 5',
  ],
  ['was not begun', { kind: 'untouched' }, '4 5'],
  ['had nothing to change', { kind: 'same' }, '4 5'],
  ['was undone', { kind: 'undone', note: undefined }, '4 5'],
])('a pin that %s is undone only if it was set', (_, progress, pins) => {
  const steps = [{ step: pinStep(A, 0, '4'), progress }];
  const [after] = outlookOf(on(stateOf(A, { pins: ['4', '5'] })), undoing([A], steps)).after;
  expect(livePins(after)).toBe(pins);
});

test('of several VMs that come back to the CPUs of another, each is blocked for its own part', () => {
  const ground = on(
    stateOf(A, { pins: ['4', '5'] }),
    stateOf(B, { pins: ['8', '9'] }),
    stateOf(C, { pins: ['2', '3'], hint: true }),
  );
  const steps = [...movedByPins(A), done(pinStep(B, 0, '8'), '2'), done(pinStep(B, 1, '9'), '3')];
  const blocked = blockedDomains(ground, undoing([B, A], steps));
  expect([...blocked.keys()]).toEqual([B.uuid, A.uuid]);
  for (const [uuid, name] of [
    [A.uuid, 'a'],
    [B.uuid, 'b'],
  ] as const)
    expect(blocked.get(uuid)).toMatch(
      new RegExp(`^"c" would violate HINT_SHARES_CPU while running: CPUs 2-3 are also used by "${name}"`),
    );
});

/** It was moved from 2-3 to 4-5 by its definition alone, and its rollback restarts it. */
test.each<[string, StepProgress, string]>([
  ['is still ahead', { kind: 'untouched' }, '2 3'],
  ['was begun', { kind: 'doing', was: null, run: undefined }, '2 3'],
  ['was done', { kind: 'done', was: null, run: undefined, now: null, proof: [] }, '4 5'],
])('a restart of a rollback that %s counts once', (_, progress, pins) => {
  const own = done(defineStep(A, { pins: ['4', '5'] }), letter(A, { pins: ['2', '3'] }));
  const restart: Step = { kind: 'restart', domain: A, to: 'restarted' };
  const undoable = undoing([A], [own]);
  const [after] = outlookOf(on(stateOf(A, { pins: ['4', '5'] })), {
    ...undoable,
    undoesRestarts: false,
    steps: [own, { step: restart, progress }],
  }).after;
  expect([livePins(after), nextPins(after)]).toEqual([pins, '2 3']);
});

test.each<[string, unknown, string]>([
  ['the run that should end', { active: true, paused: false, id: 2, notId: null, force: false }, '4 5'],
  ['another run', { active: true, paused: false, id: 1, notId: null, force: false }, '2 3'],
  ['an unknown run', null, '2 3'],
  ['the value in an older journal', 'on', '2 3'],
])('a recovery expects the restart of a VM that is still in the run that should end: %s', (_, was, pins) => {
  const steps = [
    done(defineStep(A, { pins: ['4', '5'] }), letter(A, { pins: ['2', '3'] })),
    done({ kind: 'restart', domain: A, to: 'restarted' }, was),
  ];
  const [after] = outlookOf(on(stateOf(A, { pins: ['4', '5'] })), undoing([A], steps)).after;
  expect(livePins(after)).toBe(pins);
});

test('changes of the host in between do not change domains', () => {
  const hostStep = done({ kind: 'hostPages', cell: 0, sizeKiB: 2_048, to: 8 }, 4);
  const [after] = outlookOf(
    on(stateOf(A, { pins: ['4', '5'] })),
    undoing([A], [hostStep, ...movedByPins(A)]),
  ).after;
  expect(livePins(after)).toBe('2 3');
});

test('each VM that cannot be undone is blocked with a reason', () => {
  const [d, e] = [domainOf('d'), domainOf('e')];
  const ground = on(
    stateOf(A, { pins: ['4', '5'] }),
    stateOf(B, { pins: ['8', '9'] }),
    stateOf(d, { pins: ['2', '3'], hint: true }),
    stateOf(e, { pins: ['10', '11'], hint: true }),
  );
  const steps = [...movedByPins(A), done(pinStep(B, 0, '8'), '10'), done(pinStep(B, 1, '9'), '11')];
  const blocked = blockedDomains(ground, undoing([A, B], steps));
  expect([...blocked.keys()]).toEqual([A.uuid, B.uuid]);
  const [a, b] = [...blocked.values()];
  expect(a).toMatch(/"d" would violate HINT_SHARES_CPU while running: CPUs 2-3 are also used by "a"/);
  expect(a).not.toContain('"e"');
  expect(b).toMatch(/"e" would violate .*: CPUs 10-11 are also used by "b"/);
  expect(b).not.toContain('"d"');
});

test('if one of two VMs is enough to block, the first is blocked, and so is one without another', () => {
  const free: Place = { pins: ['8', '9'] };
  const steps = [...movedByPins(A), done(defineStep(B, free), letter(B, { pins: ['2', '3'], hint: true }))];
  const ground = on(stateOf(A, { pins: ['4', '5'] }), stateOf(B, free));
  for (const domains of [
    [A, B],
    [B, A],
  ])
    expect([...blockedDomains(ground, undoing(domains, steps)).keys()]).toEqual([domains[0]?.uuid]);
  const one = on(stateOf(A, { pins: ['4', '5'] }), stateOf(C, { pins: ['2', '3'], hint: true }));
  expect([...blockedDomains(one, undoing([A], movedByPins(A))).keys()]).toEqual([A.uuid]);
});

test.each<[StepProgress, number]>([
  [{ kind: 'untouched' }, 2],
  [{ kind: 'doing', was: '2', run: 1 }, 2],
  [{ kind: 'same' }, 0],
  [{ kind: 'done', was: '2', run: 1, now: '4', proof: [] }, 0],
])('finishing a transaction is a danger if a step is missing: %j', (progress, count) => {
  const ground = on(stateOf(A, { pins: ['2', '3'] }), stateOf(C, { pins: ['4', '5'], hint: true }));
  const { header, steps } = undoing([A], [{ step: pinStep(A, 0, '4'), progress }]);
  const broken = brokenIfFinished(ground, { header, steps });
  expect(broken.map(({ state, violation }) => `${state.domain.name} ${violation.other}`)).toEqual(
    Array.from({ length: count }, () => 'c a'),
  );
});

test('the CPUs reserved for the host are those of the header, and the default without it', () => {
  const of = host();
  expect(`${hostAsPlanned(of, { hostCpus: '3-4' }).hostCpus}`).toBe('3-4');
  expect(hostAsPlanned(of, { hostCpus: undefined })).toBe(of);
});
