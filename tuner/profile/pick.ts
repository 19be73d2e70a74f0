import { isCatchAll, matchesGlob } from '../../model/glob.ts';
import { terminalText } from '../../model/terminal-text.ts';
import { TunerError } from '../errors.ts';
import type { DomainState, HostFacts } from '../facts/facts.ts';
import type { Assignments } from './assignments.ts';

/**
 * The domains that are meant: by name, by UUID, or by a glob with `*` or `?`; each once, in the host's order. A name
 * may hold `*` and `?` itself: what a domain is called means that domain and no other.
 * @throws TunerError (TUNE_DOMAIN) for one that fits nothing
 */
export function pickDomains(states: readonly DomainState[], patterns: readonly string[]): DomainState[] {
  const called = ({ domain }: DomainState, pattern: string): boolean =>
    domain.name === pattern || domain.uuid === pattern;
  const exact = new Set(patterns.filter((pattern) => states.some((state) => called(state, pattern))));
  const meant = (state: DomainState, pattern: string): boolean =>
    exact.has(pattern) ? called(state, pattern) : matchesGlob(pattern, state.domain.name);
  for (const pattern of patterns) {
    if (!states.some((state) => meant(state, pattern))) throw nobody(states, pattern);
  }
  return states.filter((state) => patterns.some((pattern) => meant(state, pattern)));
}

/** The domains that an assignments file gives a profile, with its name. */
export function pickByFile(
  states: readonly DomainState[],
  assignments: Assignments,
): { readonly state: DomainState; readonly profile: string }[] {
  return states.flatMap((state) => {
    const profile = assignments.profileOf(state);
    return typeof profile === 'string' ? [{ state, profile }] : [];
  });
}

/** Whether a pattern means this domain, and not just any. */
export const names = (pattern: string, { domain }: DomainState): boolean =>
  !isCatchAll(pattern) &&
  (pattern === domain.name || pattern === domain.uuid || matchesGlob(pattern, domain.name));

/** Somebody has pinned it, and it was not virtune: it has no mark, and its vCPUs may not run everywhere. */
export function isHandTuned(state: DomainState, { online }: HostFacts): boolean {
  return [state.live, state.inactive].some((view) => {
    if (view === undefined || (state.inactive ?? state.live)?.facts.tuned !== undefined) return false;
    const { vcpuPins, cpuSet } = view.facts.cpu;
    return [...vcpuPins.values(), ...(cpuSet === undefined ? [] : [cpuSet])].some(
      (pin) => online.difference(pin).size > 0,
    );
  });
}

const NAMES_MAX = 20;

/** What names this domain on a command line: its UUID where its name could be taken for a glob, or cannot be typed. */
function selector({ name, uuid }: DomainState['domain']): string {
  const text = JSON.stringify(name);
  return /[*?]/.test(name) || terminalText(name) !== name ? `${uuid} (${text})` : text;
}

function nobody(states: readonly DomainState[], pattern: string): TunerError {
  const names = states.map(({ domain }) => selector(domain)).sort();
  const more = names.length > NAMES_MAX ? ` and ${names.length - NAMES_MAX} more` : '';
  const known = names.length === 0 ? 'no domains' : `${names.slice(0, NAMES_MAX).join(', ')}${more}`;
  return new TunerError(
    'TUNE_DOMAIN',
    `no domain matches ${JSON.stringify(pattern)}; this host has ${known}`,
  );
}
