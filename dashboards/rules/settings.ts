import { z } from 'zod';
import { secondsSchema } from '../../model/duration-schema.ts';
import { alertGroups } from './alerts/all.ts';
import { RENAMED_ALERTS } from './renamed.ts';
import type { AlertRule, Severity } from './rule.ts';

/** How long a condition must hold. Prometheus evaluates rules no more often than once a second. */
const duration = secondsSchema({ maxSeconds: 30 * 86_400, isWhole: true });

/** What a site may change in one alert. */
const ofAlert = ({ thresholds }: AlertRule) =>
  z.strictObject({
    off: z.boolean().optional(),
    for: duration.optional(),
    severity: z.enum(['critical', 'warning', 'info']).optional(),
    ...Object.fromEntries(Object.keys(thresholds).map((name) => [name, z.number().optional()])),
  });

/** The file of `--thresholds`: alerts by name, each with the thresholds that it has. */
export const settingsSchema = z.strictObject(
  Object.fromEntries(
    alertGroups.flatMap(({ alerts }) => alerts).map((rule) => [rule.alert, ofAlert(rule).optional()]),
  ),
  { error: (issue) => (issue.code === 'unrecognized_keys' ? unknownAlerts(issue.keys) : undefined) },
);

function unknownAlerts(names: readonly string[]): string {
  return names
    .map((name) => {
      const renamed = RENAMED_ALERTS.get(name);
      return renamed === undefined ? `unknown alert "${name}"` : `alert ${name} is now called ${renamed}`;
    })
    .join('; ');
}

/** Changes to alerts by their names; those that are not named are as declared. */
export type Settings = Readonly<Record<string, AlertSettings | undefined>>;

export interface AlertSettings {
  readonly off?: boolean | undefined;
  /** Seconds. */
  readonly for?: number | undefined;
  readonly severity?: Severity | undefined;
  /** Thresholds by their names. */
  readonly [threshold: string]: string | number | boolean | undefined;
}
