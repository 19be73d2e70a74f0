import { parseDomainTree } from '../../model/domain/domain-tree.ts';
import { domainView, editedView } from '../facts/domain-view.ts';
import { type DomainState, type DomainView, hostOfDomain } from '../facts/facts.ts';
import type { Neighbour, Subject } from '../invariants/invariant.ts';
import { neighboursOf, type Violation, violationsOf } from '../invariants/violations.ts';
import type { Step } from '../steps/step.ts';
import { type Row, TRANSIENT } from './verdict.ts';

/** The surroundings of a domain, which it must not endanger. */
export type Surroundings = Pick<Subject, 'host' | 'hostCpus' | 'others'>;

/** Settings that decide whether a scheduling policy, hint or lock that only a boot removes is harmless until then. */
const PLACES = /^(vcpupin|emulatorpin|iothreadpin|vcpu\.cpuset|memtune\.|numatune\.)/;

/**
 * Defers rows to the boot that would be dangerous on the running domain but not once it has booted: for example wider
 * pins while vCPUs are still real-time threads.
 */
export function safeNow(rows: readonly Row[], state: DomainState, around: Surroundings): readonly Row[] {
  const { live, inactive } = state;
  if (live === undefined) return rows;
  const now = rows.filter(({ verdict }) => verdict.kind === 'live');
  if (!now.some(({ wish }) => PLACES.test(wish.setting.id))) return rows;
  const after = parseDomainTree('the running domain', live.xml);
  for (const { wish } of now) wish.setting.write(after, wish.target, wish.value);
  const created = violationsOf(subjectOf(editedView(after), around), subjectOf(live, around)).filter(
    (each) => each.created && each.level === 'refuse',
  );
  if (created.length === 0) return rows;
  return rows.map((row) =>
    row.verdict.kind === 'live' && PLACES.test(row.wish.setting.id)
      ? {
          ...row,
          verdict: inactive === undefined ? { kind: 'impossible', problem: TRANSIENT } : { kind: 'boot' },
        }
      : row,
  );
}

/** What the domain would break at its next boot; or, if transient, as it runs. */
export function violationsAfter(
  rows: readonly Row[],
  state: DomainState,
  defined: string | undefined,
  around: Surroundings,
): Violation[] {
  const before = state.inactive ?? state.live;
  if (before === undefined) return [];
  const after = defined === undefined ? before : domainView(defined, 'the definition');
  if (state.inactive !== undefined || state.live === undefined)
    return violationsOf(subjectOf(after, around), subjectOf(before, around));
  const now = runAfter({ rows, definition: undefined, steps: [] }, state.live);
  return violationsOf(subjectOf(now, around), subjectOf(before, around));
}

/** The parts of a domain's plan that affect its present run. */
interface PlannedRun {
  readonly state: DomainState;
  readonly rows: readonly Row[];
  readonly definition: { readonly after: string } | undefined;
  readonly steps: readonly Step[];
}

/**
 * What running domains will break once a plan is applied, but before the boots that it leaves to users. A domain whose
 * real-time vCPUs stay where they are until it boots still occupies those CPUs, whatever is planned for it: no other VM
 * can have them.
 */
export function brokenUntilBoot(
  plans: readonly PlannedRun[],
  domains: readonly DomainState[],
  { host, hostCpus }: Pick<Surroundings, 'host' | 'hostCpus'>,
): { readonly name: string; readonly violation: Violation }[] {
  const runs = domains.flatMap((state) => {
    if (state.live === undefined) return [];
    const plan = plans.find((each) => each.state.domain.uuid === state.domain.uuid);
    return [{ state, plan, after: plan === undefined ? state.live : runAfter(plan, state.live) }];
  });
  const claims = (own: DomainState, when: 'now' | 'after'): Neighbour[] =>
    neighboursOf(
      domains
        .filter((state) => state !== own)
        .map((state) => {
          const plan = plans.find((each) => each.state.domain.uuid === state.domain.uuid);
          if (when === 'now' || plan === undefined) return state;
          const live = state.live && runAfter(plan, state.live);
          return { ...state, live, inactive: definedAfter(plan) };
        }),
      host.topology,
    );
  return runs.flatMap(({ state, plan, after }) => {
    // It boots in this plan, on a definition that has been checked already.
    if (plan !== undefined && isRestarted(plan)) return [];
    const before = subjectOf(state.live ?? after, { host, hostCpus, others: claims(state, 'now') });
    const then = subjectOf(after, { host, hostCpus, others: claims(state, 'after') });
    return violationsOf(then, before)
      .filter(({ level, created }) => created && level === 'refuse')
      .map((violation) => ({ name: state.domain.name, violation }));
  });
}

const definedAfter = ({ state, definition }: PlannedRun): DomainView | undefined =>
  definition === undefined ? state.inactive : domainView(definition.after, 'the definition');

const isRestarted = ({ steps }: Pick<PlannedRun, 'steps'>): boolean =>
  steps.some(({ kind }) => kind === 'restart');

function runAfter({ rows, definition, steps }: Omit<PlannedRun, 'state'>, live: DomainView): DomainView {
  if (isRestarted({ steps })) {
    return definition === undefined ? live : domainView(definition.after, 'the definition');
  }
  const root = parseDomainTree('the running domain', live.xml);
  for (const { wish, verdict } of rows)
    if (verdict.kind === 'live') wish.setting.write(root, wish.target, wish.value);
  return editedView(root);
}

const subjectOf = ({ root, facts }: DomainView, around: Surroundings): Subject => ({
  root,
  facts,
  ...around,
  host: hostOfDomain(around.host, facts),
});
