import { XMLSerializer } from '@xmldom/xmldom';
import { parseXml } from '../../../model/xml.ts';
import type { DomainState, HostFacts } from '../../../tuner/facts/facts.ts';
import { placementRequest } from '../../../tuner/profile/placement-request.ts';
import type { Profile } from '../../../tuner/profile/profile.ts';
import { resolve } from '../../../tuner/profile/resolve.ts';
import type { Wish } from '../../../tuner/settings/setting.ts';
import { assignmentFor, host } from './fixtures.ts';

/** The settings that a profile yields for a guest that was placed. */
export function wishesOf(
  profile: Profile,
  of: DomainState,
  on: HostFacts = host(),
  accepted?: ReadonlySet<string>,
): Wish[] {
  return resolve(profile, on, of, assignmentFor(placementRequest(profile, on, of)), { accepted });
}

/** The definition with all settings that are possible, as it would be defined. */
export function written(of: DomainState, wishes: readonly Wish[]): string {
  const root = parseXml('the definition', of.inactive?.xml ?? '', 'domain');
  for (const { setting, target, value, problem, proposal, liveOnly } of wishes) {
    if (problem === undefined && proposal === undefined && liveOnly !== true)
      setting.write(root, target, value);
  }
  return `${new XMLSerializer().serializeToString(root)}\n`;
}

export const key = ({ setting, target }: Wish): string =>
  target === '' ? setting.id : `${setting.id} ${target}`;
export const valuesOf = (wishes: readonly Wish[]): Record<string, string | undefined> =>
  Object.fromEntries(
    wishes.filter(({ problem }) => problem === undefined).map((wish) => [key(wish), wish.value]),
  );
export const problemsOf = (wishes: readonly Wish[]): Record<string, string> =>
  Object.fromEntries(
    wishes.flatMap((wish) => (wish.problem === undefined ? [] : [[key(wish), wish.problem.code]])),
  );
