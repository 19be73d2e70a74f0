import type { SeriesName } from '../../model/catalogue/names.ts';
import type { Duration } from './duration.ts';

/** What an expression may need besides its thresholds. */
export interface RuleContext {
  /** A range in brackets' place; shorter where time is compressed, as tests do. */
  readonly range: (duration: Duration) => Duration;
  /**
   * A selector of series from virtune's own scrapes, by their `job` label: another exporter beside virtune has series
   * of the same names, and they must not count twice.
   */
  readonly metric: (name: SeriesName, ...matchers: readonly string[]) => string;
}
