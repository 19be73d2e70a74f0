import type { CpuSet } from '../../model/cpu-set.ts';
import type { MarkedSetting, TunedMark } from '../../model/domain/tuned-mark.ts';
import type { DomainState, HostFacts } from '../facts/facts.ts';
import type { Violation } from '../invariants/violations.ts';
import type { Sharing } from '../placement/sharing.ts';
import type { Assignment, Placement } from '../placement/types.ts';
import { settingKey, type Wish } from '../settings/setting.ts';
import type { Step } from '../steps/step.ts';
import { changeDefinition, type DefinitionChange } from './definition.ts';
import { markXml, writeMark } from './mark.ts';
import { type Surroundings, safeNow, violationsAfter } from './safety.ts';
import { together } from './together.ts';
import { besideOf, type Judging, judge, type Row, stepDomain } from './verdict.ts';

export interface PlannedProfile {
  readonly name: string;
  /** Version of the profile including everything that it extends. */
  readonly version: string;
}

/** The plan for one domain. */
export interface DomainPlan {
  readonly state: DomainState;
  readonly profile: PlannedProfile;
  readonly assignment: Assignment | undefined;
  readonly rows: readonly Row[];
  readonly definition: DefinitionChange | undefined;
  /** Whether a change waits for the reboot of a running domain. */
  readonly needsRestart: boolean;
  readonly steps: readonly Step[];
  /** Settings of an earlier profile that this one does not have, but something else changed since; text for users. */
  readonly left: readonly string[];
  /** Invariants of domains that it breaks; if it would newly break one that is refused, there are no steps. */
  readonly violations: readonly Violation[];
}

/** A host setting that a profile sets, or only checks. */
export interface HostRow {
  readonly what: string;
  readonly now: string | undefined;
  readonly wanted: string;
  readonly verdict: 'same' | 'live' | 'mismatch' | 'impossible' | 'unknown';
  readonly why: string;
  /** The command to fix it, or the reason why it is unknown. */
  readonly next: string | undefined;
}

export interface HostPlan {
  readonly rows: readonly HostRow[];
  readonly steps: readonly Step[];
}

export interface Plan {
  /** Of the transaction that it becomes when it is applied. */
  readonly id: string;
  readonly host: HostFacts;
  readonly placement: Placement;
  /** Its effect on VMs that share CPUs, named or not. */
  readonly sharing?: Sharing | undefined;
  /** The result of `--rebalance`, if much better for VMs that share CPUs. */
  readonly rebalanced?: Sharing | undefined;
  /** Domains left out because the user did not name them and their pins are not virtune's. */
  readonly leftAlone?: readonly string[] | undefined;
  /** What an SRE should know before applying it: owners that rewrite the VM, memory that may not suffice. */
  readonly warnings?: readonly string[] | undefined;
  readonly hostPlan: HostPlan;
  readonly domains: readonly DomainPlan[];
}

export interface DomainPlanInput {
  readonly state: DomainState;
  readonly profile: PlannedProfile;
  readonly assignment: Assignment | undefined;
  readonly wishes: readonly Wish[];
  /** Settings that virtune made so far. Absent: none. */
  readonly marked?: readonly MarkedSetting[] | undefined;
  readonly left?: readonly string[] | undefined;
  /** Absent: the result is not checked for safety. */
  readonly around?: Surroundings | undefined;
  readonly judging: Judging;
  /** Apply boot-time changes now, by a restart. */
  readonly restart: boolean;
  /** CPUs that the plan reserves for the host, for the mark; absent: the default. */
  readonly hostCpus?: CpuSet | undefined;
  /** The transaction that applies this plan, and its time. */
  readonly id: string;
  readonly at: string;
}

