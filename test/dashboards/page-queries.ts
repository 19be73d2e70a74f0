import { buildAlertRules, buildRecordingRules } from '../../dashboards/rules/build.ts';
import type { RuleTest } from './promtool.ts';

/** A query as a page has it, with what is selected there, and what it finds. */
export interface PageQuery {
  readonly expr: string;
  /** By variable, in the form in which Grafana inserts it: a regular expression. */
  readonly choices: Readonly<Record<string, string>>;
  /** Of the series that go in; 20 when absent. */
  readonly atMinutes?: number;
  readonly samples: readonly { readonly labels: string; readonly value: number }[];
}

/** Queries of pages beside all rules. */
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
