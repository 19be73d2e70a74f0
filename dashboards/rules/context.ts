import type { SeriesName } from '../../model/catalogue/names.ts';
import type { Duration } from './duration.ts';

/** Inputs of an expression besides its thresholds. */
export interface RuleContext {
  /** Duration of a range selector; shorter when tests compress time. */
  readonly range: (duration: Duration) => Duration;
  /**
   * A selector of series from virtune's scrapes, by their `job` label: another exporter may have series of the same
   * names, which must not be counted twice.
   */
  readonly metric: (name: SeriesName, ...matchers: readonly string[]) => string;
}
