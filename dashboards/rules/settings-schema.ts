import { z } from 'zod';
import { secondsSchema } from '../../model/duration-schema.ts';
import { CLUSTER_LABEL } from '../cluster-label.ts';
import { alertGroups } from './alerts/all.ts';
import { overrideFaults } from './override-faults.ts';
import { overrideLabelFault } from './override-label.ts';
import { regexFault } from './regex.ts';
import { RENAMED_ALERTS } from './renamed.ts';
import type { AlertRule, Threshold } from './rule.ts';
import type { Settings } from './settings.ts';
import { isInRange, rangeText } from './threshold-range.ts';

/** The `for` of an alert. Prometheus evaluates rules at most once a second. */
const duration = secondsSchema({ maxSeconds: 30 * 86_400, isWhole: true });

/**
 * Schema of the `--thresholds` file: alerts by name, each with its thresholds.
 * @param clusterLabel the label of a host's cluster, which an override may match
 */
export function settingsSchema(clusterLabel: string = CLUSTER_LABEL): z.ZodType<Settings> {
  const alerts = alertGroups.flatMap((group) => group.alerts);
  const schema = z.strictObject(
    Object.fromEntries(alerts.map((rule) => [rule.alert, ofAlert(rule, clusterLabel).optional()])),
    {
      error: (issue) =>
        issue.code === 'unrecognized_keys'
          ? unknownAlerts(issue.keys)
          : `expected alerts by name, such as GuestBallooned: { off: true }, got ${shown(issue.input)}`,
    },
  ) as z.ZodType<Settings>;
  return schema.superRefine((settings, context) => {
    for (const { alert, dependsOn = [] } of alerts) {
      const missing =
        settings[alert]?.off === true ? [] : dependsOn.filter((name) => settings[name]?.off === true);
      for (const name of missing) {
        const message = `${alert} counts ${name} and would never fire without it; set severity: info instead, or also ${alert}: { off: true }`;
        context.addIssue({ code: 'custom', path: [name, 'off'], message });
      }
    }
  });
}

/** What a site can change in an alert, for all series or for those matched by an override. */
function ofAlert(rule: AlertRule, clusterLabel: string) {
  const changes = {
    ...Object.fromEntries(
      Object.entries(rule.thresholds).map(([name, each]) => [name, threshold(each).optional()]),
    ),
    for: duration.optional(),
    severity: z
      .enum(['critical', 'warning', 'info'], {
        error: ({ input }) => `expected critical, warning or info, got ${shown(input)}`,
      })
      .optional(),
    off: z.boolean({ error: ({ input }) => `expected true or false, got ${shown(input)}` }).optional(),
  };
  const override = settingsOf(rule, { match: match(rule, clusterLabel), ...changes });
  return settingsOf(rule, {
    ...changes,
    overrides: z
      .array(override, { error: ({ input }) => `expected a list of overrides, got ${shown(input)}` })
      .optional(),
  }).superRefine((settings, context) => {
    for (const { index, message } of overrideFaults(rule, settings as Settings[string] & object))
      context.addIssue({ code: 'custom', path: ['overrides', index], message });
  });
}

function settingsOf<S extends z.ZodRawShape>(rule: AlertRule, shape: S) {
  const known = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `${rule.alert} has no setting ${issue.keys.map((key) => JSON.stringify(key)).join(', ')} here; it has ${known}`
        : `expected settings (${known}), such as { off: true }, got ${shown(issue.input)}`,
  });
}

function threshold({ unit }: Threshold) {
  const error = ({ input }: { readonly input?: unknown }): string =>
    `expected ${rangeText(unit)}, got ${shown(input)}; to switch an alert off: off: true`;
  return z.number({ error }).refine((value) => isInRange(value, unit), { error });
}

/** Only one label: series that an override does not match go to the next one, and PromQL cannot express "not both". */
function match(rule: AlertRule, clusterLabel: string) {
  const error = ({ input }: { readonly input?: unknown }): string =>
    `expected one label and a regular expression for its value, such as match: { instance: "lab.*" }, got ${shown(input)}`;
  return z.record(z.string(), z.unknown(), { error }).superRefine((labels, context) => {
    const names = Object.keys(labels);
    if (names.length !== 1) {
      const message =
        names.length === 0
          ? error({ input: labels })
          : `match takes one label, got ${names.join(' and ')}; give these targets a common label in the scrape configuration, or write an override for each`;
      context.addIssue({ code: 'custom', message });
    }
    for (const [label, pattern] of Object.entries(labels)) {
      const message = overrideLabelFault(rule, label, clusterLabel) ?? patternFault(pattern);
      if (message !== undefined) context.addIssue({ code: 'custom', path: [label], message });
    }
  });
}

function patternFault(pattern: unknown): string | undefined {
  if (typeof pattern !== 'string') return `expected a regular expression in quotes, got ${shown(pattern)}`;
  const fault = regexFault(pattern);
  return fault === undefined ? undefined : `${shown(pattern)} is not a valid regular expression: ${fault}`;
}

function unknownAlerts(names: readonly string[]): string {
  return names
    .map((name) => {
      const renamed = RENAMED_ALERTS.get(name);
      return renamed === undefined
        ? `unknown alert ${shown(name)}; docs/alerting-on-overcommit.md lists all`
        : `alert ${name} is now called ${renamed}`;
    })
    .join('; ');
}

/** Formats a value of the file for a message, short and on one line. */
function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'number') return String(value);
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
