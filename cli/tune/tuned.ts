import { newTransactionId } from '../../tuner/journal/journal.ts';
import { makePlan } from '../../tuner/plan/make-plan.ts';
import { markOf, type Plan } from '../../tuner/plan/plan.ts';
import type { Pick } from '../../tuner/plan/plan-input.ts';
import { pickDomains } from '../../tuner/profile/pick.ts';
import { log } from '../log.ts';
import { known } from './make-plan.ts';
import type { Session } from './session.ts';

/** Domains whose mark names a profile that is not here (any more). */
export interface Tuned {
  readonly plan: Plan;
  readonly lost: readonly string[];
}

/**
 * A plan that would make every domain that was tuned as its profile wants it, with each where it is if it can be.
 * What changes nothing in it has not drifted.
 */
export async function planTuned(session: Session, patterns: readonly string[]): Promise<Tuned> {
  const { host, domains, library } = session;
  const profileOf = known(library);
  const meant = patterns.length === 0 ? domains : pickDomains(domains, patterns);
  const lost: string[] = [];
  const picks = meant.flatMap((state): Pick[] => {
    const mark = markOf(state);
    if (mark === undefined) return [];
    const profile = profileOf(mark.profile);
    if (profile !== undefined) return [{ state, profile }];
    lost.push(
      `${JSON.stringify(state.domain.name)} was tuned with profile ${JSON.stringify(mark.profile)}, which cannot be found or read; add its folder with --profiles`,
    );
    return [];
  });
  for (const line of lost) log(`virtune: ${line}`);
  const now = new Date();
  const plan = await makePlan({
    host,
    domains,
    picks,
    profileOf,
    id: newTransactionId(now),
    at: now.toISOString(),
  });
  return { plan, lost };
}
