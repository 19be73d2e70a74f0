import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { RuleGroup } from '../../dashboards/rules/build.ts';
import { yamlFile } from '../../dashboards/rules/yaml.ts';

/** Tests that need it are skipped without it. */
export const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
if (!hasPromtool)
  console.warn('promtool is not installed, so rules are not evaluated: apt-get install prometheus');

/** Rules, input series, and the expected results. */
export interface RuleTest {
  readonly groups: readonly RuleGroup[];
  /** Names of groups in order of evaluation; promtool orders the others arbitrarily. */
  readonly order?: readonly string[];
  /** Minutes between values, and between evaluations; 1 by default. */
  readonly everyMinutes?: number;
  /** Minutes between evaluations, if different from those between values. */
  readonly evaluatedEveryMinutes?: number;
  /** Values in promtool's notation, by series. */
  readonly series: Readonly<Record<string, string>>;
  /** Lists of promtool's test file. */
  readonly expected: {
    readonly alert_rule_test?: readonly unknown[];
    readonly promql_expr_test?: readonly unknown[];
  };
}

export interface PromtoolResult {
  readonly passed: boolean;
  readonly output: string;
}

/** `promtool test rules`, all tests in one call. */
export function testRules(tests: readonly RuleTest[]): PromtoolResult {
  const files = tests.flatMap((test, index): [string, string][] => [
    [`rules-${index}.yaml`, yamlFile('', { groups: test.groups })],
    [`test-${index}.yaml`, stringify(testFile(test, `rules-${index}.yaml`), { lineWidth: 0 })],
  ]);
  return runWith(new Map(files), ['test', 'rules'], (name) => name.startsWith('test-'));
}

/** `promtool check rules`, with its lint. */
export function checkRules(groups: readonly unknown[]): PromtoolResult {
  const files = new Map([['rules.yaml', yamlFile('', { groups })]]);
  return runWith(files, ['check', 'rules', '--lint=all', '--lint-fatal'], () => true);
}

function testFile(test: RuleTest, rules: string): unknown {
  const { order = [], everyMinutes = 1, evaluatedEveryMinutes = everyMinutes, series, expected } = test;
  const interval = `${everyMinutes}m`;
  return {
    rule_files: [rules],
    evaluation_interval: `${evaluatedEveryMinutes}m`,
    group_eval_order: order,
    tests: [
      {
        interval,
        input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
        ...expected,
      },
    ],
  };
}

function runWith(
  files: ReadonlyMap<string, string>,
  args: readonly string[],
  isArgument: (name: string) => boolean,
): PromtoolResult {
  const folder = mkdtempSync(join(tmpdir(), 'virtune-promtool-'));
  try {
    for (const [name, text] of files) writeFileSync(join(folder, name), text);
    const named = [...files.keys()].filter(isArgument).map((name) => join(folder, name));
    const { status, stdout, stderr } = spawnSync('promtool', [...args, ...named], { encoding: 'utf8' });
    return { passed: status === 0, output: stdout + stderr };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
