import { planTuned, type Tuned } from '../../tuner/drift/plan-tuned.ts';
import { markOf } from '../../tuner/plan/plan.ts';
import { pickDomains } from '../../tuner/profile/pick.ts';
import { log } from '../log.ts';
import { known } from './make-plan.ts';
import type { Session } from './session.ts';

/** Plans for the tuned domains among `patterns`, or among all; logs those whose profile cannot be found or read. */
export async function readTuned(
  { host, domains, library }: Session,
  patterns: readonly string[],
): Promise<Tuned> {
  const meant = patterns.length === 0 ? domains : pickDomains(domains, patterns);
  const tuned = await planTuned({ host, domains, meant, profileOf: known(library), now: new Date() });
  for (const state of tuned.withoutProfile)
    log(
      `virtune: ${JSON.stringify(state.domain.name)} was tuned with profile ${JSON.stringify(markOf(state)?.profile)}, which cannot be found or read; add its folder with --profiles`,
    );
  return tuned;
}
