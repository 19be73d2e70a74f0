import { parseSeconds } from '../../model/duration.ts';
import { metric, ON_HOST, OVERRIDE_LABEL, select } from '../promql.ts';
import { alertGroups } from './alerts/all.ts';
import type { RuleContext } from './context.ts';
import { type Duration, durationOf } from './duration.ts';
import { IN_MAINTENANCE, recordedSeries, recordingRules } from './recording.ts';
import type { Value } from './reference.ts';
import type { AlertContext, AlertGroup, AlertRule } from './rule.ts';
import type { AlertSettings, Settings } from './settings.ts';

/** A Prometheus rule file. */
export interface RuleFile {
  readonly groups: readonly RuleGroup[];
}

export interface RuleGroup {
  readonly name: string;
  /** Evaluation interval: a fleet's rules are costly for Prometheus, and rates over 5 minutes change slowly. */
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
  /** The site's thresholds, durations and severities. */
  readonly settings?: Settings | undefined;
  /** Names of alert groups to build; all when absent. All recording rules are always built. */
  readonly groups?: readonly string[] | undefined;
  /** A regular expression for the `job` label of virtune's scrapes. */
  readonly job?: string | undefined;
  /** Prometheus' scrape interval for virtune: a lower bound of the evaluation interval. */
  readonly scrapeInterval?: string | undefined;
  /** Base URL of the runbooks; `/NAME.md` is appended. */
  readonly runbookUrl?: string | undefined;
  /** Divides every duration, so that tests simulate hours within seconds. */
  readonly faster?: number | undefined;
}

const RECORDED_EVERY_SECONDS = 30;
const ALERTS_EVERY_SECONDS = 60;
/**
 * Rates are over 5 minutes, which is also Prometheus' lookback: with four samples in that time two consecutive scrapes
 * may fail.
 */
export const LONGEST_SCRAPE_INTERVAL_SECONDS = 300 / 4;

export const DEFAULT_JOB = 'virtune.*';
export const DEFAULT_RUNBOOK_URL = 'https://github.com/virtune/virtune/blob/main/docs/runbooks';

export function buildRecordingRules(options: RuleOptions = {}): RuleFile {
  const context = contextOf(options);
  const rules = recordingRules.map(({ record, expr }) => ({ record, expr: expr(context) }));
  // One group: its rules are evaluated in order, so each may use the results of those before it.
  return { groups: [{ name: 'virtune', interval: intervalOf(RECORDED_EVERY_SECONDS, options), rules }] };
}

export function buildAlertRules(options: RuleOptions = {}): RuleFile {
  const asked = alertGroups.filter(({ name }) => options.groups?.includes(name) ?? true);
  return {
    groups: asked
      .map((group) => ({
        name: `virtune-${group.name}`,
        interval: intervalOf(ALERTS_EVERY_SECONDS, options),
        rules: alertsOf(group, options),
      }))
      .filter(({ rules }) => rules.length > 0),
  };
}

function intervalOf(seconds: number, { scrapeInterval, faster = 1 }: RuleOptions): Duration {
  const scrapedEvery = scrapeInterval === undefined ? 0 : parseSeconds(scrapeInterval);
  return durationOf(Math.max(1, Math.max(seconds, scrapedEvery) / faster));
}

function alertsOf({ alerts }: AlertGroup, options: RuleOptions): BuiltAlertRule[] {
  return alerts.flatMap((rule) => variantsOf(rule, options));
}

/**
 * One rule per override, for the series that it matches, and one for all others: each series is evaluated once, by the
 * first override that matches, and its text shows the effective threshold.
 */
function variantsOf(rule: AlertRule, options: RuleOptions): BuiltAlertRule[] {
  const { overrides = [], ...settings } = options.settings?.[rule.alert] ?? {};
  const built: BuiltAlertRule[] = [];
  const others: string[] = [];
  for (const { match, ...changes } of overrides) {
    const variant = { ...settings, ...changes };
    const [label = '', pattern = ''] = Object.entries(match)[0] ?? [];
    if (variant.off !== true) {
      const own = buildAlert(rule, variant, options, [...others, matcher(label, '=~', pattern)]);
      const labels = { ...own.labels, [OVERRIDE_LABEL]: literally(matcher(label, '=~', pattern)) };
      built.push({ ...own, labels });
    }
    others.push(matcher(label, '!~', pattern));
  }
  if (settings.off !== true) built.push(buildAlert(rule, settings, options, others));
  return built;
}

const matcher = (label: string, operator: '=~' | '!~', pattern: string): string =>
  `${label}${operator}${JSON.stringify(pattern)}`;

/** The value of a rule's label is a Go template. */
const literally = (text: string): string => text.replaceAll('{{', '{{ "{{" }}');

function buildAlert(
  rule: AlertRule,
  settings: AlertSettings,
  options: RuleOptions,
  matchers: readonly string[],
): BuiltAlertRule {
  const values = Object.fromEntries(
    Object.entries(rule.thresholds).map(([name, { value }]) => [name, (settings[name] ?? value) as Value]),
  );
  const heldSeconds = (settings.for ?? parseSeconds(rule.for)) / (options.faster ?? 1);
  const expr = rule.expr(values, alertContextOf(options, matchers));
  return {
    alert: rule.alert,
    expr: ['vm', 'host'].includes(rule.subject) ? `(${expr}) unless ${ON_HOST} ${IN_MAINTENANCE}` : expr,
    ...(heldSeconds > 0 ? { for: durationOf(heldSeconds) } : {}),
    labels: {
      severity: settings.severity ?? rule.severity,
      ...(rule.component === undefined ? {} : { component: rule.component }),
    },
    annotations: {
      summary: capital(rule.summary(values)),
      description: rule.description(values),
      runbook_url: `${options.runbookUrl ?? DEFAULT_RUNBOOK_URL}/${rule.alert}.md`,
    },
  };
}

function contextOf(
  { job = DEFAULT_JOB, faster = 1 }: RuleOptions,
  more: readonly string[] = [],
): RuleContext {
  const own = [`job=~${JSON.stringify(job)}`, ...more];
  return {
    // Prometheus accepts no shorter range than a second here.
    range: (duration) => durationOf(Math.max(1, parseSeconds(duration) / faster)),
    metric: (name, ...matchers) => metric(name, ...own, ...matchers),
  };
}

function alertContextOf(options: RuleOptions, more: readonly string[]): AlertContext {
  return {
    ...contextOf(options, more),
    recorded: (name, ...matchers) => recordedSeries(name, ...more, ...matchers),
    alerts: (names, ...matchers) => select('ALERTS', [`alertname=~"${names}"`, ...more, ...matchers]),
  };
}

const capital = (sentence: string): string => sentence.charAt(0).toUpperCase() + sentence.slice(1);
