import type { Problem } from '../errors.ts';
import { type HostWanted, type HostWish, hostKnobs } from './host-knobs.ts';
import type { Entry, Profile } from './profile.ts';

/** Merges what all profiles in use on a host want of it; contradictions become problems. */
export function resolveHost(profiles: readonly Profile[]): HostWish[] {
  const unique = [...new Map(profiles.map((profile) => [profile.name, profile])).values()];
  return hostKnobs.flatMap((knob) => {
    const said = unique.flatMap((profile) => {
      const entry = profile.host.get(knob.id);
      const wanted = entry && knob.wanted(entry.value);
      return entry === undefined || wanted === undefined ? [] : [{ profile: profile.name, entry, wanted }];
    });
    const [first] = said;
    return first === undefined ? [] : [merge([first, ...said.slice(1)])];
  });
}

interface Said {
  readonly profile: string;
  readonly entry: Entry;
  readonly wanted: HostWanted;
}

/** Upper limits merge to the lowest; all others must be equal. */
function merge(said: readonly [Said, ...Said[]]): HostWish {
  const bound = said[0].wanted.knob === 'swappiness' || said[0].wanted.knob === 'cstates';
  const strictest = bound
    ? said.reduce((min, each) => (each.wanted.wanted < min.wanted.wanted ? each : min))
    : said[0];
  const { entry, wanted } = strictest;
  const wish = {
    ...wanted,
    profiles: said.map(({ profile }) => profile),
    why: entry.why,
    source: entry.source,
  };
  const agree = bound || said.every((each) => each.wanted.wanted === wanted.wanted);
  return agree ? wish : { ...wish, problem: conflict(said) };
}

function conflict(said: readonly Said[]): Problem {
  return {
    code: 'PROFILES_DISAGREE',
    text: `host setting ${said[0]?.wanted.knob} cannot be ${said.map(({ profile, wanted }) => `${wanted.wanted} (${profile})`).join(' and ')} at the same time`,
    next: 'run these domains on different hosts, or set "leave" in one of the profiles',
  };
}
