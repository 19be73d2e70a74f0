import { expect, test } from 'vitest';
import { CpuSet } from '../../../model/cpu-set.ts';
import type { HostState } from '../../../tuner/apply/host-state.ts';
import { RECOVER_NEXT, reason } from '../../../tuner/apply/obstacle.ts';
import { heldBack, outlookOf, type Undoable, waitsForBoot } from '../../../tuner/apply/outlook.ts';
import { domainView } from '../../../tuner/facts/domain-view.ts';
import type { DomainState } from '../../../tuner/facts/facts.ts';
import type { HostViolation } from '../../../tuner/invariants/violations.ts';
import type { StepProgress } from '../../../tuner/journal/progress.ts';
import type { JournalHeader } from '../../../tuner/journal/records.ts';
import type { Step, StepDomain } from '../../../tuner/steps/step.ts';
import { host } from '../profile/fixtures.ts';

const domainOf = (name: string): StepDomain => ({
  name,
  uuid: `11111111-2222-4333-8444-${name.padStart(12, '0')}`,
});
const [A, B] = [domainOf('a'), domainOf('b')];

interface Place {
  readonly pins: readonly string[];
  /** The guest assumes that its CPUs are its own. */
  readonly hint?: boolean;
  /** When a transaction of virtune's tuned it. */
  readonly tunedAt?: string;
}

function xmlOf({ name, uuid }: StepDomain, { pins, hint = false, tunedAt }: Place): string {
  const cputune = pins.map((cpus, vcpu) => `<vcpupin vcpu='${vcpu}' cpuset='${cpus}'/>`).join('');
  const features = hint ? "<features><kvm><hint-dedicated state='on'/></kvm></features>" : '';
  const mark =
    tunedAt === undefined
      ? ''
      : `<metadata><t:tuned xmlns:t='https://virtune.dev/xmlns/tuner/1' profile='p' version='v' at='${tunedAt}' id='T9'/></metadata>`;
  return `<domain type='kvm'><name>${name}</name><uuid>${uuid}</uuid>${mark}<memory>1048576</memory>
    <vcpu>${pins.length}</vcpu><cputune>${cputune}</cputune>${features}<devices/></domain>`;
}

/** Running as `live` says, and booting as `inactive` does. */
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
  // Since then c was put where b was.
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
    const held = heldBack(ground, { header: headerOf(domains, own), steps, undoesRestarts: true });
    expect([...held.keys()]).toEqual([B.uuid]);
    expect(held.get(B.uuid)).toMatch(/"b" would break HINT_SHARES_CPU at its next boot/);
  }
});

/** `a` shares CPUs 2-3 with `c`, as it runs. */
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
  expect(text('2026-02-01T00:00:01Z')).toMatch(/"c" was tuned since by transaction T9/);
  expect(text('2026-01-31T23:59:59Z')).toMatch(/"c" has vCPU 0 on CPUs 2, .* there, and not by a later/);
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
