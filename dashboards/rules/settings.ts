import { z } from 'zod';
import { secondsSchema } from '../../model/duration-schema.ts';
import { alertGroups } from './alerts/all.ts';
import { RENAMED_ALERTS } from './renamed.ts';
import type { AlertRule, Severity } from './rule.ts';

/** How long a condition must hold. Prometheus evaluates rules no more often than once a second. */
const duration = secondsSchema({ maxSeconds: 30 * 86_400, isWhole: true });

/** A regular expression as Prometheus anchors it. RE2 and JavaScript differ in little that labels need. */
const pattern = z.string().superRefine((text, context) => {
  try {
    new RegExp(`^(?:${text})$`, 'u');
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
  }
});

/** One label: what an override does not match is left to the next one, and PromQL has no "not both". */
const match = z
  .record(
    z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, 'a label name has letters, digits and _ only'),
    pattern,
  )
  .refine((labels) => Object.keys(labels).length === 1, 'match takes one label');

/** What a site may change in one alert, for all series or for those that an override matches. */
const ofAlert = (rule: AlertRule) => {
  const changes = {
    off: z.boolean().optional(),
    for: duration.optional(),
    severity: z.enum(['critical', 'warning', 'info']).optional(),
    ...Object.fromEntries(Object.keys(rule.thresholds).map((name) => [name, z.number().optional()])),
  };
  const known = match.refine((labels) => LABELS_WITHOUT[rule.subject].every((label) => !(label in labels)), {
    error: `${rule.alert} is about ${ABOUT[rule.subject]}: its series have no label ${LABELS_WITHOUT[rule.subject].join(', ')}`,
  });
  return z.strictObject({
    ...changes,
    overrides: z.array(z.strictObject({ match: known, ...changes })).optional(),
  });
};

const ABOUT = { vm: 'VMs', host: 'hosts', fleet: 'clusters' } as const;
const LABELS_WITHOUT: Readonly<Record<AlertRule['subject'], readonly string[]>> = {
  vm: [],
  host: ['domain'],
  fleet: ['job', 'instance', 'domain'],
};

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
