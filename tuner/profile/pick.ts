import { isCatchAll, matchesGlob } from '../../model/glob.ts';
import { terminalText } from '../../model/terminal-text.ts';
import { TunerError } from '../errors.ts';
import type { DomainState, HostFacts } from '../facts/facts.ts';
import type { Assignments } from './assignments.ts';

/**
 * The domains selected by name, UUID, or glob with `*` or `?`; each once, in the host's order. A domain name may itself
 * contain `*` and `?`: an exact name selects only that domain.
 * @throws TunerError (TUNE_DOMAIN) for a pattern that matches nothing
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

/** The domains to which an assignments file assigns a profile, with its name. */
export function pickByFile(
  states: readonly DomainState[],
  assignments: Assignments,
): { readonly state: DomainState; readonly profile: string }[] {
  return states.flatMap((state) => {
    const profile = assignments.profileOf(state);
    return typeof profile === 'string' ? [{ state, profile }] : [];
  });
}

/** Whether a pattern selects this domain specifically, not just any domain. */
export const names = (pattern: string, { domain }: DomainState): boolean =>
  !isCatchAll(pattern) &&
  (pattern === domain.name || pattern === domain.uuid || matchesGlob(pattern, domain.name));

/** Pinned by something other than virtune: it has no mark of virtune, and its vCPUs may not run on all CPUs. */
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

/** How to select this domain on a command line: by UUID if its name could be taken for a glob, or cannot be typed. */
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
