import { TunerError } from '../errors.ts';
import type { DomainState, DomainView } from '../facts/facts.ts';

/**
 * The domain's definition for its next boot, or its live one if it is transient.
 * @throws TunerError (TUNE_DOMAIN) if it has neither: it disappeared while it was being read.
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
