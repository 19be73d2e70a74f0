import { buildAlertRules, buildRecordingRules } from '../../dashboards/rules/build.ts';
import type { RuleTest } from './promtool.ts';

/** A query of a page with the selected values, and its expected result. */
export interface PageQuery {
  readonly expr: string;
  /** By variable, in the form that Grafana inserts: a regular expression. */
  readonly choices: Readonly<Record<string, string>>;
  /** Time of the query, in minutes since the start of the series; 20 by default. */
  readonly atMinutes?: number;
  readonly samples: readonly { readonly labels: string; readonly value: number }[];
}

/** Evaluates queries of pages with all rules. */
export function ruleTestOfQueries(
  series: Readonly<Record<string, string>>,
  queries: readonly PageQuery[],
): RuleTest {
  return {
    groups: [...buildRecordingRules().groups, ...buildAlertRules().groups],
    series,
    expected: {
      promql_expr_test: queries.map(({ expr, choices, atMinutes = 20, samples }) => ({
        expr: selected(expr, choices),
        eval_time: `${atMinutes}m`,
        exp_samples: samples,
      })),
    },
  };
}

function selected(expr: string, choices: Readonly<Record<string, string>>): string {
  return Object.entries(choices).reduce(
    (text, [name, value]) => text.replaceAll(`$${name}`, value),
    expr.replaceAll('$__rate_interval', '5m'),
  );
}
