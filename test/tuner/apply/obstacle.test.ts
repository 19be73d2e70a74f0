import { expect, test } from 'vitest';
import { CpuSet } from '../../../model/cpu-set.ts';
import { FINISH_NEXT, RECOVER_NEXT, reason } from '../../../tuner/apply/obstacle.ts';
import { domainView } from '../../../tuner/facts/domain-view.ts';
import type { DomainState } from '../../../tuner/facts/facts.ts';
import type { HostViolation } from '../../../tuner/invariants/violations.ts';
import type { JournalHeader } from '../../../tuner/journal/records.ts';
import { uuidOf } from './fixtures.ts';

const AT = '2026-02-01T00:00:00Z';
const headerOf = (...own: readonly string[]): JournalHeader =>
  ({ at: AT, domains: own.map((name) => ({ domain: { name, uuid: uuidOf(name) } })) }) as JournalHeader;

/** When a transaction of virtune's tuned it. */
const markAt = (at: string): string =>
  `<metadata><t:tuned xmlns:t='https://virtune.dev/xmlns/tuner/1' profile='dense' version='v' at='${at}' id='T9'/></metadata>`;

/** With two vCPUs; `live` and `inactive` are what its XML has beside its name. */
function vm(name: string, live: string | undefined, inactive = live): DomainState {
  const view = (more: string | undefined) =>
    more === undefined
      ? undefined
      : domainView(
          `<domain type='kvm'><name>${name}</name><uuid>${uuidOf(name)}</uuid><vcpu>2</vcpu>${more}</domain>`,
          'the test',
        );
  return {
    domain: { name, uuid: uuidOf(name), id: 1 },
    live: view(live),
    inactive: view(inactive),
    capabilities: undefined,
  };
}
const pins = (...cpus: readonly string[]): string =>
  `<cputune>${cpus.map((each, vcpu) => `<vcpupin vcpu='${vcpu}' cpuset='${each}'/>`).join('')}</cputune>`;

const violation = (cpus: string | undefined, other: string | undefined): HostViolation['violation'] => ({
  code: 'HINT_SHARES_CPU',
  level: 'refuse',
  created: true,
  text: `CPUs ${cpus} are taken`,
  next: '',
  other,
  cpus: cpus === undefined ? undefined : CpuSet.parse(cpus),
});
/** `state` may not have these CPUs, which `other` uses. */
const broken = (
  state: DomainState,
  view: HostViolation['view'],
  cpus: string | undefined = '2-3',
  other: string | undefined = 'c',
): HostViolation => ({ state, view, violation: violation(cpus, other) });

const A = vm('a', pins('2', '3'));

test('each violation is reported once, as it runs or at its next boot', () => {
  const all = [broken(A, 'live'), broken(A, 'inactive'), broken(A, 'live')];
  expect(reason(headerOf('a'), [A], all)).toBe(
    '"a" would violate HINT_SHARES_CPU while running: CPUs 2-3 are taken; ' +
      '"a" would violate HINT_SHARES_CPU at its next boot: CPUs 2-3 are taken; ' +
      'check the definition, or use --force to proceed anyway',
  );
});

test('a VM that was tuned after the transaction began is named with what tuned it', () => {
  const text = (at: string): string =>
    reason(headerOf('a'), [A, vm('c', markAt(at))], [broken(A, 'inactive')]);
  expect(text('2026-02-01T00:00:01Z')).toContain(
    '; transaction T9 has since tuned "c" (profile dense, 2026-02-01T00:00:01Z), perhaps from another state folder: ' +
      'roll that transaction back first (virtune tune rollback T9), or use --force to proceed anyway',
  );
  expect(text(AT)).not.toContain('has since tuned');
});

test('a VM of the transaction itself, and one that has nothing to do with it, are not in the way', () => {
  const later = markAt('2026-03-01T00:00:00Z');
  const [own, uninvolved] = [vm('c', later), vm('d', later + pins('2', '3'))];
  const text = reason(headerOf('a', 'c'), [A, own, uninvolved], [broken(A, 'inactive')]);
  expect(text).toMatch(/; check the definition, or use --force to proceed anyway$/);
});

test('threads of the VM in the way are named with their pins, and only those on these CPUs', () => {
  const c = vm(
    'c',
    `<iothreads>3</iothreads><cputune><vcpupin vcpu='0' cpuset='2'/><vcpupin vcpu='1' cpuset='8'/>
      <emulatorpin cpuset='3-4'/><iothreadpin iothread='1' cpuset='2'/><iothreadpin iothread='3' cpuset='9'/></cputune>`,
  );
  expect(reason(headerOf('a'), [A, c], [broken(A, 'inactive')])).toContain(
    '; "c" has vCPU 0 on CPUs 2, its emulator on CPUs 3-4, iothread 1 on CPUs 2, not set by a later ' +
      'virtune transaction: move or unpin it first (virsh vcpupin, emulatorpin, iothreadpin with --live --config), or use --force',
  );
});

