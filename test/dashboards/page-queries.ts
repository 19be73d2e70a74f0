import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { buildAlertRules, buildRecordingRules } from '../../dashboards/rules/build.ts';
import { yamlFile } from '../../dashboards/rules/yaml.ts';

/** A query as a page has it, with what is selected there, and what it finds. */
export interface PageQuery {
  readonly expr: string;
  /** By variable, in the form in which Grafana inserts it: a regular expression. */
  readonly choices: Readonly<Record<string, string>>;
  /** Of the series that go in; 20 when absent. */
  readonly atMinutes?: number;
  readonly samples: readonly { readonly labels: string; readonly value: number }[];
}

/** Writes queries as a test for promtool, beside all rules, for as long as `use` runs. */
export function withQueryTest<T>(
  series: Readonly<Record<string, string>>,
  queries: readonly PageQuery[],
  use: (file: string) => T,
): T {
  const folder = mkdtempSync(join(tmpdir(), 'virtune-pages-'));
  try {
    const groups = [...buildRecordingRules().groups, ...buildAlertRules().groups];
    writeFileSync(join(folder, 'rules.yaml'), yamlFile('', { groups }));
    const file = join(folder, 'test.yaml');
    writeFileSync(file, stringify(testFile(series, queries), { lineWidth: 0 }));
    return use(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function testFile(series: Readonly<Record<string, string>>, queries: readonly PageQuery[]): unknown {
  return {
    rule_files: ['rules.yaml'],
    evaluation_interval: '1m',
    tests: [
      {
        interval: '1m',
        input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
        promql_expr_test: queries.map(({ expr, choices, atMinutes = 20, samples }) => ({
          expr: selected(expr, choices),
          eval_time: `${atMinutes}m`,
          exp_samples: samples,
        })),
      },
    ],
  };
}

function selected(expr: string, choices: Readonly<Record<string, string>>): string {
  return Object.entries(choices).reduce(
    (text, [name, value]) => text.replaceAll(`$${name}`, value),
    expr.replaceAll('$__rate_interval', '5m'),
  );
}
