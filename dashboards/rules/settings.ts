import type { Severity } from './rule.ts';

/** Changes to alerts by name; alerts not listed keep their defaults. */
export type Settings = Readonly<Record<string, AlertSettings | undefined>>;

export interface AlertChanges {
  readonly off?: boolean | undefined;
  /** Seconds. */
  readonly for?: number | undefined;
  readonly severity?: Severity | undefined;
  /** Thresholds by their names. */
  readonly [threshold: string]: unknown;
}

/** Different values for series with a matching label; the first matching override applies. */
export interface AlertOverride extends AlertChanges {
  /** One label and a fully anchored regular expression for its value. */
  readonly match: Readonly<Record<string, string>>;
}

export interface AlertSettings extends AlertChanges {
  readonly overrides?: readonly AlertOverride[] | undefined;
}
