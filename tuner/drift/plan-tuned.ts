import { CpuSet } from '../../model/cpu-set.ts';
import type { DomainState, HostFacts } from '../facts/facts.ts';
import { newTransactionId } from '../journal/journal.ts';
import { makePlan } from '../plan/make-plan.ts';
import { type DomainPlan, markOf } from '../plan/plan.ts';
import type { Pick } from '../plan/plan-input.ts';
import type { Profile } from '../profile/profile.ts';

/** Every tuned domain, with a plan for what its profile wants now. */
export interface Tuned {
  /** For a transaction that restores some of it. */
  readonly id: string;
  readonly host: HostFacts;
  /** In the order of the input. */
  readonly domains: readonly DomainPlan[];
  /** Domains whose mark names a profile that is not available here. */
  readonly withoutProfile: readonly DomainState[];
}

export interface TunedInput {
  readonly host: HostFacts;
  /** All domains of the host. */
  readonly domains: readonly DomainState[];
  /** Those to look at; those without a mark are skipped. */
  readonly meant: readonly DomainState[];
  readonly profileOf: (name: string) => Profile | undefined;
  readonly now: Date;
}

/**
 * Plans that would make every tuned domain match its profile, each in its current place if possible. A setting that its
 * plan does not change has not drifted. Each domain is judged with the CPUs that its own plan reserved for the host:
 * domains may have been tuned with different ones.
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
    // An offline CPU cannot be reserved.
    const hostCpus = kept === undefined ? undefined : CpuSet.parse(kept).intersection(host.online);
    const plan = await makePlan({ host, domains, picks, profileOf, hostCpus, id, at });
    plans.push(...plan.domains);
  }
  const order = new Map(meant.map(({ domain }, index) => [domain.uuid, index]));
  const indexOf = ({ state }: DomainPlan): number => order.get(state.domain.uuid) ?? 0;
  return { id, host, domains: plans.sort((a, b) => indexOf(a) - indexOf(b)), withoutProfile };
}
