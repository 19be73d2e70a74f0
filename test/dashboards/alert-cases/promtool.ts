import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { alertGroups } from '../../../dashboards/rules/alerts/all.ts';
import { buildAlertRules, buildRecordingRules, type RuleGroup } from '../../../dashboards/rules/build.ts';
import { yamlFile } from '../../../dashboards/rules/yaml.ts';
import type { AlertCase, Firing } from './case.ts';

/** Evaluated first: promtool takes groups in any order, and Prometheus has values of some seconds ago. */
const RECORDED = 'virtune';

const RUNBOOKS = 'https://runbooks.example';

/** Writes each case as promtool reads it, with the rules it needs, for as long as `use` runs. */
export function withTestFiles<T>(cases: readonly AlertCase[], use: (files: readonly string[]) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'virtune-rules-'));
  try {
    const files = cases.map((each, index) => {
      const file = join(folder, `${index}.yaml`);
      const groups = groupsOf([each.alert, ...(each.beside ?? [])]);
      writeFileSync(join(folder, `rules-${index}.yaml`), yamlFile('', { groups }));
      writeFileSync(file, stringify(testFile(each, `rules-${index}.yaml`), { lineWidth: 0 }));
      return file;
    });
    return use(files);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * The groups of rules with some alerts and the recorded series that their expressions and texts use. promtool evaluates every
 * rule of a file in every minute of a case: with all rules, the cases take ten times as long.
 */
function groupsOf(names: readonly string[]): readonly RuleGroup[] {
  const others = alertGroups.flatMap(({ alerts }) => alerts).filter((rule) => !names.includes(rule.alert));
  const settings = Object.fromEntries(others.map((rule) => [rule.alert, { off: true }]));
  const options = { runbookUrl: RUNBOOKS };
  const alerts = buildAlertRules({ ...options, settings }).groups;
  const recording = buildRecordingRules(options).groups;
  let used = JSON.stringify(alerts);
  // A recorded series uses only those before it.
  const needed = new Set<string>();
  for (const rule of recording.flatMap(({ rules }) => rules).toReversed()) {
    if (!('record' in rule) || !used.includes(rule.record)) continue;
    needed.add(rule.record);
    used += rule.expr;
  }
  return [
    ...recording.map((group) => ({
      ...group,
      rules: group.rules.filter((rule) => 'record' in rule && needed.has(rule.record)),
    })),
    ...alerts,
  ];
}

function testFile({ alert, series, everyMinutes = 1, at }: AlertCase, rules: string): unknown {
  const interval = `${everyMinutes}m`;
  return {
    rule_files: [rules],
    evaluation_interval: interval,
    group_eval_order: [RECORDED],
    tests: [
      {
        interval,
        input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
        alert_rule_test: Object.entries(at).map(([minute, firing]) => ({
          eval_time: `${minute}m`,
          alertname: alert,
          exp_alerts: firing.map((each) => expected(alert, each)),
        })),
      },
    ],
  };
}

function expected(alert: string, { labels, summary, description }: Firing): unknown {
  return {
    exp_labels: labels,
    exp_annotations: { summary, description, runbook_url: `${RUNBOOKS}/${alert}.md` },
  };
}