/** Judges every wish, and derives the steps. */
export function planDomain(input: DomainPlanInput): DomainPlan {
  const { state, profile, assignment, wishes, judging, restart, id, at, around } = input;
  const beside = besideOf(wishes, state, judging);
  const judged = wishes.map((wish) => judge(wish, state, judging, beside));
  const rows = around === undefined ? judged : safeNow(judged, state, around);
  const taken = rows.filter(({ verdict }) => verdict.kind === 'live' || verdict.kind === 'boot');
  const settings = nowMarked(state, rows, input.marked ?? []);
  const hostCpus = input.hostCpus?.toString();
  const mark: TunedMark = { profile: profile.name, version: profile.version, at, id, hostCpus, settings };
  const defines = taken.some(({ nextHolds }) => !nextHolds);
  const definition =
    state.inactive && (defines || !isMarked(state, mark))
      ? changeDefinition(
          state.inactive,
          rows
            .filter(({ verdict }) => verdict.kind !== 'impossible' && verdict.kind !== 'guest')
            .map(({ wish }) => wish)
            .filter(({ liveOnly }) => liveOnly !== true),
          (root) => writeMark(root, mark),
        )
      : undefined;
  const needsRestart = taken.some(({ verdict, liveHolds }) => verdict.kind === 'boot' && !liveHolds);
  const restarts = restart && needsRestart;
  const violations = around === undefined ? [] : violationsAfter(rows, state, definition?.after, around);
  const steps = violations.some(isRefused) ? [] : stepsOf(state, rows, definition, mark, restarts);
  return {
    state,
    profile,
    assignment,
    rows,
    definition,
    needsRestart,
    steps,
    left: input.left ?? [],
    violations,
  };
}

/** Whether a plan with this violation is refused. */
export function isRefused({ level, created }: Violation): boolean {
  return created && level === 'refuse';
}

/**
 * Settings that the mark should record as virtune's: with the value from before the first of its profiles, unless
 * something else changed the setting in between.
 */
function nowMarked(
  state: DomainState,
  rows: readonly Row[],
  marked: readonly MarkedSetting[],
): MarkedSetting[] {
  const found = new Map(marked.map((each) => [settingKey(each.setting, each.target), each]));
  for (const { wish, verdict, live, next } of rows) {
    if (wish.liveOnly === true) continue;
    const key = settingKey(wish.setting.id, wish.target);
    const before = found.get(key);
    const now = (state.inactive === undefined ? live : next) ?? null;
    const ours = before !== undefined && before.to === now;
    const kept = verdict.kind === 'impossible' || verdict.kind === 'guest';
    const to = kept ? now : (wish.value ?? null);
    const was = ours ? before.was : now;
    if (to === was) found.delete(key);
    else found.set(key, { setting: wish.setting.id, target: wish.target, to, was });
  }
  return [...found.values()];
}

/**
 * The steps; the journal orders them so that each intermediate state is valid. A restart applies the whole definition,
 * so besides it only those settings are set that no definition can hold and that are lost with the old run; the mark in
 * the definition covers all of it.
 */
function stepsOf(
  state: DomainState,
  rows: readonly Row[],
  definition: DefinitionChange | undefined,
  mark: TunedMark,
  restarts: boolean,
): Step[] {
  const domain = stepDomain(state);
  const defined: Step[] =
    definition === undefined ? [] : [{ kind: 'definition', domain, to: definition.after }];
  if (restarts) {
    const again = together(rows.flatMap((row) => keptNowhere(row, state)));
    return [...defined, { kind: 'restart', domain, to: 'restarted' }, ...again];
  }
  const live = together(rows.flatMap(({ verdict }) => (verdict.kind === 'live' ? verdict.steps : [])));
  const marks: Step[] =
    state.live === undefined || (live.length === 0 && defined.length === 0 && isMarked(state, mark))
      ? []
      : [{ kind: 'mark', domain, to: markXml(mark) }];
  return [...live, ...defined, ...marks];
}

/** Settings to repeat on a restarted domain. */
function keptNowhere({ wish, verdict }: Row, state: DomainState): readonly Step[] {
  if (wish.liveOnly !== true || state.live === undefined) return [];
  if (verdict.kind === 'impossible' || verdict.kind === 'guest') return [];
  const { setting, target, value: to } = wish;
  return (
    setting.live?.({ domain: stepDomain(state), target, from: undefined, to, live: state.live.root }) ?? []
  );
}

/** Every step of a plan: the host's first, since domains depend on them. */
export function allSteps({ hostPlan, domains }: Plan): Step[] {
  return [...hostPlan.steps, ...domains.flatMap(({ steps }) => steps)];
}

/** Without the mark, a domain that already matches is not watched, nor judged by the plan that it came from. */
function isMarked(state: DomainState, { profile, version, hostCpus }: TunedMark): boolean {
  const mark = markOf(state);
  return mark?.profile === profile && mark.version === version && mark.hostCpus === hostCpus;
}

/** Virtune's mark on a domain that it has tuned before. */
export function markOf(state: DomainState): TunedMark | undefined {
  return (state.inactive ?? state.live)?.facts.tuned;
}
