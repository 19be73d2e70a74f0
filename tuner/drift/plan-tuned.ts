import { CpuSet } from '../../model/cpu-set.ts';
import type { DomainState, HostFacts } from '../facts/facts.ts';
import { newTransactionId } from '../journal/journal.ts';
import { makePlan } from '../plan/make-plan.ts';
import { type DomainPlan, markOf } from '../plan/plan.ts';
import type { Pick } from '../plan/plan-input.ts';
import type { Profile } from '../profile/profile.ts';

/** Every domain that was tuned, as its profile wants it now. */
export interface Tuned {
  /** Of a transaction that restores something of it. */
  readonly id: string;
  readonly host: HostFacts;
  /** In the order in which they were given. */
  readonly domains: readonly DomainPlan[];
  /** Domains whose mark names a profile that is not here (any more). */
  readonly withoutProfile: readonly DomainState[];
}

export interface TunedInput {
  readonly host: HostFacts;
  /** All of the host's. */
  readonly domains: readonly DomainState[];
  /** Those to look at; the ones without a mark are passed over. */
  readonly meant: readonly DomainState[];
  readonly profileOf: (name: string) => Profile | undefined;
  readonly now: Date;
}

/**
 * Plans that would make every domain that was tuned as its profile wants it, with each where it is if it can be. What changes
 * nothing in it has not drifted. Each is judged by the CPUs that its own plan kept for the host: domains may have been tuned
 * with different ones.
 */
export async function planTuned({ host, domains, meant, profileOf, now }: TunedInput): Promise<Tuned> {
  const [id, at] = [newTransactionId(now), now.toISOString()];
  const withoutProfile: DomainState[] = [];
  const byHostCpus = new Map<string | undefined, Pick[]>();
  for (const state of meant) {
    const mark = markOf(state);
    if (mark === undefined) continue;
    const profile = profileOf(mark.profile);
    if (profile === undefined) withoutProfile.push(state);
    else byHostCpus.set(mark.hostCpus, [...(byHostCpus.get(mark.hostCpus) ?? []), { state, profile }]);
  }
  const plans: DomainPlan[] = [];
  for (const [kept, picks] of byHostCpus) {
    // One that is offline is nobody's to take.
    const hostCpus = kept === undefined ? undefined : CpuSet.parse(kept).intersection(host.online);
    const plan = await makePlan({ host, domains, picks, profileOf, hostCpus, id, at });
    plans.push(...plan.domains);
  }
  const order = new Map(meant.map(({ domain }, index) => [domain.uuid, index]));
  const indexOf = ({ state }: DomainPlan): number => order.get(state.domain.uuid) ?? 0;
  return { id, host, domains: plans.sort((a, b) => indexOf(a) - indexOf(b)), withoutProfile };
}
