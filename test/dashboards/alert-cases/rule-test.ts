import { alertGroups } from '../../../dashboards/rules/alerts/all.ts';
import { buildAlertRules, buildRecordingRules, type RuleGroup } from '../../../dashboards/rules/build.ts';
import { isVerifiedBy, readRunbooks } from '../../docs/runbooks.ts';
import { ofAlert } from '../../live/stack/runbook-queries.ts';
import type { RuleTest } from '../promtool.ts';
import type { AlertCase, Firing } from './case.ts';

/** Evaluated first: promtool orders groups arbitrarily, whereas Prometheus sees values that are some seconds old. */
const RECORDED = 'virtune';

const RUNBOOKS = 'https://runbooks.example';

const runbooks = new Map(readRunbooks().map((runbook) => [runbook.alert, runbook]));

/** A case with the rules it needs. While the alert fires, its runbook must not report the problem as solved. */
export function ruleTestOfCase({ alert, beside = [], series, everyMinutes = 1, at }: AlertCase): RuleTest {
  return {
    groups: groupsOf([alert, ...beside]),
    order: [RECORDED],
    everyMinutes,
    series,
    expected: {
      alert_rule_test: Object.entries(at).map(([minute, firing]) => ({
        eval_time: `${minute}m`,
        alertname: alert,
        exp_alerts: firing.map((each) => expected(alert, each)),
      })),
      promql_expr_test: Object.entries(at).flatMap(([minute, firing]) =>
        firing.flatMap(({ labels }) => verifying(alert, labels, `${minute}m`)),
      ),
    },
  };
}

/**
 * The groups with these alerts and the recorded series that their expressions and texts use. promtool evaluates every
 * rule of a file in every minute of a case: with all rules, the cases take ten times as long.
 */
function groupsOf(names: readonly string[]): readonly RuleGroup[] {
  const others = alertGroups.flatMap(({ alerts }) => alerts).filter((rule) => !names.includes(rule.alert));
  const settings = Object.fromEntries(others.map((rule) => [rule.alert, { off: true }]));
  const options = { runbookUrl: RUNBOOKS };
  const alerts = buildAlertRules({ ...options, settings }).groups;
  const recording = buildRecordingRules(options).groups;
  const recorded = recording.flatMap((group) => group.rules).filter((rule) => 'record' in rule);
  const needed = new Set<string>();
  const need = (text: string): void => {
    for (const { record, expr } of recorded) {
      if (needed.has(record) || !text.includes(record)) continue;
      needed.add(record);
      need(expr);
    }
  };
  need(JSON.stringify(alerts));
  return [
    ...recording.map((group) => ({
      ...group,
      rules: group.rules.filter((rule) => 'record' in rule && needed.has(rule.record)),
    })),
    ...alerts,
  ];
}

function verifying(alert: string, labels: Firing['labels'], at: string): unknown[] {
  const runbook = runbooks.get(alert);
  // Its runbook wants it to fire.
  if (runbook === undefined || alert === 'VirtuneWatchdog') return [];
  const quoted = Object.entries(labels).map(([name, value]) => [name, JSON.stringify(value).slice(1, -1)]);
  const expr = ofAlert(isVerifiedBy(runbook), Object.fromEntries(quoted), 1);
  return [{ expr, eval_time: at, exp_samples: [] }];
}

function expected(alert: string, { labels, summary, description }: Firing): unknown {
  return {
    exp_labels: labels,
    exp_annotations: { summary, description, runbook_url: `${RUNBOOKS}/${alert}.md` },
  };
}