test('a vCPU without a separate pin runs where the VM may run', () => {
  const c = vm('c', pins('9'));
  const confined: DomainState = {
    ...c,
    inactive: domainView(
      "<domain><name>c</name><vcpu cpuset='3'>2</vcpu><cputune><vcpupin vcpu='0' cpuset='9'/></cputune></domain>",
      'the test',
    ),
  };
  expect(reason(headerOf('a'), [A, confined], [broken(A, 'inactive')])).toContain(
    '"c" has vCPU 1 on CPUs 3, not set',
  );
});

test('what counts of the VM in the way is its definition, and what runs where it has none', () => {
  const moving = vm('c', pins('2', '3'), pins('8', '9'));
  expect(reason(headerOf('a'), [A, moving], [broken(A, 'inactive')])).toContain(
    '; "c" keeps its boot-time settings until its next boot: restart it first, or use --force',
  );
  const transient: DomainState = { ...moving, inactive: undefined };
  expect(reason(headerOf('a'), [A, transient], [broken(A, 'inactive')])).toContain(
    '; "c" has vCPU 0 on CPUs 2, vCPU 1 on CPUs 3, not set',
  );
});

test('the text names a VM in the way on other CPUs, which has to be moved', () => {
  const [c, d] = [vm('c', pins('8', '9')), vm('d', pins('8', '9'))];
  const all = [broken(A, 'inactive', '2-3', 'c'), broken(A, 'inactive', '2-3', 'd')];
  expect(reason(headerOf('a'), [A, c, d], all)).toMatch(
    /; move "c" and "d" to other CPUs first, or use --force to proceed anyway$/,
  );
  const off: DomainState = { ...c, live: undefined };
  expect(reason(headerOf('a'), [A, off], [broken(A, 'inactive', undefined)])).toMatch(/; move "c" to other/);
});

test('the CPUs that a VM is asked about are those of the violations that name it', () => {
  const c = vm('c', pins('6'));
  const all = [broken(A, 'inactive', '2-3', 'd'), broken(A, 'inactive', '4-5', 'c')];
  const at = (cpus: string): string =>
    reason(headerOf('a'), [A, c], [...all, broken(A, 'inactive', cpus, 'd')]);
  expect(at('6')).toMatch(/; move "c" to other CPUs first/);
  expect(reason(headerOf('a'), [A, c], [...all, broken(A, 'inactive', '6', 'c')])).toContain(
    '; "c" has vCPU 0 on CPUs 6, not set',
  );
});

test('a VM that violates it only until its next boot has to be restarted', () => {
  const c = vm('c', pins('2', '3'));
  const text = (header: JournalHeader, ...all: readonly HostViolation[]): string =>
    reason(header, [A, c], all, RECOVER_NEXT);
  expect(text(headerOf('a'), broken(A, 'live'))).toContain(
    '; "a" keeps its boot-time settings until its next boot: restart it, then run virtune tune recover again, or use',
  );
  // At its next boot as well: then a boot does not help, and who is there has to leave.
  expect(text(headerOf('a'), broken(A, 'live'), broken(A, 'inactive'))).toContain(
    '; "c" has vCPU 0 on CPUs 2, vCPU 1 on CPUs 3, not set',
  );
});

test('where a run cannot be finished no advice names --force: it is undone, and only a new plan can follow', () => {
  const advice = (found: HostViolation, ...others: readonly DomainState[]): string =>
    reason(headerOf('a'), [A, ...others], [found], FINISH_NEXT).replace(/^.*? are taken; /, '');
  const next = ', then make a new plan (virtune tune plan)';
  expect(advice(broken(A, 'live'))).toBe(
    `"a" keeps its boot-time settings until its next boot: restart it first${next}`,
  );
  expect(advice(broken(A, 'inactive'))).toBe(`check the definition${next}`);
  expect(advice(broken(A, 'inactive'), vm('c', pins('8', '9')))).toBe(`move "c" to other CPUs first${next}`);
  expect(advice(broken(A, 'inactive'), vm('c', pins('2', '9')))).toMatch(
    /move or unpin it first \(.*\), then make a new plan \(virtune tune plan\)$/,
  );
  expect(advice(broken(A, 'inactive'), vm('c', markAt('2026-03-01T00:00:00Z')))).toMatch(
    /roll that transaction back first \(virtune tune rollback T9\), then make a new plan \(virtune tune plan\)$/,
  );
});

test('a VM without a definition does not boot: what it breaks as it runs lasts', () => {
  const transient: DomainState = { ...A, inactive: undefined };
  const c = vm('c', pins('2', '3'));
  expect(reason(headerOf('a'), [transient, c], [broken(transient, 'live')])).toContain(
    '; "c" has vCPU 0 on CPUs 2, vCPU 1 on CPUs 3, not set',
  );
});

test('with several in the way one that lasts comes before one that a boot moves', () => {
  const b = vm('b', pins('6', '7'));
  const c = vm('c', pins('2', '3'));
  const all = [broken(A, 'live', '2-3', 'c'), broken(b, 'inactive', '6-7', 'd')];
  const d = vm('d', pins('7'));
  // Of c only what runs is in question, which a boot of a ends.
  expect(reason(headerOf('a', 'b'), [A, b, c, d], all)).toContain('; "d" has vCPU 0 on CPUs 7, not set');
});
