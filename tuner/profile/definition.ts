import { TunerError } from '../errors.ts';
import type { DomainState, DomainView } from '../facts/facts.ts';

/**
 * What a domain's next boot takes, or what it runs on where it has no next one.
 * @throws TunerError (TUNE_DOMAIN) for one that has neither: it went away while it was read.
 */
export function definitionOf(state: DomainState): DomainView {
  const view = state.inactive ?? state.live;
  if (view === undefined) {
    throw new TunerError(
      'TUNE_DOMAIN',
      `domain ${JSON.stringify(state.domain.name)} is neither defined nor running; check whether it was undefined or migrated`,
    );
  }
  return view;
}
