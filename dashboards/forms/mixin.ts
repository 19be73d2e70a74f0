import { parseSeconds } from '../../model/duration.ts';
import { readBuiltDashboards } from '../built.ts';
import { CLUSTER_LABEL, withClusterLabel } from '../cluster-label.ts';
import type { FileOptions, Files } from '../files.ts';
import { OVERRIDE_LABEL } from '../promql.ts';
import { alertGroups } from '../rules/alerts/all.ts';
import {
  type BuiltAlertRule,
  type BuiltRecordingRule,
  buildAlertRules,
  buildRecordingRules,
  DEFAULT_JOB,
  DEFAULT_RUNBOOK_URL,
  type RuleFile,
} from '../rules/build.ts';
import { type Duration, durationOf } from '../rules/duration.ts';
import { numberAt, reference } from '../rules/reference.ts';
import type { AlertRule } from '../rules/rule.ts';
import type { Settings } from '../rules/settings.ts';
import { dashboardsOf } from './contents.ts';
import { Jsonnet, toJsonnet } from './jsonnet.ts';

/**
 * A monitoring mixin (https://monitoring.mixins.dev): three hidden fields, and `_config` with what a site can override
 * in Jsonnet: selector, labels, thresholds, tags and uids. Rules and dashboards are those of the plain files, with
 * values replaced by references to `_config`.
 */
const FOLDER = 'mixin';
const UID_PREFIX = 'virtune-';
const JOB = reference('job');

export function mixinFiles(built: URL, options: FileOptions): Files {
  const { settings = {}, groups } = options;
  const rules = alertGroups
    .filter(({ name }) => groups?.includes(name) ?? true)
    .flatMap(({ alerts }) => alerts);
  const dashboards = dashboardsOf(
    readBuiltDashboards(built, thresholdsOf(settings, rules, reference), reference('c.clusterLabel')),
  );
  return new Map([
    [`${FOLDER}/mixin.libsonnet`, mixin(options, rules, [...dashboards.keys()])],
    ...Array.from(dashboards, ([name, json]): [string, string] => [
      `${FOLDER}/dashboards/${name}.libsonnet`,
      `${HEAD}function(c) ${toJsonnet(configurable(JSON.parse(json) as Dashboard))}\n`,
    ]),
  ]);
}

const HEAD = '// Made by virtune dashboards build.\n';

function mixin(options: FileOptions, rules: readonly AlertRule[], pages: readonly string[]): string {
  const { settings = {}, clusterLabel = CLUSTER_LABEL, job = DEFAULT_JOB } = options;
  const from: FileOptions = {
    ...options,
    job: JOB,
    runbookUrl: reference('c.runbookURL'),
    settings: thresholdsOf(settings, rules, numberAt),
  };
  const alerts = Object.fromEntries(rules.map((rule) => [rule.alert, configOf(rule, settings[rule.alert])]));
  const files = pages.map((page): [string, unknown] => [
    `virtune-${page}.json`,
    new Jsonnet(`(import "dashboards/${page}.libsonnet")(c)`),
  ]);
  return `${HEAD}// A monitoring mixin. Change it as other mixins: (import 'mixin.libsonnet') + { _config+:: { ... } }
local number(x) = '%.12g' % x;
local percent(x) =
  // Three digits, as in the plain files.
  local scale = std.pow(10, std.floor(std.log(x * 100) / std.log(10)) - 2);
  number(std.floor(x * 100 / scale + 0.5) * scale) + ' %';
{
  _config+:: {
    // Of virtune's scrapes, in every rule.
    virtuneSelector: ${toJsonnet(`job=~${JSON.stringify(job)}`)},
    // Of a host's cluster, in rules and dashboards.
    clusterLabel: ${toJsonnet(clusterLabel)},
    runbookURL: ${toJsonnet(options.runbookUrl ?? DEFAULT_RUNBOOK_URL)},
    // The first one lists the pages in the menu of each page.
    dashboardTags: ["virtune", "kvm", "libvirt"],
    dashboardUidPrefix: ${toJsonnet(UID_PREFIX)},
    dashboardTitlePrefix: "",
    // Thresholds are those of docs/alerting-on-overcommit.md, also in the dashboards; off: true removes an alert.
    alerts: ${toJsonnet(alerts, '    ')},
  },
  local c = $._config,
  local isOn(rule) =
    !std.objectHas(rule, 'alert') || std.objectHas(rule.labels, '${OVERRIDE_LABEL}') || !c.alerts[rule.alert].off,
${rules.flatMap(assertionsOf).join('')}  prometheusRules+:: ${toJsonnet(rulesFrom(buildRecordingRules(from)), '  ')},
  prometheusAlerts+:: ${toJsonnet(rulesFrom(buildAlertRules(from)), '  ')},
  grafanaDashboards+:: ${toJsonnet(Object.fromEntries(files), '  ')},
}
`;
}

