import { expect, test } from 'vitest';
import { alertCases } from './alert-cases/all.ts';
import { ruleTestOfCase } from './alert-cases/rule-test.ts';
import { hasPromtool, testRules } from './promtool.ts';

const alerts = [...new Set(alertCases.map(({ alert }) => alert))];

test.skipIf(!hasPromtool).each(alerts)('%s fires when, and only when, its cases say so', (alert) => {
  const { passed, output } = testRules(alertCases.filter((each) => each.alert === alert).map(ruleTestOfCase));
  expect(passed, output).toBe(true);
});

test.skipIf(!hasPromtool)('promtool fails a case whose alert does not fire as it says', () => {
  const [first] = alertCases;
  if (first === undefined) throw new Error('there is no case');
  const silent = { ...first, at: Object.fromEntries(Object.keys(first.at).map((minute) => [minute, []])) };
  const { passed, output } = testRules([ruleTestOfCase(silent)]);
  expect(output).toContain(first.alert);
  expect(passed).toBe(false);
});
