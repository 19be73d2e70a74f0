import { parseSeconds } from '../../model/duration.ts';
import { alertGroups } from './alerts/all.ts';
import { type Duration, durationOf } from './duration.ts';
import { recordingRules } from './recording.ts';
import type { AlertGroup, AlertRule, RuleContext } from './rule.ts';
import type { AlertSettings, Settings } from './settings.ts';

/** A file of rules, in the form that Prometheus reads. */
export interface RuleFile {
  readonly groups: readonly RuleGroup[];
}

export interface RuleGroup {
  readonly name: string;
  /** How often; a fleet's rules are work for Prometheus, and figures over 5 minutes are none of this second. */
  readonly interval: Duration;
  readonly rules: readonly (BuiltRecordingRule | BuiltAlertRule)[];
}

export interface BuiltRecordingRule {
  readonly record: string;
  readonly expr: string;
}

export interface BuiltAlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: Duration;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface RuleOptions {
  /** Thresholds, durations and severities of a site. */
  readonly settings?: Settings | undefined;
  /** Names of alert groups to build; all when absent. Recorded series are always all. */
  readonly groups?: readonly string[] | undefined;
  /** A regular expression that the `job` label of virtune's scrapes matches. */
  readonly job?: string | undefined;
  /** Where the runbooks are published; `/NAME.md` is appended. */
  readonly runbookUrl?: string | undefined;
  /** Tests live through hours in seconds: every duration is divided by this. */
  readonly faster?: number | undefined;
}

const RECORDED_EVERY = '30s';
const ALERTS_EVERY = '1m';

export const DEFAULT_JOB = 'virtune.*';
export const DEFAULT_RUNBOOK_URL = 'https://github.com/virtune/virtune/blob/main/docs/runbooks';

export function buildRecordingRules(options: RuleOptions = {}): RuleFile {
  const context = contextOf(options);
  const rules = recordingRules.map(({ record, expr }) => ({ record, expr: expr(context) }));
  // One group: its rules are taken in turn, and each may stand on those before it in the same moment.
  return { groups: [{ name: 'virtune', interval: context.range(RECORDED_EVERY), rules }] };
}

export function buildAlertRules(options: RuleOptions = {}): RuleFile {
  const asked = alertGroups.filter(({ name }) => options.groups?.includes(name) ?? true);
  return {
    groups: asked
      .map((group) => ({
        name: `virtune-${group.name}`,
        interval: contextOf(options).range(ALERTS_EVERY),
        rules: alertsOf(group, options),
      }))
      .filter(({ rules }) => rules.length > 0),
  };
}

function alertsOf({ alerts }: AlertGroup, options: RuleOptions): BuiltAlertRule[] {
  return alerts.flatMap((rule) => {
    const settings = options.settings?.[rule.alert] ?? {};
    return settings.off === true ? [] : [buildAlert(rule, settings, options)];
  });
}

function buildAlert(rule: AlertRule, settings: AlertSettings, options: RuleOptions): BuiltAlertRule {
  const values = Object.fromEntries(
    Object.entries(rule.thresholds).map(([name, { value }]) => [name, Number(settings[name] ?? value)]),
  );
  const heldSeconds = (settings.for ?? parseSeconds(rule.for)) / (options.faster ?? 1);
  return {
    alert: rule.alert,
    expr: rule.expr(values, contextOf(options)),
    ...(heldSeconds > 0 ? { for: durationOf(heldSeconds) } : {}),
    labels: { severity: settings.severity ?? rule.severity, component: rule.component },
    annotations: {
      summary: capital(rule.summary(values)),
      description: rule.description(values),
      runbook_url: `${options.runbookUrl ?? DEFAULT_RUNBOOK_URL}/${rule.alert}.md`,
    },
  };
}

function contextOf({ job = DEFAULT_JOB, faster = 1 }: RuleOptions): RuleContext {
  return {
    // Prometheus knows no shorter time than a second here.
    range: (duration) => durationOf(Math.max(1, parseSeconds(duration) / faster)),
    ofVirtune: `job=~${JSON.stringify(job)}`,
  };
}

const capital = (sentence: string): string => sentence.charAt(0).toUpperCase() + sentence.slice(1);
