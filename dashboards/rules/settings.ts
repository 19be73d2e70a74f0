import type { Severity } from './rule.ts';

/** Changes to alerts by their names; those that are not named are as declared. */
export type Settings = Readonly<Record<string, AlertSettings | undefined>>;

export interface AlertChanges {
  readonly off?: boolean | undefined;
  /** Seconds. */
  readonly for?: number | undefined;
  readonly severity?: Severity | undefined;
  /** Thresholds by their names. */
  readonly [threshold: string]: unknown;
}

/** Other values for the series with a label that matches; of several overrides the first counts. */
export interface AlertOverride extends AlertChanges {
  /** One label and the regular expression that its whole value matches. */
  readonly match: Readonly<Record<string, string>>;
}

export interface AlertSettings extends AlertChanges {
  readonly overrides?: readonly AlertOverride[] | undefined;
}