/** Asserts that alerts counted by another are enabled: without them it would never fire. */
const assertionsOf = ({ alert, dependsOn = [] }: AlertRule): string[] =>
  dependsOn.map(
    (name) =>
      `  assert !c.alerts.${name}.off || c.alerts.${alert}.off : '${alert} counts ${name}: switch both off, or none',\n`,
  );

/** Settings in which thresholds for all series are references to `_config`; overrides keep the site's values. */
function thresholdsOf(
  settings: Settings,
  rules: readonly AlertRule[],
  as: (path: string) => string,
): Settings {
  return Object.fromEntries(
    rules.map(({ alert, thresholds }) => {
      const { off: isOff, overrides, ...changes } = settings[alert] ?? {};
      const names = Object.keys(thresholds);
      return [
        alert,
        {
          ...changes,
          ...Object.fromEntries(names.map((name) => [name, as(`c.alerts.${alert}.${name}`)])),
          overrides: overrides?.map((override) => ({ ...override, off: override.off ?? isOff })),
        },
      ];
    }),
  );
}

/** The values of an alert that users of the mixin can change. */
function configOf(rule: AlertRule, settings: Settings[string]): unknown {
  const seconds = settings?.for ?? parseSeconds(rule.for);
  return {
    ...Object.fromEntries(
      Object.entries(rule.thresholds).map(([name, { value }]) => [name, settings?.[name] ?? value]),
    ),
    for: durationOf(seconds),
    severity: settings?.severity ?? rule.severity,
    off: settings?.off ?? false,
  };
}

function rulesFrom(file: RuleFile): unknown {
  const { groups } = withSelector(
    withClusterLabel(
      { groups: file.groups.map((group) => ({ ...group, rules: group.rules.map(ruleFrom) })) },
      reference('c.clusterLabel'),
    ),
  );
  return {
    groups: groups.map(({ rules, ...group }) => ({
      ...group,
      rules: new Jsonnet(`std.filter(isOn, ${toJsonnet(rules, ' '.repeat(8))})`),
    })),
  };
}

/** Unchanged for an override: its duration and severity are the site's, not those of all other series. */
function ruleFrom(rule: BuiltRecordingRule | BuiltAlertRule): BuiltRecordingRule | BuiltAlertRule {
  if (!('alert' in rule) || OVERRIDE_LABEL in rule.labels) return rule;
  const { alert, labels, for: _, annotations, ...rest } = rule;
  const own = `c.alerts.${alert}`;
  return {
    alert,
    ...rest,
    for: reference(`${own}['for']`) as Duration,
    labels: { ...labels, severity: reference(`${own}.severity`) },
    annotations,
  };
}

function withSelector<T>(content: T): T {
  const found = JSON.stringify(`job=~"${JOB}"`).slice(1, -1);
  return JSON.parse(JSON.stringify(content).replaceAll(found, reference('c.virtuneSelector'))) as T;
}

interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly links: readonly object[];
}

/**
 * Makes uids and tags configurable, including links between pages, which contain uids, and the page list, which
 * searches by the first tag.
 */
function configurable(dashboard: Dashboard): unknown {
  const text = JSON.stringify(dashboard);
  const linked = JSON.parse(
    text.replaceAll(`/d/${UID_PREFIX}`, `/d/${reference('c.dashboardUidPrefix')}`),
  ) as Dashboard;
  return {
    ...linked,
    uid: reference('c.dashboardUidPrefix') + dashboard.uid.slice(UID_PREFIX.length),
    title: reference('c.dashboardTitlePrefix') + dashboard.title,
    tags: reference('c.dashboardTags'),
    links: linked.links.map((link) => ({ ...link, tags: reference('c.dashboardTags[0:1]') })),
  };
}
