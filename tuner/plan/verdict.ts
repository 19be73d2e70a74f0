import type { CpuSet } from '../../model/cpu-set.ts';
import type { Problem } from '../errors.ts';
import type { DomainState, DomainView } from '../facts/facts.ts';
import type { LiveChange, Wish } from '../settings/setting.ts';
import { targetsOf } from '../settings/targets.ts';
import { cpuNumbers } from '../settings/values.ts';
import type { Step, StepDomain } from '../steps/step.ts';

/** When a wish takes effect. */
export type Verdict =
  /** Already the case, now and at the next boot. */
  | { readonly kind: 'same' }
  /** Now, and at every later boot of a persistent domain. */
  | { readonly kind: 'live'; readonly steps: readonly Step[] }
  /** From the next boot on. */
  | { readonly kind: 'boot' }
  /** The guest needs something first; applied only if the setting is accepted by name. */
  | { readonly kind: 'guest'; readonly needs: string }
  | { readonly kind: 'impossible'; readonly problem: Problem };

/** One line of a plan. Values are canonical text; undefined: not set, or for `live` also that it is not running. */
export interface Row {
  readonly wish: Wish;
  readonly live: string | undefined;
  readonly next: string | undefined;
  /** Whether the running domain already complies, or none is running. */
  readonly liveHolds: boolean;
  /** Whether the next boot already complies, or there is no definition. */
  readonly nextHolds: boolean;
  readonly verdict: Verdict;
}

export interface Judging {
  /** Settings whose guest-visible change the user has accepted. */
  readonly accepted: ReadonlySet<string>;
  /** The host's online CPUs, on all of which a thread without a pin may run. */
  readonly online: CpuSet;
}

/** Context of a wish within its plan. */
export interface Beside {
  /** Ids of the iothreads that the plan creates at once; undefined: no change until the next boot. */
  readonly ioThreads: CpuSet | undefined;
}

/** The iothreads that result from these wishes, if a running domain gets them at once. */
export function besideOf(wishes: readonly Wish[], state: DomainState, judging: Judging): Beside {
  const wanted = wishes.find(({ setting, problem }) => setting.id === 'iothreads' && problem === undefined);
  if (wanted === undefined || judge(wanted, state, judging).verdict.kind !== 'live')
    return { ioThreads: undefined };
  return { ioThreads: cpuNumbers(wanted.value) };
}

export const TRANSIENT: Problem = {
  code: 'TRANSIENT',
  text: 'it takes effect at a boot, but a transient domain ceases to exist when it stops',
  next: 'define the domain: virsh dumpxml, then virsh define',
};

export function judge(
  wish: Wish,
  state: DomainState,
  { accepted, online }: Judging,
  beside: Beside = { ioThreads: undefined },
): Row {
  const { setting, target, value } = wish;
  const live = state.live && setting.read(state.live.root, target);
  const next = state.inactive && setting.read(state.inactive.root, target);
  // If not set, compare what then applies: a pin to all online CPUs equals no pin.
  const meant = (view: DomainView, text: string | undefined): string | undefined =>
    text ?? setting.valueIfUnset?.(view.root, online);
  const holds = (view: DomainView | undefined, said: string | undefined): boolean =>
    view === undefined || meant(view, value) === meant(view, said);
  const liveHolds = holds(state.live, live) || setting.sameLive?.(value, live) === true;
  const nextHolds = wish.liveOnly === true || holds(state.inactive, next);
  const row = (verdict: Verdict): Row => ({ wish, live, next, liveHolds, nextHolds, verdict });
  // A value missing because of a problem does not comply, nor does a live-only setting of a domain that is not running.
  const decided = wish.problem === undefined || value !== undefined;
  const here = wish.liveOnly !== true || state.live !== undefined;
  if (decided && here && liveHolds && nextHolds) return row({ kind: 'same' });
  if (wish.problem !== undefined) return row({ kind: 'impossible', problem: wish.problem });
  if (wish.proposal !== undefined && !accepted.has(setting.id)) {
    return row({ kind: 'guest', needs: wish.proposal });
  }
  if (!liveHolds) {
    const steps = liveSteps(state, wish, live, beside);
    if (steps !== undefined) return row({ kind: 'live', steps });
  }
  return row(state.inactive === undefined ? { kind: 'impossible', problem: TRANSIENT } : { kind: 'boot' });
}

function liveSteps(
  state: DomainState,
  { setting, target, value }: Wish,
  from: string | undefined,
  { ioThreads }: Beside,
): readonly Step[] | undefined {
  if (state.live === undefined) return undefined;
  // Disks and iothreads that exist only in the definition appear at the next boot, together with their settings.
  const runs =
    targetsOf(state.live.root, setting.on).includes(target) ||
    (setting.on === 'iothread' && ioThreads?.has(Number(target)) === true);
  if (!runs) return undefined;
  const change: LiveChange = { domain: stepDomain(state), target, from, to: value, live: state.live.root };
  return setting.live?.(change);
}

export function stepDomain({ domain }: DomainState): StepDomain {
  return { uuid: domain.uuid, name: domain.name };
}
